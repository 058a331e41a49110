//! The routes, against a host in memory.

use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{self, Data};
use actix_web::{App, ResponseError};
use greenroom_actors::approvals::{Approval, ApprovalStatus};
use greenroom_actors::character::Character;
use greenroom_actors::facts::{Batch, Epoch, Fact};
use greenroom_actors::ids::{AgentId, ApprovalId, RunId, derived};
use greenroom_actors::time::UnixMillis;
use serde_json::json;
use uuid::Uuid;

use super::error::OperatorError;
use super::lookup::Who;
use crate::host::{Host, Vault};
use crate::store::{SqliteStore, StoreSettings};

async fn host() -> Host {
    let host = Host::in_memory().await;
    host.registry.create(Character::named("Ada Lovelace")).await.unwrap();
    host
}

#[actix_web::test]
async fn each_request_is_carried_out_or_refused_by_name() {
    let host = Data::new(host().await);
    let routes = web::scope("/op").configure(super::routes);
    let app = init_service(App::new().app_data(host).service(routes)).await;
    let id = greenroom_actors::ids::derived("Ada Lovelace");
    let (get, post) = (Method::GET, Method::POST);
    let (patch, delete) = (Method::PATCH, Method::DELETE);
    let missing_run = format!("/op/agents/ada-lovelace/runs/{id}");
    let missing_goal = format!("/op/agents/ada-lovelace/goals/{id}");
    let by_id = format!("/op/agents/{id}");
    let long_name = format!(r#"{{"name": "{}"}}"#, "x".repeat(300));
    let triggers = "/op/agents/ada-lovelace/triggers";
    let unknown_trigger = format!("{triggers}/{id}");
    let bad_cron =
        r#"{"name": "a", "instructions": "b", "schedule": {"kind": "cron", "expression": "x"}}"#;
    let bad_zone = r#"{"name": "a", "instructions": "b",
        "schedule": {"kind": "cron", "expression": "* * * * *", "time_zone": "x"}}"#;
    let fine = r#"{"name": "a", "instructions": "b", "max_runs": null,
        "schedule": {"kind": "cron", "expression": "@daily"}}"#;
    for (method, path, body, status, says) in [
        (&get, "/op/agents", "", 200, r#""handle":"ada-lovelace""#),
        (&get, "/op/agents?state=stopped&limit=1", "", 200, r#""total":1"#),
        (&get, "/op/agents?state=running", "", 200, r#""agents":[]"#),
        (&get, "/op/agents?state=odd", "", 400, "state: "),
        (&get, "/op/agents?limit=-1", "", 400, "limit: "),
        (&get, "/op/agents?limit=99999999999", "", 400, "limit: "),
        (&get, "/op/agents?limit=1&limit=2", "", 400, "query: "),
        (&get, by_id.as_str(), "", 200, r#""state":"stopped""#),
        (&get, "/op/agents/Ada%20Lovelace", "", 200, r#""character":{"#),
        (&get, "/op/agents/nobody", "", 404, "no agent is called `nobody`"),
        (&get, "/op/agents/%ff", "", 404, "no agent is called"),
        (&post, "/op/agents/ada-lovelace/pause", "", 409, "CONFLICT"),
        (&post, "/op/agents/ada-lovelace/message", "{}", 400, "text: "),
        (&post, "/op/agents/ada-lovelace/message", r#"{"text": 1}"#, 400, "text: must be a string"),
        (&post, "/op/agents/ada-lovelace/message", r#"{"text": "a", "from": []}"#, 400, "from: "),
        (&post, "/op/agents/ada-lovelace/message", "[]", 400, "not an array"),
        (&post, "/op/agents/ada-lovelace/message", "{", 400, "not valid JSON"),
        (&post, "/op/agents/ada-lovelace/message", r#"{"text": "a"}"#, 409, "is stopped"),
        (&post, "/op/agents/ada-lovelace/restart", "", 200, r#""state":"running""#),
        (&post, "/op/agents/ada-lovelace/message", r#"{"text": "hello"}"#, 200, r#""reply":""#),
        (&get, "/op/agents/ada-lovelace/budget", "", 200, r#""scope":"owner_day","whose":"host""#),
        (&get, "/op/agents/nobody/budget", "", 404, "no agent is called `nobody`"),
        (&get, "/op/usage", "", 200, r#""model":"doctor""#),
        (&get, "/op/usage?agent=Ada%20Lovelace&owner=host", "", 200, r#""totals":{"calls":1,"#),
        (&get, "/op/usage?from=2999-01-01", "", 200, r#""usage":[]"#),
        (&get, "/op/usage?to=yesterday", "", 400, "to: must be a day such as 2026-11-22"),
        (&get, "/op/usage?limit=-1", "", 400, "limit: "),
        (&get, "/op/usage?agent=nobody", "", 404, "no agent is called `nobody`"),
        (&get, "/op/agents/ada-lovelace/runs", "", 200, r#""kind":"reply""#),
        (&get, "/op/agents/ada-lovelace/runs?limit=x", "", 400, "limit: "),
        (&get, missing_run.as_str(), "", 404, "NOT_FOUND"),
        (&get, "/op/agents/ada-lovelace/events?after=1&limit=1", "", 200, r#""seq":2"#),
        (&post, "/op/agents/ada-lovelace/goals", "{}", 400, "text: "),
        (&post, "/op/agents/ada-lovelace/goals", r#"{"text": "win"}"#, 200, r#""status":"open""#),
        (&get, "/op/agents/ada-lovelace/goals", "", 200, r#""text":"win""#),
        (&patch, missing_goal.as_str(), "{}", 404, "NOT_FOUND"),
        (&patch, missing_goal.as_str(), r#"{"status": "x"}"#, 400, "status: "),
        (&delete, missing_goal.as_str(), "", 200, r#""removed":false"#),
        (&get, "/op/dead-letters", "", 200, r#""letters":[],"total":0"#),
        (&get, "/op/dead-letters?agent=ada-lovelace&limit=1", "", 200, r#""total":0"#),
        (&get, "/op/dead-letters?agent=nobody", "", 404, "no agent is called `nobody`"),
        (&get, "/op/dead-letters?offset=x", "", 400, "offset: "),
        (&post, "/op/dead-letters/x/requeue", "", 400, "letter: "),
        (&post, "/op/dead-letters/52b464d2-13a3-0603-8af4-cc4004c65c52/requeue", "", 404, "letter"),
        (&post, triggers, "{}", 400, "schedule: must be there"),
        (&post, triggers, r#"{"name": "a", "cron": "x"}"#, 400, "unknown field `cron`"),
        (&post, triggers, bad_cron, 400, "expression: "),
        (&post, triggers, bad_zone, 400, "time_zone: "),
        (&post, triggers, fine, 200, r#""is_enabled":true"#),
        (&get, triggers, "", 200, r#""expression":"@daily""#),
        (&get, "/op/agents/ada-lovelace/triggers/x", "", 400, "path: "),
        (&get, unknown_trigger.as_str(), "", 404, "trigger"),
        (&get, "/op/agents/ada-lovelace/firings?limit=1", "", 200, r#""firings":[]"#),
        (&post, "/op/agents/ada-lovelace/stop", r#"{"grace_s": "1"}"#, 400, "grace_s: must be a"),
        (&post, "/op/agents/ada-lovelace/stop", r#"{"grace_s": -1}"#, 400, "grace_s: must be 0 to"),
        (&post, "/op/agents/ada-lovelace/stop", r#"{"grace_s": 1e300}"#, 400, "grace_s: "),
        (&post, "/op/agents/ada-lovelace/stop", r#"{"grace": 10}"#, 400, "grace_s: is the name of"),
        (&post, "/op/agents/ada-lovelace/stop", r#"{"force": 1}"#, 400, "force: must be a boolean"),
        (&post, "/op/agents/ada-lovelace/pause", r#"{"grace_s": 5}"#, 200, r#""state":"paused""#),
        (&post, "/op/agents/ada-lovelace/stop", r#"{"force": true}"#, 200, r#""state":"stopped""#),
        (&post, "/op/agents/ada-lovelace/stop", "", 409, "CONFLICT"),
        (&post, "/op/halt", "", 200, r#""halted":true"#),
        (&get, "/op/halt", "", 200, r#""halted":true"#),
        (&get, "/op/liveness", "", 200, r#""blocked":[]"#),
        (&get, "/op/liveness", "", 200, r#""deaf_agent":0"#),
        (&get, "/op/mcp", "", 200, r#""servers":[]"#),
        (&post, "/op/lift", "", 200, r#""halted":false"#),
        (&post, "/op/backup", "{}", 400, "name: "),
        (&post, "/op/backup", r#"{"name": "../x"}"#, 400, "name: "),
        (&post, "/op/backup", long_name.as_str(), 400, "name: "),
        (&post, "/op/backup", r#"{"name": "x.db"}"#, 501, "NOT_IMPLEMENTED"),
    ] {
        let request = TestRequest::with_uri(path).method(method.clone());
        let request = request.insert_header(("content-type", "application/json"));
        let answer = call_service(&app, request.set_payload(body.to_owned()).to_request()).await;
        let found = answer.status().as_u16();
        let text = read_body(answer).await;
        let text = String::from_utf8_lossy(&text);
        assert!(found == status && text.contains(says), "{method} {path} {body}: {found} {text}");
    }
}

/// A host with an approval of that number that waits, and the run that is parked for it.
async fn asking(number: u128) -> Host {
    let host = host().await;
    let agent_id = AgentId(derived("Ada Lovelace"));
    let approval = Approval {
        id: ApprovalId(Uuid::from_u128(number)),
        agent_id,
        run_id: RunId(Uuid::from_u128(7)),
        tool: "send".to_owned(),
        arguments: json!({"to": "Bob"}),
        call_id: "call-1".to_owned(),
        key: Uuid::from_u128(8),
        asked_at: UnixMillis(1),
        expires_at: UnixMillis(2),
        status: ApprovalStatus::Waiting,
        decided_at: None,
        decided_by: None,
        comment: None,
    };
    let facts = vec![Fact::ApprovalAsked(Box::new(approval))];
    host.registry.store().commit(Batch { epoch: Epoch(1), facts }).await.unwrap();
    host
}

#[actix_web::test]
async fn an_approval_is_listed_and_decided_once() {
    let host = Data::new(asking(5).await);
    let app = init_service(App::new().app_data(host).configure(super::routes)).await;
    let (get, post) = (Method::GET, Method::POST);
    let one = format!("/approvals/{}", Uuid::from_u128(5));
    let none = format!("/approvals/{}", Uuid::from_u128(9));
    let (grant, deny) = (format!("{one}/grant"), format!("{one}/deny"));
    let long = format!(r#"{{"comment": "{}"}}"#, "x".repeat(3_000));
    for (method, path, body, status, says) in [
        (&get, "/approvals", "", 200, r#""tool":"send""#),
        (&get, "/approvals?agent=ada-lovelace&limit=1", "", 200, r#""total":1"#),
        (&get, "/approvals?agent=nobody", "", 404, "no agent is called"),
        (&get, "/approvals?status=granted", "", 200, r#""approvals":[]"#),
        (&get, "/approvals?status=odd", "", 400, "status: "),
        (&get, "/approvals?limit=x", "", 400, "limit: "),
        (&get, &one, "", 200, r#""arguments":{"to":"Bob"}"#),
        (&get, &none, "", 404, "NOT_FOUND"),
        (&get, "/approvals/5", "", 400, "path: "),
        (&post, &format!("{none}/grant"), "", 404, "NOT_FOUND"),
        (&post, &grant, r#"{"by": 1}"#, 400, "by: "),
        (&post, &grant, &long, 400, "comment: "),
        (&get, "/approvals?status=waiting", "", 200, r#""total":1"#),
        (&post, &deny, r#"{"by": "Eve", "comment": "no"}"#, 200, r#""status":"denied""#),
        (&post, &deny, "", 200, r#""decidedBy":"Eve""#),
        (&post, &grant, "", 409, "is denied already"),
        (&get, "/approvals", "", 200, r#""total":0"#),
        (&get, "/approvals?status=all", "", 200, r#""comment":"no""#),
    ] {
        let request = TestRequest::with_uri(path).method(method.clone());
        let request = request.insert_header(("content-type", "application/json"));
        let answer = call_service(&app, request.set_payload(body.to_owned()).to_request()).await;
        let found = answer.status().as_u16();
        let text = String::from_utf8_lossy(&read_body(answer).await).into_owned();
        assert!(found == status && text.contains(says), "{method} {path} {body}: {found} {text}");
    }
}

#[actix_web::test]
async fn a_backup_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&StoreSettings::within(folder.path().join("data"))).unwrap();
    let vault = Some(Vault::new(store, folder.path().join("backups")));
    let host = Data::new(Host { vault, ..host().await });
    let app = init_service(App::new().app_data(host).configure(super::routes)).await;
    for (name, status, says) in [
        ("monday.db", 200, "monday.db"),
        ("monday.db", 409, "there is a backup `monday.db` already"),
        ("tuesday.db", 200, "tuesday.db"),
    ] {
        let request = TestRequest::post().uri("/backup");
        let request = request.set_json(serde_json::json!({"name": name})).to_request();
        let answer = call_service(&app, request).await;
        let found = answer.status().as_u16();
        let text = String::from_utf8_lossy(&read_body(answer).await).into_owned();
        assert!(found == status && text.contains(says), "{name}: {found} {text}");
    }
}

#[actix_web::test]
async fn a_name_means_one_agent_or_none() {
    let host = host().await;
    let mut ids = Vec::new();
    for (name, id) in [
        ("Bob", None),
        ("BOB", None),
        ("Bob!", None),
        // Its handle is made of its name, and is the name of the next.
        ("Twin One", None),
        ("twin-one", None),
        ("Twins", None),
        ("Twins", Some(AgentId(derived("other")))),
        ("Zoë", None),
    ] {
        let mut character = Character::named(name);
        character.id = id;
        ids.push(host.registry.create(character).await.unwrap().id);
    }
    let [bob, loud, sign, twin, named, first, second, zoe] = ids.try_into().unwrap();
    for (who, expected) in [
        (bob.to_string(), Ok(bob)),
        ("Bob".to_owned(), Ok(bob)),
        ("BOB".to_owned(), Ok(loud)),
        ("Bob!".to_owned(), Ok(sign)),
        ("bob".to_owned(), Ok(bob)),
        ("boB".to_owned(), Err(vec![bob, loud, sign])),
        ("Twin One".to_owned(), Ok(twin)),
        ("twin-one".to_owned(), Ok(twin)),
        ("TWIN ONE".to_owned(), Err(vec![twin, named])),
        ("Twins".to_owned(), Err(vec![first, second])),
        ("ZOË".to_owned(), Ok(zoe)),
        ("ada LOVELACE".to_owned(), Ok(AgentId(derived("Ada Lovelace")))),
        ("!!".to_owned(), Err(Vec::new())),
        ("nobody".to_owned(), Err(Vec::new())),
    ] {
        let who: Who = serde_json::from_value(who.into()).unwrap();
        let found = who.find(&host.registry).await.map(|record| record.id);
        let found = found.map_err(|error| match error {
            OperatorError::Nobody(_) => Vec::new(),
            OperatorError::Several { ids, .. } => ids,
            other => panic!("{other}"),
        });
        let sorted = |mut ids: Vec<AgentId>| {
            ids.sort();
            ids
        };
        assert_eq!(found.map_err(sorted), expected.map_err(sorted), "{who:?}");
    }
    let several = OperatorError::Several { who: "Twins".to_owned(), ids: vec![first, second] };
    assert_eq!(several.status_code(), 409);
    assert!(several.to_string().contains(&second.to_string()));
}

#[actix_web::test]
async fn a_trigger_is_made_changed_fired_and_removed() {
    let host = Data::new(host().await);
    let app = init_service(App::new().app_data(host).configure(super::routes)).await;
    let send = async |method: Method, path: &str, body: serde_json::Value| {
        let request = TestRequest::with_uri(path).method(method).set_json(body);
        let answer = call_service(&app, request.to_request()).await;
        let status = answer.status().as_u16();
        let body: serde_json::Value = serde_json::from_slice(&read_body(answer).await).unwrap();
        (status, body["data"].clone())
    };
    let none = || serde_json::json!({});
    let wanted = serde_json::json!({
        "name": "tea", "instructions": "make tea", "is_enabled": false, "max_runs": 3,
        "schedule": {"kind": "interval", "every_ms": 60_000}, "misfire": {"kind": "run_all", "max": 2},
    });
    let (status, made) = send(Method::POST, "/agents/ada-lovelace/triggers", wanted).await;
    assert_eq!(
        (status, &made["max_runs"], &made["next_due_at"]),
        (200, &3.into(), &None::<u8>.into())
    );
    let path = format!("/agents/ada-lovelace/triggers/{}", made["id"].as_str().unwrap());
    let change = serde_json::json!({"is_enabled": true, "max_runs": null});
    let (_, changed) = send(Method::PATCH, &path, change).await;
    assert!(changed["next_due_at"].is_i64() && changed["max_runs"].is_null());
    let (status, firing) = send(Method::POST, &format!("{path}/fire"), none()).await;
    assert_eq!((status, &firing["status"]), (200, &"waiting".into()));
    let (_, page) = send(Method::GET, &format!("{path}/firings"), none()).await;
    assert_eq!(page["firings"][0]["id"], firing["id"]);
    assert_eq!(send(Method::DELETE, &path, none()).await.0, 200);
    assert_eq!(send(Method::GET, &path, none()).await.0, 404);
    assert_eq!(send(Method::DELETE, &path, none()).await.0, 404);
    let (_, page) = send(Method::GET, "/agents/ada-lovelace/firings", none()).await;
    assert_eq!(page["firings"][0]["status"], "skipped");
}
