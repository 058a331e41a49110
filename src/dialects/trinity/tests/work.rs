//! Chats, tasks, executions and queues.

use std::collections::BTreeSet;

use actix_web::test::TestRequest;
use greenroom_actors::agent::Change;
use greenroom_actors::lifecycle::Command;
use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::{Role, Scope};
use crate::dialects::stage::HUSH;

/// A site, its owner's token, a stranger's, and a running agent.
async fn site() -> (Site, String, String) {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    (site, owner, stranger)
}

async fn stop(site: &Site, name: &str) {
    let agent = site.stage.host.roster.find(name).await.unwrap().unwrap();
    site.stage.host.registry.ask(agent.id, Change::insisting(Command::Stop)).await.unwrap();
}

fn at(path: &str) -> String {
    format!("/api/agents/mine/{path}")
}

#[actix_web::test]
async fn models_that_clients_name_unasked_are_no_reason_to_refuse() {
    let (site, owner, _) = site().await;
    for model in ["sonnet", "opus", "haiku", "claude-sonnet-4-5", "gemini-2.5-pro"] {
        for path in ["chat", "task"] {
            let said = json!({"message": "hello", "model": model});
            let (status, told) = site.call(&owner, "POST", &at(path), said).await;
            assert_eq!((status, &told["response"]), (200, &json!("echo: hello")), "{told}");
            // The record says what was asked for, and what has answered.
            assert_eq!(told["execution_log"][0]["requested_model"], model);
            assert_eq!(told["execution_log"][0]["model"], Value::Null);
        }
        let schedule = json!({
            "name": model, "cron_expression": "0 9 * * *", "message": "tea", "model": model,
        });
        let (status, made) = site.call(&owner, "POST", &at("schedules"), schedule).await;
        assert_eq!((status, &made["model"]), (201, &json!(model)), "{made}");
        let (status, told) = site.call(&owner, "PUT", &at("model"), json!({"model": model})).await;
        assert_eq!((status, &told["model"]), (200, &json!(model)), "{told}");
    }
}

#[actix_web::test]
async fn a_chat_is_answered_and_kept_in_a_session() {
    let (site, owner, stranger) = site().await;
    let (status, told) = site.call(&owner, "POST", &at("chat"), json!({"message": "hello"})).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["response"], "echo: hello");
    let types = told["execution_log"].as_array().unwrap().iter().map(|it| it["type"].clone());
    assert_eq!(types.collect::<Vec<_>>(), ["init", "assistant", "result"]);
    assert_eq!(told["execution"]["queue_status"], "running");
    assert_eq!(told["session"]["message_count"], 2);
    let id = told["execution"]["task_execution_id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 22);

    let (_, history) = site.call(&owner, "GET", &at("chat/history"), Value::Null).await;
    assert_eq!((&history[0]["role"], &history[1]["role"]), (&json!("user"), &json!("assistant")));
    let (_, sessions) = site.call(&owner, "GET", &at("chat/sessions"), Value::Null).await;
    assert_eq!(
        (&sessions["session_count"], &sessions["sessions"][0]["status"]),
        (&json!(1), &json!("active"))
    );
    let session = sessions["sessions"][0]["id"].as_str().unwrap().to_owned();
    let one = at(&format!("chat/sessions/{session}"));
    let (_, detail) = site.call(&owner, "GET", &one, Value::Null).await;
    assert_eq!(
        (&detail["message_count"], &detail["messages"][0]["content"]),
        (&json!(2), &json!("hello"))
    );
    let (_, all) = site.call(&owner, "GET", &at("chat/history/persistent"), Value::Null).await;
    assert_eq!(all["messages"][0]["content"], "echo: hello");
    let (_, live) = site.call(&owner, "GET", &at("chat/session"), Value::Null).await;
    assert_eq!((&live["session_started"], &live["message_count"]), (&json!(true), &json!(2)));
    let (status, told) = site.call(&owner, "POST", &format!("{one}/close"), Value::Null).await;
    assert_eq!((status, &told["status"]), (200, &json!("closed")));
    let (_, history) = site.call(&owner, "GET", &at("chat/history"), Value::Null).await;
    assert_eq!(history, json!([]));
    let (_, detail) = site.call(&owner, "GET", &one, Value::Null).await;
    assert_eq!(detail["session"]["status"], "closed");

    let (_, list) = site.call(&owner, "GET", &at("executions"), Value::Null).await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    for (field, value) in [
        ("id", json!(id)),
        ("status", json!("success")),
        ("triggered_by", json!("chat")),
        ("message", json!("hello")),
        ("schedule_id", json!("__manual__")),
        ("source_user_email", json!("owner@example.org")),
    ] {
        assert_eq!(list[0][field], value, "{field}");
    }
    let (_, one) = site.call(&owner, "GET", &at(&format!("executions/{id}")), Value::Null).await;
    assert_eq!((&one["response"], &one["error"]), (&json!("echo: hello"), &Value::Null));
    let (_, log) =
        site.call(&owner, "GET", &at(&format!("executions/{id}/log")), Value::Null).await;
    assert_eq!((&log["has_log"], &log["log"][2]["subtype"]), (&json!(true), &json!("success")));
    let streamed =
        site.send(&owner, "GET", &at(&format!("executions/{id}/stream")), Value::Null).await;
    assert_eq!(streamed.header("content-type"), "text/event-stream");
    assert!(
        streamed.text.starts_with("data: {")
            && streamed.text.ends_with("data: {\"type\":\"stream_end\"}\n\n")
    );
    let over =
        site.call(&owner, "POST", &at(&format!("executions/{id}/terminate")), Value::Null).await;
    assert_eq!(over.1["status"], "already_finished");

    // Somebody else's.
    for (token, path, status) in [
        (&stranger, at("chat/sessions"), 403),
        (&stranger, at("executions"), 403),
        (&owner, at("executions/AAAAAAAAAAAAAAAAAAAAAA"), 404),
        (&owner, at("chat/sessions/AAAAAAAAAAAAAAAAAAAAAA"), 404),
        (&site.admin, at("chat/session"), 200),
    ] {
        assert_eq!(site.call(token, "GET", &path, Value::Null).await.0, status, "{path}");
    }
}

