//! Keys of programs and agents.

use std::time::Duration;

use greenroom_actors::ids::AgentId;
use proptest::prelude::*;
use uuid::Uuid;

use super::support::Scene;
use crate::accounts::{AccountsError, AccountsSettings, NewKey, NewUser, Role, Scope};

fn new(name: &str) -> NewKey {
    NewKey { name: name.to_owned(), description: None }
}

#[actix_web::test]
async fn a_key_is_known_by_its_digest_until_it_is_revoked_or_removed() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    let admin = accounts.user("admin").unwrap();
    let made = accounts.make_key(&admin, new("mine")).await.unwrap();
    let secret = made.secret.reveal().to_owned();
    assert!(secret.starts_with("trinity_mcp_") && secret.len() == 12 + 43);
    assert!(secret[12..].chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
    assert_eq!(made.key.prefix, secret[..20]);
    assert!(!scene.kept().await.contains(&secret[20..]));
    assert!(!format!("{made:?}").contains(&secret[20..]));

    let known = accounts.authenticate(&secret).unwrap();
    assert_eq!(known.user.username, "admin");
    assert_eq!(known.key().unwrap().id, made.key.id);
    assert_eq!(known.agent(), None);
    scene.clock.advance(Duration::from_secs(1)).await;
    accounts.authenticate(&secret).unwrap();
    let later = scene.open(&AccountsSettings::default()).await;
    assert_eq!(later.key(made.key.id).unwrap().usage_count(), 0, "not one write for each use");
    accounts.keep_usage().await.unwrap();
    let later = scene.open(&AccountsSettings::default()).await;
    let key = later.key(made.key.id).unwrap();
    assert_eq!(key.usage_count(), 2);
    assert_eq!(key.last_used_at(), Some(scene.registry.clock().now()));

    let revoked = later.revoke_key(made.key.id).await.unwrap();
    assert!(!revoked.is_active && later.authenticate(&secret).is_none());
    assert_eq!(later.keys(Some(admin.id)).len(), 1);
    later.remove_key(made.key.id).await.unwrap();
    assert!(later.keys(None).is_empty());
    assert_eq!(later.remove_key(made.key.id).await, Err(AccountsError::UnknownKey));
}

#[actix_web::test]
async fn an_agents_key_comes_moves_and_goes_with_it() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    let user = NewUser { email: "ada@example.org".to_owned(), role: Role::Creator };
    let ada = accounts.enrol(user).await.unwrap();
    let agent = AgentId(Uuid::new_v4());
    let made = accounts.make_agent_key(agent, "one", &ada, Scope::Agent).await.unwrap();
    let again = accounts.make_agent_key(agent, "one", &ada, Scope::Agent).await.unwrap();
    assert_eq!((made.id, made.name.as_str()), (again.id, "agent-one-key"));
    let secret = accounts.agent_secret(agent).unwrap();
    let known = accounts.authenticate(secret.reveal()).unwrap();
    assert_eq!((known.user.id, known.agent()), (ada.id, Some(agent)));
    accounts.rename_agent_key(agent, "two").await.unwrap();
    let later = scene.open(&AccountsSettings::default()).await;
    let key = later.agent_key(agent).unwrap();
    assert_eq!(key.name, "agent-two-key");
    assert_eq!(key.agent_name.as_deref(), Some("two"));
    let known = later.authenticate(secret.reveal()).unwrap();
    assert_eq!(known.key().unwrap().name, "agent-two-key");
    assert_eq!(later.agent_secret(agent).unwrap().reveal(), secret.reveal());
    assert!(!scene.kept().await.contains(&secret.reveal()[20..]), "it is kept nowhere");
    later.remove_agent_key(agent).await.unwrap();
    later.remove_agent_key(agent).await.unwrap();
    assert!(later.authenticate(secret.reveal()).is_none());
    assert!(later.agent_secret(agent).is_none());
}

#[actix_web::test]
async fn the_default_key_is_made_where_there_is_none() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    let admin = accounts.user("admin").unwrap();
    // That of an agent is not the person's own.
    let agent = AgentId(Uuid::new_v4());
    accounts.make_agent_key(agent, "a", &admin, Scope::System).await.unwrap();
    let made = accounts.ensure_key(&admin).await.unwrap().unwrap();
    assert_eq!(made.key.name, "Default MCP Key");
    assert!(accounts.ensure_key(&admin).await.unwrap().is_none());
    accounts.revoke_key(made.key.id).await.unwrap();
    assert!(accounts.ensure_key(&admin).await.unwrap().is_some());
}

#[actix_web::test]
async fn no_other_text_is_a_key() {
    let scene = Scene::new().await;
    let accounts = scene.set_up().await;
    let admin = accounts.user("admin").unwrap();
    let secret = accounts.make_key(&admin, new("k")).await.unwrap().secret.reveal().to_owned();
    proptest!(|(at in 0_usize..55, bit in 0_u8..8)| {
        let mut bytes = secret.clone().into_bytes();
        bytes[at] ^= 1 << bit;
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(accounts.authenticate(&changed).is_none());
        }
    });
    for text in ["", "trinity_mcp_", &secret[..54], &format!("{secret}x"), &secret[12..]] {
        assert!(accounts.authenticate(text).is_none(), "{text}");
    }
}
