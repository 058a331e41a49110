//! Public links: for their owners, and for whoever has one.

use std::sync::Arc;

use actix_web::test::TestRequest;
use greenroom_actors::ports::VirtualClock;
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;
use crate::dialects::stage::{HUSH, Setting};
use crate::dialects::trinity::TrinitySettings;
use crate::roster::AccessPolicy;

const LINKS: &str = "/api/agents/mine/public-links";

async fn made(site: &Site, owner: &str) -> (String, String) {
    site.agent(owner, "mine").await;
    let (status, link) = site.call(owner, "POST", LINKS, json!({"name": "Site"})).await;
    assert_eq!(status, 200, "{link}");
    (link["id"].as_str().unwrap().to_owned(), link["token"].as_str().unwrap().to_owned())
}

#[actix_web::test]
async fn links_are_their_owners() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    let (id, token) = made(&site, &owner).await;
    assert_eq!((id.len(), token.len()), (22, 32));
    let path = format!("{LINKS}/{id}");
    let (_, links) = site.call(&owner, "GET", LINKS, Value::Null).await;
    assert_eq!((&links[0]["id"], &links[0]["name"]), (&json!(id), &json!("Site")));
    assert!(links[0]["url"].as_str().unwrap().ends_with(&format!("/chat/{token}")));
    let info =
        async || site.call("", "GET", &format!("/api/public/link/{token}"), Value::Null).await;
    assert_eq!(info().await.1["valid"], true);
    for (change, is_valid) in [
        (json!({"enabled": false}), false),
        (json!({"enabled": true, "expires_at": "2020-01-01T00:00:00Z"}), false),
        (json!({"expires_at": "2999-01-01T00:00:00"}), true),
    ] {
        let (status, told) = site.call(&owner, "PUT", &path, change.clone()).await;
        assert_eq!(status, 200, "{told}");
        assert_eq!(info().await.1["valid"], is_valid, "{change}");
    }
    for (token, method, path, body, status, words) in [
        (&stranger, "GET", LINKS, Value::Null, 403, "Owner access required"),
        (&stranger, "POST", LINKS, json!({}), 403, "Owner access required"),
        (&stranger, "DELETE", &path, Value::Null, 403, "Owner access required"),
        (&owner, "GET", "/api/agents/none/public-links", Value::Null, 404, "Agent not found"),
        (
            &owner,
            "GET",
            "/api/agents/mine/public-links/x",
            Value::Null,
            404,
            "Public link not found",
        ),
        (&owner, "POST", LINKS, json!({"expires_at": "soon"}), 400, "expires_at"),
        (&owner, "POST", LINKS, json!({"name": "x".repeat(300)}), 400, "name"),
    ] {
        let (found, told) = site.refused(token, method, path, body).await;
        assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
    }
    let removed = site.call(&owner, "DELETE", &path, Value::Null).await;
    assert_eq!(removed, (200, json!({"message": "Public link deleted", "link_id": id})));
    let (status, told) = info().await;
    assert_eq!(
        (status, &told["valid"], &told["reason"]),
        (200, &json!(false), &json!("invalid_or_expired"))
    );
}

