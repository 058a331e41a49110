//! Codes by e-mail, the list of addresses, and asking for access.

use std::time::Duration;

use super::support::Scene;
use crate::accounts::{Accounts, AccountsError, AccountsSettings, EmailSettings, NewListed, Role};

async fn listed(accounts: &Accounts, email: &str, default_role: Role) {
    let new = NewListed {
        email: email.to_owned(),
        added_by: Some("admin".to_owned()),
        default_role,
        source: "manual",
    };
    accounts.list(new).await.unwrap();
}

#[actix_web::test]
async fn a_code_lets_in_once_whoever_is_on_the_list() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    listed(&accounts, "Ada@Example.org", Role::Creator).await;
    assert_eq!(accounts.send_code("bob@example.org", 1), Ok(false));
    assert_eq!(scene.letters.code("bob@example.org"), None);
    assert_eq!(accounts.send_code("ADA@example.org", 1), Ok(true));
    let first = scene.letters.code("ada@example.org").unwrap();
    assert!(first.len() == 6 && first.bytes().all(|digit| digit.is_ascii_digit()));
    assert_eq!(accounts.send_code("ada@example.org", 1), Ok(true));
    let second = scene.letters.code("ada@example.org").unwrap();
    let wrong = if second == "000000" { "000001" } else { "000000" };
    let refused = accounts.login_by_code("ada@example.org", wrong, 1).await;
    if first != wrong {
        assert_eq!(refused.err(), Some(AccountsError::WrongCode));
    }
    let session = accounts.login_by_code("ada@example.org", &first, 1).await.unwrap();
    assert_eq!(session.user.role, Role::Creator);
    assert_eq!(session.user.username, "ada@example.org");
    assert!(accounts.authenticate(&session.token).is_some());
    for code in [first, second] {
        let again = accounts.login_by_code("ada@example.org", &code, 1).await;
        assert_eq!(again.err(), Some(AccountsError::WrongCode), "a code is good once");
    }
}

#[actix_web::test]
async fn codes_end_and_are_counted() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    listed(&accounts, "ada@example.org", Role::User).await;
    for _ in 0..3 {
        assert_eq!(accounts.send_code("ada@example.org", 1), Ok(true));
    }
    let ten = Duration::from_secs(600);
    assert_eq!(accounts.send_code("ada@example.org", 1), Err(AccountsError::TooManyTries(ten)));
    let code = scene.letters.code("ada@example.org").unwrap();
    for _ in 0..5 {
        let wrong = accounts.login_by_code("ada@example.org", "no", 1).await;
        assert_eq!(wrong.err(), Some(AccountsError::WrongCode));
    }
    let right = accounts.login_by_code("ada@example.org", &code, 1).await;
    assert_eq!(right.err(), Some(AccountsError::TooManyTries(ten)));
    scene.clock.advance(ten).await;
    let late = accounts.login_by_code("ada@example.org", &code, 1).await;
    assert_eq!(late.err(), Some(AccountsError::WrongCode), "it is over");
    assert_eq!(accounts.send_code("ada@example.org", 1), Ok(true));
    // Whoever is taken off the list in the meantime is not let in.
    let code = scene.letters.code("ada@example.org").unwrap();
    accounts.unlist("ADA@example.org").await.unwrap();
    let gone = accounts.login_by_code("ada@example.org", &code, 1).await;
    assert_eq!(gone.err(), Some(AccountsError::WrongCode));
}

#[actix_web::test]
async fn the_list_is_kept_and_holds_each_address_once() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    listed(&accounts, "ada@example.org", Role::Operator).await;
    assert_eq!(accounts.ask_for_access("ADA@example.org", 1).await, Ok(true));
    assert_eq!(accounts.ask_for_access("bob@example.org", 1).await, Ok(false));
    assert_eq!(accounts.ask_for_access("bob", 1).await, Err(AccountsError::NotAnAddress));
    let later = scene.open(&AccountsSettings::default()).await;
    let found: Vec<_> = later
        .listed()
        .iter()
        .map(|one| (one.id, one.email.clone(), one.default_role, one.source.clone()))
        .collect();
    assert_eq!(
        found,
        [
            (2, "bob@example.org".to_owned(), Role::User, "access_request".to_owned()),
            (1, "ada@example.org".to_owned(), Role::Operator, "manual".to_owned()),
        ]
    );
    assert_eq!(
        later.unlist("eve@example.org").await,
        Err(AccountsError::NotListed("eve@example.org".to_owned()))
    );
    for _ in 0..8 {
        drop(accounts.ask_for_access("bob@example.org", 1).await);
    }
    let many = accounts.ask_for_access("bob@example.org", 1).await;
    assert!(matches!(many, Err(AccountsError::TooManyTries(_))));
}

#[actix_web::test]
async fn where_it_is_off_or_nothing_is_set_up_nobody_logs_in_by_email() {
    let scene = Scene::new().await;
    let off = AccountsSettings {
        email: EmailSettings { enabled: false, from: None },
        ..AccountsSettings::default()
    };
    let accounts = scene.open(&off).await;
    assert_eq!(accounts.send_code("a@b", 1), Err(AccountsError::SetupRequired));
    scene.set_up().await;
    let accounts = scene.open(&off).await;
    assert_eq!(accounts.send_code("a@b", 1), Err(AccountsError::EmailLoginDisabled));
    let verified = accounts.login_by_code("a@b", "123456", 1).await;
    assert_eq!(verified.err(), Some(AccountsError::EmailLoginDisabled));
    let asked = accounts.ask_for_access("a@b", 1).await;
    assert_eq!(asked, Err(AccountsError::EmailLoginDisabled));
}

#[actix_web::test]
async fn one_client_does_not_try_the_addresses_of_all_others() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    listed(&accounts, "ada@example.org", Role::User).await;
    accounts.send_code("ada@example.org", 1).unwrap();
    let code = scene.letters.code("ada@example.org").unwrap();
    // What is right does not count.
    assert!(accounts.login_by_code("ada@example.org", &code, 1).await.is_ok());
    let guess = async |number: u32, client: u128| {
        let address = format!("somebody-{number}@example.org");
        accounts.login_by_code(&address, "000000", client).await.err()
    };
    for number in 0..60 {
        assert_eq!(guess(number, 1).await, Some(AccountsError::WrongCode), "{number}");
    }
    assert!(matches!(guess(60, 1).await, Some(AccountsError::TooManyTries(_))));
    let nobody = accounts.login_by_code("no address", "1", 1).await;
    assert!(matches!(nobody.err(), Some(AccountsError::TooManyTries(_))));
    // None of it is the address's own: somebody else tries it still.
    assert_eq!(guess(60, 2).await, Some(AccountsError::WrongCode));
    for number in 0..59 {
        assert_eq!(accounts.send_code(&format!("{number}@example.org"), 1), Ok(false));
    }
    let many = accounts.send_code("last@example.org", 1);
    assert!(matches!(many, Err(AccountsError::TooManyTries(_))));
    assert_eq!(accounts.send_code("last@example.org", 2), Ok(false));
}