#[actix_web::test]
async fn who_may_ask_and_when() {
    let (site, owner, stranger) = site().await;
    let said = || json!({"message": "hi"});
    for (token, method, path, body, status, words) in [
        (&stranger, "POST", at("chat"), said(), 403, "Access denied to agent"),
        (&stranger, "POST", at("task"), said(), 403, "Access denied to agent"),
        (&owner, "POST", "/api/agents/none/task".to_owned(), said(), 404, "Agent not found"),
        (&owner, "POST", at("chat"), json!({}), 422, "missing"),
        (&owner, "POST", at("task"), json!({"message": "a", "max_turns": 501}), 400, "rounds_max"),
        (
            &owner,
            "POST",
            at("task"),
            json!({"message": "a", "timeout_seconds": 0}),
            422,
            "greater_than_equal",
        ),
        (&owner, "PUT", at("model"), json!({"model": "nothing"}), 400, "Unknown model"),
        (&owner, "PUT", at("timeout"), json!({}), 400, "execution_timeout_seconds is required"),
        (
            &owner,
            "PUT",
            at("timeout"),
            json!({"execution_timeout_seconds": 59}),
            400,
            "between 60 and 7200",
        ),
        (
            &owner,
            "PUT",
            at("timeout"),
            json!({"execution_timeout_seconds": true}),
            400,
            "between 60 and 7200",
        ),
        (
            &owner,
            "PUT",
            at("timeout"),
            json!({"execution_timeout_seconds": "90"}),
            400,
            "between 60 and 7200",
        ),
        (&stranger, "PUT", at("timeout"), json!({"execution_timeout_seconds": 90}), 403, "owner"),
        (&stranger, "GET", at("timeout"), Value::Null, 403, "permission to access"),
        (&stranger, "GET", at("capacity"), Value::Null, 403, "Access denied"),
        (&owner, "PUT", at("capacity"), json!({"max_parallel_tasks": 11}), 400, "between 1 and 10"),
        (&stranger, "PUT", at("capacity"), json!({"max_parallel_tasks": 2}), 403, "owners"),
        (&stranger, "POST", at("queue/clear"), Value::Null, 403, "Owner access required"),
        (&stranger, "DELETE", at("chat/history"), Value::Null, 403, "Owner access required"),
        (&owner, "POST", at("fan-out"), json!({"tasks": []}), 422, "1 to 50"),
        (
            &owner,
            "POST",
            at("fan-out"),
            json!({"tasks": [{"id": "a", "message": "b"}], "max_concurrency": 11}),
            422,
            "less_than_equal",
        ),
        (
            &owner,
            "POST",
            at("fan-out"),
            json!({"tasks": [{"id": "a", "message": "b"}], "agent": "x"}),
            400,
            "self",
        ),
    ] {
        let (found, told) = site.refused(token, method, &path, body).await;
        assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
    }
    stop(&site, "mine").await;
    for (method, path, body, status) in [
        ("POST", at("chat"), said(), 503),
        ("POST", at("task"), said(), 503),
        ("POST", at("task"), json!({"message": "a", "async_mode": true}), 503),
        ("GET", at("chat/history"), Value::Null, 503),
        ("GET", at("chat/session"), Value::Null, 400),
        ("GET", at("model"), Value::Null, 400),
        ("GET", at("executions/running"), Value::Null, 200),
        ("GET", at("queue"), Value::Null, 200),
        ("GET", at("activity"), Value::Null, 200),
    ] {
        let (found, told) = site.call(&owner, method, &path, body).await;
        assert_eq!(found, status, "{method} {path}: {told}");
    }
}