#[actix_web::test]
async fn whoever_has_a_link_talks_to_the_agent() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let (_, token) = made(&site, &owner).await;
    let chat = format!("/api/public/chat/{token}");
    let (status, said) = site.call("", "POST", &chat, json!({"message": "Hello"})).await;
    assert_eq!(status, 200, "{said}");
    assert!(said["response"].as_str().unwrap().contains("Hello"), "{said}");
    assert_eq!(said["message_count"], 2);
    let session = said["session_id"].as_str().unwrap().to_owned();
    let again = json!({"message": "Again", "session_id": session});
    assert_eq!(site.call("", "POST", &chat, again).await.1["message_count"], 4);
    let history = format!("/api/public/history/{token}?session_id={session}");
    let (_, told) = site.call("", "GET", &history, Value::Null).await;
    let roles: Vec<_> =
        told["messages"].as_array().unwrap().iter().map(|one| &one["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
    // Another's talk is another.
    let (_, other) = site
        .call("", "GET", &format!("/api/public/history/{token}?session_id=x"), Value::Null)
        .await;
    assert_eq!(other["message_count"], 0);
    let (_, none) =
        site.call("", "GET", &format!("/api/public/history/{token}"), Value::Null).await;
    assert_eq!(none["messages"], json!([]));
    let clear = format!("/api/public/session/{token}?session_id={session}");
    let (status, cleared) = site.call("", "DELETE", &clear, Value::Null).await;
    assert_eq!((status, &cleared["cleared"]), (200, &json!(true)));
    assert!(cleared["new_session_id"].as_str().unwrap() != session);
    assert_eq!(site.call("", "GET", &history, Value::Null).await.1["message_count"], 0);
    let (status, intro) =
        site.call("", "GET", &format!("/api/public/intro/{token}"), Value::Null).await;
    assert!(status == 200 && !intro["intro"].as_str().unwrap().is_empty(), "{intro}");
    let (status, books) =
        site.call("", "GET", &format!("/api/public/playbooks/{token}"), Value::Null).await;
    assert_eq!((status, &books["count"]), (200, &json!(0)));
    // Asked for later.
    let later = json!({"message": "Later", "async_mode": true});
    let (_, accepted) = site.call("", "POST", &chat, later).await;
    assert_eq!(accepted["status"], "accepted");
    let id = accepted["execution_id"].as_str().unwrap();
    let stream = site
        .send("", "GET", &format!("/api/public/executions/{token}/{id}/stream"), Value::Null)
        .await;
    assert!(stream.text.ends_with("data: {\"type\":\"stream_end\"}\n\n"), "{}", stream.text);
    assert!(
        stream.text.contains("Later")
            && stream.header("content-type").starts_with("text/event-stream")
    );
    let (_, done) = site
        .call("", "GET", &format!("/api/public/executions/{token}/{id}/status"), Value::Null)
        .await;
    assert_eq!(done["status"], "success");
    assert!(done["response"].as_str().unwrap().contains("Later"));
    let bad = "A".repeat(32);
    for (method, path, body) in [
        ("POST", format!("/api/public/chat/{bad}"), json!({"message": "x"})),
        ("GET", format!("/api/public/history/{bad}"), Value::Null),
        ("DELETE", format!("/api/public/session/{bad}"), Value::Null),
        ("GET", format!("/api/public/intro/{bad}"), Value::Null),
        ("GET", format!("/api/public/playbooks/{bad}"), Value::Null),
        ("GET", format!("/api/public/executions/{bad}/{id}/status"), Value::Null),
        ("GET", format!("/api/public/executions/{bad}/{id}/stream"), Value::Null),
        ("POST", "/api/public/verify/request".to_owned(), json!({"token": bad, "email": "a@b.c"})),
        (
            "POST",
            "/api/public/verify/confirm".to_owned(),
            json!({"token": bad, "email": "a@b.c", "code": "1"}),
        ),
    ] {
        let told = site.refused("", method, &path, body).await;
        assert_eq!(told, (404, "Invalid or expired link".to_owned()), "{method} {path}");
    }
    for (method, path, body, status, words) in [
        ("POST", chat.clone(), json!({"message": ""}), 422, "string_too_short"),
        (
            "POST",
            chat.clone(),
            json!({"message": "x", "session_id": "y".repeat(200)}),
            400,
            "session_id",
        ),
        ("DELETE", format!("/api/public/session/{token}"), Value::Null, 400, "session_id required"),
        (
            "GET",
            format!("/api/public/executions/{token}/x/status"),
            Value::Null,
            404,
            "Execution not found",
        ),
        (
            "POST",
            "/api/public/verify/request".to_owned(),
            json!({"token": token, "email": "a@b.c"}),
            400,
            "does not require",
        ),
    ] {
        let (found, told) = site.refused("", method, &path, body).await;
        assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
    }
    site.call(&owner, "POST", "/api/agents/mine/stop", Value::Null).await;
    let (status, told) = site.refused("", "POST", &chat, json!({"message": "x"})).await;
    assert!(status == 503, "{status} {told}");
    let (_, usage) = site.call(&owner, "GET", LINKS, Value::Null).await;
    assert_eq!(usage[0]["usage_stats"]["total_messages"], 4);
}

#[actix_web::test]
async fn what_is_said_within_one_millisecond_is_told_in_order() {
    let clock = Arc::new(VirtualClock::at(UnixMillis(1_800_000_000_000)));
    let setting = Setting { clock, ..Setting::default() };
    let site = Site::of(setting, TrinitySettings::default()).await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let (_, token) = made(&site, &owner).await;
    for text in ["one", "two"] {
        let said = json!({"message": text, "session_id": "talk"});
        site.call("", "POST", &format!("/api/public/chat/{token}"), said).await;
    }
    let history = format!("/api/public/history/{token}?session_id=talk");
    let (_, told) = site.call("", "GET", &history, Value::Null).await;
    let said: Vec<_> =
        told["messages"].as_array().unwrap().iter().map(|one| &one["content"]).collect();
    assert_eq!(said, ["one", "echo: one", "two", "echo: two"]);
}

#[actix_web::test]
async fn an_answer_comes_piece_by_piece_and_ends_with_its_link() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let (id, token) = made(&site, &owner).await;
    let asked = async |text: &str| {
        let said = json!({"message": text, "async_mode": true});
        let (_, accepted) = site.call("", "POST", &format!("/api/public/chat/{token}"), said).await;
        let id = accepted["execution_id"].as_str().unwrap();
        let stream = format!("/api/public/executions/{token}/{id}/stream");
        site.stage.open(TestRequest::get().uri(&stream)).await
    };
    let mut stream = asked("Later").await;
    let (mut pieces, mut whole) = (String::new(), Value::Null);
    loop {
        let entry = stream.next().await.unwrap().data;
        match entry["type"].as_str().unwrap() {
            "stream_event" => pieces += entry["event"]["delta"]["text"].as_str().unwrap(),
            "assistant" => whole = entry["message"]["content"][0]["text"].clone(),
            kind => break assert_eq!(kind, "stream_end"),
        }
    }
    assert_eq!(whole, "echo: Later");
    // Whoever comes late hears the whole alone.
    assert!(pieces.is_empty() || pieces == "echo: Later", "{pieces}");
    assert!(stream.next().await.is_none());
    // One that is not answered ends as soon as the link leads nowhere.
    let mut stream = asked(HUSH).await;
    let (told, off) = futures::join!(stream.next(), async {
        let off = json!({"enabled": false});
        site.call(&owner, "PUT", &format!("{LINKS}/{id}"), off).await
    });
    assert_eq!(off.0, 200);
    assert_eq!(told.unwrap().data["type"], "error");
    assert_eq!(stream.next().await.unwrap().data["type"], "stream_end");
}

