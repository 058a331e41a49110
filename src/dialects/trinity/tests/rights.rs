//! What people hold by a right ends with it, at once; and nothing is left of agents that are gone.

use actix_web::test::TestRequest;
use greenroom_actors::error::CoreError;
use serde_json::{Value, json};

use super::live::{Listening, key, terminal};
use super::support::Site;
use crate::accounts::Role;
use crate::dialects::stage::{HUSH, Setting};
use crate::dialects::trinity::TrinitySettings;
use crate::preferences::SSH_ACCESS;
use crate::ssh::SshSettings;

fn auth(token: &str) -> String {
    json!({"type": "auth", "token": token}).to_string()
}

#[actix::test]
async fn a_terminal_ends_with_the_right_to_the_agent() {
    let here = Listening::new().await;
    let site = &here.site;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let friend = site.user("friend@example.org", Role::User).await;
    let boss = site.user("boss@example.org", Role::Admin).await;
    site.agent(&owner, "ada").await;
    let share = json!({"email": "friend@example.org"});
    site.call(&owner, "POST", "/api/agents/ada/share", share).await;
    let role = json!({"role": "creator"});
    let unshare = "/api/agents/ada/share/friend@example.org";
    for (token, by, method, path, body) in [
        (&friend, &owner, "DELETE", unshare, Value::Null),
        (&boss, &site.admin, "PUT", "/api/users/boss@example.org/role", role),
    ] {
        let (told, mut socket) = terminal(&here, "ada", "claude", &auth(token)).await;
        assert_eq!(told["type"], "auth_success", "{told}");
        socket.shown("> ").await;
        let (status, told) = site.call(by, method, path, body).await;
        assert_eq!(status, 200, "{told}");
        assert_eq!(socket.code().await, 4003, "{path}");
    }
}

#[actix::test]
async fn a_socket_ends_with_the_key_that_it_was_opened_with() {
    let here = Listening::new().await;
    let site = &here.site;
    site.user("owner@example.org", Role::Creator).await;
    let (id, key) = key(site, "owner@example.org").await;
    let mut socket = here.socket(&format!("/ws/events?token={key}")).await.unwrap();
    assert_eq!(socket.json().await["type"], "connected");
    site.stage.host.accounts.revoke_key(id).await.unwrap();
    assert_eq!(socket.code().await, 4001);
}

#[actix_web::test]
async fn a_stream_ends_with_the_share_that_it_was_opened_by() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let friend = site.user("friend@example.org", Role::User).await;
    site.agent(&owner, "ada").await;
    let share = json!({"email": "friend@example.org"});
    site.call(&owner, "POST", "/api/agents/ada/share", share).await;
    let task = json!({"message": HUSH, "async_mode": true});
    let (_, told) = site.call(&owner, "POST", "/api/agents/ada/task", task).await;
    let path =
        format!("/api/agents/ada/executions/{}/stream", told["execution_id"].as_str().unwrap());
    let asking =
        TestRequest::get().uri(&path).insert_header(("authorization", format!("Bearer {friend}")));
    let mut stream = site.stage.open(asking).await;
    assert_eq!(stream.status, 200);
    let (told, unshared) = futures::join!(
        async {
            let mut told = Vec::new();
            while let Some(frame) = stream.next().await {
                told.push(frame.data);
            }
            told
        },
        site.call(&owner, "DELETE", "/api/agents/ada/share/friend@example.org", Value::Null),
    );
    assert_eq!(unshared.0, 200);
    let [.., last, end] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (&last["type"], &last["message"], &end["type"]),
        (&json!("error"), &json!("Access denied to agent"), &json!("stream_end"))
    );
}