#[actix_web::test]
async fn tasks_run_at_the_same_time_and_wait_and_are_ended() {
    let (site, owner, _) = site().await;
    let set = json!({"max_parallel_tasks": 2});
    assert_eq!(site.call(&owner, "PUT", &at("capacity"), set).await.0, 200);
    let (_, done) = site.call(&owner, "POST", &at("task"), json!({"message": "sum"})).await;
    assert_eq!((&done["response"], &done["chat_session_id"]), (&json!("echo: sum"), &Value::Null));
    let saved = json!({"message": "long", "user_message": "short", "save_to_session": true});
    let (_, done) = site.call(&owner, "POST", &at("task"), saved).await;
    assert!(done["chat_session_id"].is_string(), "{done}");
    let (_, history) = site.call(&owner, "GET", &at("chat/history"), Value::Null).await;
    assert_eq!(
        (&history[0]["content"], &history[1]["content"]),
        (&json!("short"), &json!("echo: long"))
    );

    let quiet = json!({"message": HUSH, "async_mode": true});
    let mut ids = Vec::new();
    for expected in ["accepted", "accepted", "queued"] {
        let (status, told) = site.call(&owner, "POST", &at("task"), quiet.clone()).await;
        assert_eq!((status, &told["status"]), (200, &json!(expected)), "{told}");
        ids.push(told["execution_id"].as_str().unwrap().to_owned());
    }
    let (status, told) = site.refused(&owner, "POST", &at("task"), json!({"message": "a"})).await;
    assert!(status == 429 && told.contains("at capacity"), "{told}");
    let (_, capacity) = site.call(&owner, "GET", &at("capacity"), Value::Null).await;
    assert_eq!((&capacity["active_slots"], &capacity["available_slots"]), (&json!(2), &json!(0)));
    let (_, slots) = site.call(&owner, "GET", "/api/agents/slots", Value::Null).await;
    assert_eq!(slots["agents"], json!({"mine": {"max": 2, "active": 2}}));
    for (place, expected) in
        [(2, "cancelled_while_queued"), (0, "terminated"), (0, "already_finished")]
    {
        let path = at(&format!("executions/{}/terminate", ids[place]));
        let (_, told) = site.call(&owner, "POST", &path, Value::Null).await;
        assert_eq!(told["status"], expected);
    }
    let (_, list) = site.call(&owner, "GET", &at("executions?limit=3"), Value::Null).await;
    let statuses = list.as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap());
    let mut statuses: Vec<_> = statuses.collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["cancelled", "cancelled", "running"]);
    let (_, running) = site.call(&owner, "GET", &at("executions/running"), Value::Null).await;
    assert_eq!(running["executions"][0]["execution_id"], json!(ids[1]));
    let (_, released) = site.call(&owner, "POST", &at("queue/release"), Value::Null).await;
    assert_eq!((&released["slots_cleared"], &released["was_running"]), (&json!(1), &json!(false)));

    let tasks = json!({"tasks": [
        {"id": "a", "message": "one"}, {"id": "b", "message": "!fail"}, {"id": "c", "message": "three"},
    ]});
    let (_, fanned) = site.call(&owner, "POST", &at("fan-out"), tasks).await;
    assert_eq!((&fanned["completed"], &fanned["failed"]), (&json!(2), &json!(1)), "{fanned}");
    assert_eq!(fanned["results"][2]["response"], "echo: three");
    let (_, found) = site.call(&owner, "GET", &at("activities"), Value::Null).await;
    assert_eq!(found["count"], 8, "{found}");
    let (_, timeline) =
        site.call(&owner, "GET", "/api/activities/timeline?limit=2", Value::Null).await;
    assert_eq!(timeline["count"], 2);
}