#[actix_web::test]
async fn a_link_may_ask_for_an_address_and_whose_it_is() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let (_, token) = made(&site, &owner).await;
    let host = &site.stage.host;
    let agent = host.roster.find("mine").await.unwrap().unwrap().id;
    let policy = async |is_open: bool| {
        host.roster
            .amend(agent, |entry| {
                entry.access =
                    AccessPolicy { requires_email: true, is_open, ..AccessPolicy::default() };
                Ok::<_, greenroom_actors::error::CoreError>(())
            })
            .await
            .unwrap();
    };
    policy(true).await;
    let info = site.call("", "GET", &format!("/api/public/link/{token}"), Value::Null).await.1;
    assert_eq!(info["require_email"], true);
    let chat = format!("/api/public/chat/{token}");
    for (body, words) in [
        (json!({"message": "x"}), "Session token required"),
        (json!({"message": "x", "session_token": "no"}), "Invalid or expired session"),
        (json!({"message": "x", "session_id": "a"}), "Session token required"),
    ] {
        let (status, told) = site.refused("", "POST", &chat, body).await;
        assert!(status == 401 && told.contains(words), "{status} {told}");
    }
    let email = "Guest@Example.org";
    let wish = json!({"token": token, "email": email});
    let (status, sent) = site.call("", "POST", "/api/public/verify/request", wish.clone()).await;
    assert_eq!((status, &sent["expires_in_seconds"]), (200, &json!(600)));
    let code = site.stage.letters.code("guest@example.org").unwrap();
    let confirm = async |code: &str| {
        let proof = json!({"token": token, "email": email, "code": code});
        site.call("", "POST", "/api/public/verify/confirm", proof).await
    };
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let (status, told) = confirm(wrong).await;
    assert_eq!(
        (status, &told["verified"], &told["error"]),
        (200, &json!(false), &json!("invalid_code"))
    );
    let (_, told) = confirm(&code).await;
    assert_eq!(told["verified"], true, "{told}");
    let session = told["session_token"].as_str().unwrap().to_owned();
    assert_eq!(confirm(&code).await.1["verified"], false, "a code is good once");
    let say = async || {
        site.call("", "POST", &chat, json!({"message": "Hi", "session_token": session})).await
    };
    let (status, said) = say().await;
    assert_eq!((status, &said["session_id"]), (200, &Value::Null), "{said}");
    let (_, history) = site
        .call(
            "",
            "GET",
            &format!("/api/public/history/{token}?session_token={session}"),
            Value::Null,
        )
        .await;
    assert_eq!(history["message_count"], 2);
    // It proves nothing to another link.
    let (_, other) = site.call(&owner, "POST", LINKS, json!({})).await;
    let other = format!("/api/public/chat/{}", other["token"].as_str().unwrap());
    let body = json!({"message": "Hi", "session_token": session});
    assert_eq!(site.call("", "POST", &other, body).await.0, 401);
    // Only those who may use the agent.
    policy(false).await;
    assert_eq!(say().await.0, 403);
    let share = json!({"email": "guest@example.org"});
    site.call(&owner, "POST", "/api/agents/mine/share", share).await;
    assert_eq!(say().await.0, 200);
    site.call(&owner, "DELETE", "/api/agents/mine/share/guest@example.org", Value::Null).await;
    assert_eq!(say().await.0, 403);
    // Nobody is written to without end.
    for _ in 0..2 {
        site.call("", "POST", "/api/public/verify/request", wish.clone()).await;
    }
    assert_eq!(site.call("", "POST", "/api/public/verify/request", wish).await.0, 429);
}

#[actix_web::test]
async fn an_address_looks_at_links_so_often_and_no_more() {
    let site = Site::new().await;
    let mut last = 0;
    for _ in 0..61 {
        last = site.call("", "GET", "/api/public/link/x", Value::Null).await.0;
    }
    assert_eq!(last, 429);
}
