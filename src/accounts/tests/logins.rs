//! The first setup, passwords and tokens.

use std::time::Duration;

use super::support::{PASSWORD, Scene, text};
use crate::accounts::{
    AccountsError, AccountsSettings, Confidential, Handover, Mode, NewUser, Role, TOKEN_LIFE,
    Weakness,
};

fn settings(secret_key: Option<&str>, admin_password: Option<&str>) -> AccountsSettings {
    AccountsSettings {
        secret_key: secret_key.and_then(Confidential::new),
        admin_password: admin_password.and_then(Confidential::new),
        ..AccountsSettings::default()
    }
}

#[actix_web::test]
async fn the_first_setup_works_once_with_the_token_of_the_log() {
    let scene = Scene::new().await;
    let accounts = scene.open(&AccountsSettings::default()).await;
    assert!(!accounts.is_set_up());
    let login = accounts.login("admin", text(PASSWORD), 1).await;
    assert_eq!(login.err(), Some(AccountsError::SetupRequired));
    let token = accounts.setup_token().to_owned();
    for (token, password, refused) in [
        ("wrong", PASSWORD, AccountsError::WrongSetupToken),
        ("", PASSWORD, AccountsError::WrongSetupToken),
        (token.as_str(), "short", AccountsError::WeakPassword(Weakness::TooShort)),
    ] {
        assert_eq!(accounts.set_up(token, text(password)).await, Err(refused));
    }
    let (one, two) = tokio::join!(
        accounts.set_up(&token, text(PASSWORD)),
        accounts.set_up(&token, text("Another-Horse-8!")),
    );
    assert!(one.is_ok() != two.is_ok(), "of two at once one comes first: {one:?} {two:?}");
    let again = accounts.set_up(&token, text(PASSWORD)).await;
    assert_eq!(again, Err(AccountsError::SetupCompleted));
    let later = scene.open(&AccountsSettings::default()).await;
    assert!(later.is_set_up());
    assert_ne!(later.setup_token(), token, "each start has its own");
}

#[actix_web::test]
async fn a_token_outlives_a_restart_and_ends_with_its_time_or_the_password() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    let session = accounts.login("admin", text(PASSWORD), 1).await.unwrap();
    assert_eq!(session.user.last_login, Some(scene.registry.clock().now()));
    let later = scene.open(&AccountsSettings::default()).await;
    let known = later.authenticate(&session.token).unwrap();
    assert!(known.is_admin() && known.key().is_none() && known.agent().is_none());
    assert_eq!(known.user.last_login, session.user.last_login);

    // Another salt cannot open the secret, and a new one is made.
    assert!(
        scene
            .open_with(&AccountsSettings::default(), "pepper")
            .await
            .authenticate(&session.token)
            .is_none()
    );

    let accounts = scene.set_up().await;
    let session = accounts.login("admin", text(PASSWORD), 1).await.unwrap();
    scene.clock.advance(TOKEN_LIFE - Duration::from_secs(1)).await;
    assert!(accounts.authenticate(&session.token).is_some());
    // The password was set twice at one instant: the token begins two seconds after.
    scene.clock.advance(Duration::from_secs(3)).await;
    assert!(accounts.authenticate(&session.token).is_none());

    let session = accounts.login("admin", text(PASSWORD), 1).await.unwrap();
    accounts.reset_password(text("Another-Horse-8!")).await.unwrap();
    assert!(accounts.authenticate(&session.token).is_none(), "whoever knew the old one is out");
    assert!(accounts.login("admin", text(PASSWORD), 1).await.is_err());
    let session_after = accounts.login("admin", text("Another-Horse-8!"), 1).await.unwrap();
    assert!(accounts.authenticate(&session_after.token).is_some(), "in the very same second");
    let kept = scene.kept().await;
    for secret in [PASSWORD, "Another-Horse-8!", session.token.as_str()] {
        assert!(!kept.contains(secret));
    }
}

#[actix_web::test]
async fn a_configured_password_holds_until_another_is_set_and_again_when_it_changes() {
    let scene = Scene::new().await;
    let (first, second) = ("Configured-1-pw!", "Configured-2-pw!");
    let configured = settings(Some("secret"), Some(first));
    let accounts = scene.open(&configured).await;
    assert!(accounts.is_set_up());
    assert!(accounts.login("admin", text(first), 1).await.is_ok());
    accounts.reset_password(text(PASSWORD)).await.unwrap();
    let accounts = scene.open(&configured).await;
    assert!(accounts.login("admin", text(PASSWORD), 1).await.is_ok(), "it was reset since");
    assert!(accounts.login("admin", text(first), 1).await.is_err());
    let accounts = scene.open(&settings(Some("secret"), Some(second))).await;
    let session = accounts.login("admin", text(second), 1).await.unwrap();
    // The secret of the configuration is that of the tokens.
    let other = scene.open(&settings(Some("another"), Some(second))).await;
    assert!(other.authenticate(&session.token).is_none());
    let same = scene.open(&settings(Some("secret"), Some(second))).await;
    assert!(same.authenticate(&session.token).is_some());
}