#[actix_web::test]
async fn a_conversation_has_one_message_in_its_turn_and_three_that_wait() {
    let (site, owner, _) = site().await;
    let post = || {
        let request = TestRequest::post().uri(&at("chat"));
        let request = request.insert_header(("authorization", format!("Bearer {owner}")));
        site.stage.ask(request.set_json(json!({"message": HUSH})))
    };
    let queue = async || site.call(&owner, "GET", &at("queue"), Value::Null).await.1;
    let waiting = futures::future::join_all((0..4).map(|_| post()));
    let watching = async {
        while queue().await["queue_length"] != 3 || queue().await["is_busy"] != true {
            tokio::task::yield_now().await;
        }
        let full = post().await;
        assert_eq!(full.status, 429, "{}", full.text);
        let detail = &full.json()["detail"];
        assert_eq!((&detail["queue_length"], &detail["retry_after"]), (&json!(3), &json!(30)));
        assert_eq!(detail["agent"], "mine");
        let (_, cleared) = site.call(&owner, "POST", &at("queue/clear"), Value::Null).await;
        assert_eq!(cleared["cleared_count"], 3);
        let (_, released) = site.call(&owner, "POST", &at("queue/release"), Value::Null).await;
        assert_eq!(released["was_running"], true);
    };
    let (answers, ()) = futures::future::join(waiting, watching).await;
    for answer in answers {
        assert_eq!(answer.status, 503, "{}", answer.text);
    }
    assert_eq!(queue().await["queue_length"], 0);
}

#[actix_web::test]
async fn an_agent_asks_another_only_where_it_is_permitted() {
    let (site, owner, _) = site().await;
    site.agent(&owner, "other").await;
    let roster = &site.stage.host.roster;
    let (mine, other) =
        (roster.find("mine").await.unwrap().unwrap(), roster.find("other").await.unwrap().unwrap());
    let user = site.stage.host.accounts.user("owner@example.org").unwrap();
    site.stage.host.accounts.make_agent_key(mine.id, "mine", &user, Scope::Agent).await.unwrap();
    let key = site.agent_key("mine").await;
    let ask = |token: &str, source: &str| {
        let request = TestRequest::post().uri("/api/agents/other/task");
        let request = request.insert_header(("authorization", format!("Bearer {token}")));
        let request = request.insert_header(("x-source-agent", source.to_owned()));
        site.stage.ask(request.set_json(json!({"message": "help"})))
    };
    for (token, source) in [(&key, "mine"), (&key, "other"), (&key, "none"), (&owner, "mine")] {
        assert_eq!(ask(token, source).await.status, 403, "{source}");
    }
    let permit = roster.amend(mine.id, |entry| {
        entry.permits.insert(other.id);
        Ok::<_, greenroom_actors::error::CoreError>(())
    });
    permit.await.unwrap();
    let told = ask(&key, "mine").await;
    assert_eq!(told.status, 200, "{}", told.text);
    let (_, list) = site.call(&owner, "GET", "/api/agents/other/executions", Value::Null).await;
    assert_eq!(
        (&list[0]["triggered_by"], &list[0]["source_agent_name"]),
        (&json!("agent"), &json!("mine"))
    );
    let path = at("activities?activity_type=agent_collaboration");
    let (_, found) = site.call(&owner, "GET", &path, Value::Null).await;
    assert_eq!(found["count"], 1, "{found}");
    let activity = &found["activities"][0];
    assert_eq!(
        (&activity["activity_state"], &activity["details"]["target_agent"]),
        (&json!("completed"), &json!("other"))
    );
}