#[actix::test]
async fn whoever_is_no_administrator_any_more_loses_what_only_those_have() {
    let ssh = SshSettings { enabled: true, ..SshSettings::default() };
    let site = Site::of(Setting { ssh, ..Setting::default() }, TrinitySettings::default()).await;
    let host = &site.stage.host;
    let set = vec![(SSH_ACCESS.to_owned(), "true".to_owned())];
    host.preferences.set(set).await.unwrap();
    let owner = site.user("owner@example.org", Role::Creator).await;
    let boss = site.user("boss@example.org", Role::Admin).await;
    site.agent(&owner, "ada").await;
    let agent = host.roster.find("ada").await.unwrap().unwrap().id;
    // Whichever is free: another test may have the agent's own.
    let any = host.roster.amend(agent, |entry| {
        entry.port = 0;
        Ok::<_, CoreError>(())
    });
    any.await.unwrap();
    for name in ["mine", "other"] {
        site.agent(&boss, name).await;
    }
    // Two have access, and an agent of theirs calls another's and one of their own.
    for token in [&boss, &site.admin] {
        let wish = json!({"auth_method": "password"});
        let (status, told) = site.call(token, "POST", "/api/agents/ada/ssh-access", wish).await;
        assert_eq!(status, 200, "{told}");
    }
    let permits = json!({"permitted_agents": ["ada", "other"]});
    site.call(&boss, "PUT", "/api/agents/mine/permissions", permits).await;
    let role = json!({"role": "creator"});
    let path = "/api/users/boss@example.org/role";
    assert_eq!(site.call(&site.admin, "PUT", path, role).await.0, 200);
    assert_eq!(host.ssh.revoke(agent).await.unwrap(), 1, "the other's is left");
    let (_, told) = site.call(&boss, "GET", "/api/agents/mine/permissions", Value::Null).await;
    let left: Vec<_> =
        told["permitted_agents"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(left, ["other"]);
}

#[actix_web::test]
async fn nothing_is_left_of_an_agent_that_is_gone() {
    let site = Site::new().await;
    let host = &site.stage.host;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "ada").await;
    site.agent(&owner, "bob").await;
    let at = |rest: &str| format!("/api/agents/ada/{rest}");
    let tea = json!({"name": "tea", "cron_expression": "0 9 * * *", "message": "tea"});
    let notice = json!({
        "agent_name": "ada", "notification_type": "info", "title": "x", "message": "y",
    });
    for (method, path, body) in [
        ("POST", at("chat"), json!({"message": "hello"})),
        // A second session, so that it is kept which is the active one.
        ("DELETE", at("chat/history"), Value::Null),
        ("POST", at("schedules"), tea),
        ("POST", at("share"), json!({"email": "friend@example.org"})),
        ("PUT", at("tags"), json!({"tags": ["a"]})),
        ("PUT", at("folders"), json!({"expose_enabled": true})),
        ("POST", at("permissions/bob"), Value::Null),
        ("POST", "/api/agents/bob/permissions/ada".to_owned(), Value::Null),
        ("POST", at("public-links"), json!({})),
        ("POST", "/api/notifications".to_owned(), notice),
    ] {
        let (status, told) = site.call(&owner, method, &path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {told}");
    }
    let id = host.roster.find("ada").await.unwrap().unwrap().id.to_string();
    let kept = async || {
        let mut kept = Vec::new();
        for shelf in ["trinity", "roster", "ssh", "accounts", "milady", "primary"] {
            let all = host.registry.store().documents(shelf, "", 0, 1_000).await.unwrap();
            let of_it = all.into_iter().filter(|document| {
                document.key.contains(&id) || document.value.to_string().contains(&id)
            });
            kept.extend(of_it.map(|document| format!("{shelf}/{}", document.key)));
        }
        kept
    };
    assert!(kept().await.iter().any(|key| key.starts_with("trinity/chat/")));
    assert_eq!(site.call(&owner, "DELETE", "/api/agents/ada", Value::Null).await.0, 200);
    assert_eq!(kept().await, [""; 0]);
    let folder = site.stage.folder().join("workspaces").join(&id);
    assert!(!folder.exists());
}