#[actix_web::test]
async fn who_gets_it_wrong_too_often_waits_and_a_success_forgives() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    let wrong = async |client| accounts.login("admin", text("wrong"), client).await.err();
    for _ in 0..4 {
        assert_eq!(wrong(1).await, Some(AccountsError::WrongPassword));
    }
    assert!(accounts.login("admin", text(PASSWORD), 1).await.is_ok());
    for _ in 0..5 {
        assert_eq!(wrong(1).await, Some(AccountsError::WrongPassword));
    }
    scene.clock.advance(Duration::from_secs(60)).await;
    let wait = Duration::from_secs(9 * 60);
    assert_eq!(wrong(1).await, Some(AccountsError::TooManyTries(wait)));
    let right = accounts.login("admin", text(PASSWORD), 1).await;
    assert_eq!(right.err(), Some(AccountsError::TooManyTries(wait)));
    assert!(accounts.login("admin", text(PASSWORD), 2).await.is_ok(), "others are let in");
    scene.clock.advance(wait).await;
    assert!(accounts.login("admin", text(PASSWORD), 1).await.is_ok());
    for username in ["nobody", "", "ADMIN"] {
        let login = accounts.login(username, text(PASSWORD), 3).await;
        assert_eq!(login.err(), Some(AccountsError::WrongPassword), "{username}");
    }
    let long = accounts.login("admin", text(&"x".repeat(1000)), 4).await;
    assert_eq!(long.err(), Some(AccountsError::WrongPassword));
}

#[actix_web::test]
async fn many_wrong_ones_at_once_count_each() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    let tries = (0..20).map(|_| accounts.login("admin", text("wrong"), 9));
    let ends = futures::future::join_all(tries).await;
    let wrong = ends.iter().filter(|end| matches!(end, Err(AccountsError::WrongPassword)));
    assert_eq!(wrong.count(), 5);
}

#[actix_web::test]
async fn a_password_that_is_handed_over_is_taken_once_by_a_running_host_or_the_next_one() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    let handover = Handover::in_folder(scene.folder.path());
    assert!(!accounts.take_over().await.unwrap());
    assert!(handover.leave(text("weak")).await.is_err());
    handover.leave(text("Handed-Over-9!x")).await.unwrap();
    let file = scene.folder.path().join("admin-password.new");
    assert!(!std::fs::read_to_string(&file).unwrap().contains("Handed-Over"));
    assert!(accounts.take_over().await.unwrap());
    assert!(!file.exists() && !accounts.take_over().await.unwrap());
    assert!(accounts.login("admin", text("Handed-Over-9!x"), 1).await.is_ok());
    handover.leave(text("Handed-Again-9!x")).await.unwrap();
    let later = scene.open(&AccountsSettings::default()).await;
    assert!(later.login("admin", text("Handed-Again-9!x"), 1).await.is_ok());
    assert!(!file.exists());
    for nonsense in [
        "",
        "{}",
        "\"plain\"",
        "\"$argon2id$v=19$m=4194304,t=9,p=9$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
    ] {
        std::fs::write(&file, nonsense).unwrap();
        assert!(later.take_over().await.is_err(), "{nonsense}");
        assert!(later.login("admin", text("Handed-Again-9!x"), 1).await.is_ok());
    }
}

#[actix_web::test]
async fn tokens_end_with_each_change_of_the_password_however_close_they_are() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    let mut token = accounts.login("admin", text(PASSWORD), 1).await.unwrap().token;
    for password in ["First-Of-Many-1!", "Second-Of-Many-2!", "Third-Of-Many-3!"] {
        accounts.reset_password(text(password)).await.unwrap();
        assert!(accounts.authenticate(&token).is_none(), "{password}");
        token = accounts.login("admin", text(password), 1).await.unwrap().token;
        assert!(accounts.authenticate(&token).is_some(), "{password}");
    }
    let later = scene.open(&AccountsSettings::default()).await;
    assert!(later.authenticate(&token).is_some());
}

#[actix_web::test]
async fn users_have_roles_and_nobody_changes_their_own() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    let new = |email: &str| NewUser { email: email.to_owned(), role: Role::User };
    let ada = accounts.enrol(new(" Ada@Example.org")).await.unwrap();
    assert_eq!((ada.id, ada.username.as_str()), (2, "ada@example.org"));
    assert_eq!(accounts.enrol(new("ada@example.org")).await.unwrap(), ada);
    assert_eq!(accounts.user_by_email("ADA@example.org"), Some(ada.clone()));
    assert_eq!(accounts.enrol(new("ada")).await, Err(AccountsError::NotAnAddress));
    let admin = accounts.user("admin").unwrap();
    let token = accounts.token(&ada, Mode::Email).unwrap();
    let given = accounts.set_role(&admin, "ada@example.org", Role::Creator).await.unwrap();
    assert_eq!(given.role, Role::Creator);
    assert_eq!(accounts.authenticate(&token).unwrap().user.role, Role::Creator, "at once");
    let refused = accounts.set_role(&given, "ada@example.org", Role::Admin).await;
    assert_eq!(refused, Err(AccountsError::OwnRole));
    let refused = accounts.set_role(&admin, "nobody", Role::User).await;
    assert_eq!(refused, Err(AccountsError::UnknownUser));
    let later = scene.open(&AccountsSettings::default()).await;
    assert_eq!(later.users().len(), 2);
    assert_eq!(later.user_by_id(2).unwrap().role, Role::Creator);
    for (role, max) in [
        (Role::Admin, None),
        (Role::Creator, Some(10)),
        (Role::Operator, Some(3)),
        (Role::User, Some(1)),
    ] {
        let user = crate::accounts::User { role, ..crate::accounts::User::clone(&given) };
        assert_eq!(accounts.agents_max(&user), max);
        let over = accounts.check_quota(&user, 10);
        assert_eq!(over.is_ok(), max.is_none(), "{role}");
    }
}