/// Shares the agent with somebody, who is answered with their token.
async fn friend(site: &Site, owner: &str) -> String {
    let friend = site.user("friend@example.org", Role::Creator).await;
    let share = json!({"email": "friend@example.org"});
    let (status, told) = site.call(owner, "POST", "/api/agents/mine/share", share).await;
    assert_eq!(status, 200, "{told}");
    friend
}

#[actix_web::test]
async fn whoever_may_not_use_an_agent_any_longer_follows_it_no_further() {
    let (site, owner, _) = site().await;
    let quiet = json!({"message": HUSH, "async_mode": true});
    let (_, task) = site.call(&owner, "POST", &at("task"), quiet).await;
    let path = at(&format!("executions/{}/stream", task["execution_id"].as_str().unwrap()));
    let follow = async |token: &str| {
        let request = TestRequest::get().uri(&path);
        let request = request.insert_header(("authorization", format!("Bearer {token}")));
        let mut live = site.stage.open(request).await;
        assert_eq!(live.status, 200);
        assert_eq!(live.next().await.unwrap().data["type"], "init");
        live
    };
    let friend = friend(&site, &owner).await;
    let key = json!({"name": "mine"});
    let (status, key) = site.call(&owner, "POST", "/api/mcp/keys", key).await;
    assert!(status < 300, "{key}");
    let (id, key) = (key["id"].as_str().unwrap(), key["api_key"].as_str().unwrap());

    let (mut shared, mut by_key) = (follow(&friend).await, follow(key).await);
    let path = "/api/agents/mine/share/friend@example.org";
    assert_eq!(site.call(&owner, "DELETE", path, Value::Null).await.0, 200);
    let path = format!("/api/mcp/keys/{id}");
    assert_eq!(site.call(&owner, "DELETE", &path, Value::Null).await.0, 200);
    for live in [&mut shared, &mut by_key] {
        let told = live.next().await.unwrap().data;
        assert_eq!(
            (&told["type"], &told["message"]),
            (&json!("error"), &json!("Access denied to agent"))
        );
        assert_eq!(live.next().await.unwrap().data["type"], "stream_end");
        assert_eq!(live.next().await, None);
    }
    // The owner's own goes on.
    follow(&owner).await;
}

#[actix_web::test]
async fn what_was_said_in_all_sessions_is_told_newest_first() {
    let (site, owner, _) = site().await;
    let friend = friend(&site, &owner).await;
    for (token, message) in [(&owner, "one"), (&friend, "two"), (&owner, "three")] {
        let body = json!({"message": message});
        assert_eq!(site.call(token, "POST", &at("chat"), body).await.0, 200);
    }
    for (token, query, count, talks) in [
        (&site.admin, "", 6, "one three two"),
        (&site.admin, "?limit=3", 3, "three two"),
        (&site.admin, "?user_filter=true", 0, ""),
        (&owner, "", 4, "one three"),
        (&owner, "?limit=3", 3, "one three"),
        (&friend, "", 2, "two"),
    ] {
        let path = at(&format!("chat/history/persistent{query}"));
        let (status, told) = site.call(token, "GET", &path, Value::Null).await;
        assert_eq!((status, &told["message_count"]), (200, &json!(count)), "{query}: {told}");
        let messages = told["messages"].as_array().unwrap();
        let times: Vec<_> = messages.iter().map(|it| it["timestamp"].as_str().unwrap()).collect();
        assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
        let words = |it: &Value| {
            let content = it["content"].as_str().unwrap();
            content.strip_prefix("echo: ").unwrap_or(content).to_owned()
        };
        let found: BTreeSet<_> = messages.iter().map(words).collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>().join(" "), talks, "{query}");
        for message in messages {
            let is_reply = message["role"] == "assistant";
            assert_eq!(message["execution_time_ms"].is_u64(), is_reply, "{message}");
        }
    }
}
