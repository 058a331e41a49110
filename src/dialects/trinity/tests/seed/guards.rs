//! Whom each operation lets in, for an agent that is there and for one that is not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ALL, Cast, Who};

/// How an operation lets people in.
#[derive(Clone, Copy, Debug)]
enum Guard {
    /// Whoever it is shared with, missing names first.
    Authorised,
    /// The owner, missing names first.
    Owned,
    /// Whoever it is shared with, and strangers learn nothing.
    Reading,
    /// The owner, and strangers learn nothing; with these words.
    Writing(&'static str),
    /// Administrators.
    Admin,
}

use Guard::{Admin, Authorised, Owned, Reading, Writing};

impl Guard {
    /// What is answered to somebody for an agent that is there (or not): the status and the words.
    fn answer(self, who: Who, is_there: bool) -> (u16, &'static str) {
        let none = (404, "=Agent not found");
        match self {
            _ if who == Who::Nobody => (401, "=Not authenticated"),
            Admin if who != Who::Admin => (403, "=Admin access required"),
            Authorised | Owned | Admin if !is_there => none,
            Authorised if !who.uses() => (403, "=Access denied to agent"),
            Owned if !who.owns() => (403, "=Owner access required"),
            Reading | Writing(_) if !is_there && who == Who::Admin => none,
            Reading if !who.uses() || !is_there => (403, "permission to access"),
            Writing(words) if !who.owns() || !is_there => (403, words),
            _ => (200, ""),
        }
    }
}

/// The operations at one agent: the method, what is behind its name, what is sent, and the guard.
fn operations() -> Vec<(&'static str, &'static str, Value, Guard)> {
    let none = Value::Null;
    let env = json!({"files": {".env": "A=1\n"}});
    let off = json!({"enabled": false});
    let seconds = json!({"execution_timeout_seconds": 900});
    vec![
        ("GET", "", none.clone(), Authorised),
        ("DELETE", "", none.clone(), Writing("permission to delete")),
        ("POST", "/start", none.clone(), Authorised),
        ("POST", "/stop", none.clone(), Authorised),
        ("PUT", "/rename", json!({"new_name": "renamed"}), Writing("permission to rename")),
        ("GET", "/info", none.clone(), Authorised),
        ("GET", "/logs", none.clone(), Authorised),
        ("GET", "/stats", none.clone(), Authorised),
        ("GET", "/files", none.clone(), Reading),
        ("GET", "/files/download?path=hello.txt", none.clone(), Reading),
        ("GET", "/autonomy", none.clone(), Reading),
        ("PUT", "/autonomy", off.clone(), Writing("owner|autonomy settings")),
        ("GET", "/read-only", none.clone(), Reading),
        ("PUT", "/read-only", off, Writing("owner|read-only settings")),
        ("GET", "/timeout", none.clone(), Reading),
        ("PUT", "/timeout", seconds, Writing("owner|timeout settings")),
        ("POST", "/ssh-access", json!({"auth_method": "password"}), Admin),
        ("GET", "/credentials/status", none.clone(), Authorised),
        ("POST", "/credentials/inject", env, Owned),
        ("POST", "/credentials/export", none.clone(), Owned),
        ("POST", "/credentials/import", none.clone(), Owned),
        ("POST", "/share", json!({"email": "new@example.org"}), Owned),
        ("DELETE", "/share/guest@example.org", none.clone(), Owned),
        ("GET", "/shares", none.clone(), Owned),
        ("GET", "/folders", none.clone(), Reading),
        ("PUT", "/folders", json!({}), Writing("owner|folder sharing")),
        ("GET", "/folders/available", none.clone(), Reading),
        ("GET", "/folders/consumers", none, Reading),
    ]
}

/// Those at no single agent; who is told what of them is in the tables of their sections.
const WHOLE: [(&str, &str); 4] = [
    ("GET", "/api/agents"),
    ("POST", "/api/agents"),
    ("GET", "/api/agents/context-stats"),
    ("GET", "/api/agents/autonomy-status"),
];

#[actix_web::test]
async fn they_are_the_32_of_the_contract_and_all_are_described() {
    let cast = Cast::of(None, false).await;
    let api = cast.site.stage.get("/openapi.json").await.json();
    let at_one = operations().into_iter().map(|(method, rest, _, _)| {
        let rest = rest.split('?').next().unwrap().replace("guest@example.org", "{email}");
        (method, format!("/api/agents/{{name}}{rest}"))
    });
    let whole = WHOLE.iter().map(|(method, path)| (*method, (*path).to_owned()));
    let all: BTreeSet<_> = at_one.chain(whole).collect();
    assert_eq!(all.len(), 32);
    for (method, path) in all {
        let operation = &api["paths"][&path][method.to_ascii_lowercase()];
        assert!(operation.is_object(), "{method} {path}");
    }
}

#[actix_web::test]
async fn each_operation_lets_in_whom_it_should() {
    let cast = Cast::new().await;
    for (nth, (method, rest, body, guard)) in operations().into_iter().enumerate() {
        for who in ALL {
            let missing = (method, &*format!("/api/agents/none{rest}"), body.clone());
            cast.told_with(cast.token(who), who, missing, guard.answer(who, false)).await;
            // One of their own for each: some are gone afterwards.
            let name = format!("a{nth}-{who:?}").to_lowercase();
            cast.agent(&name).await;
            let at = |rest: &str| format!("/api/agents/{name}{rest}");
            match rest {
                "/files/download?path=hello.txt" => {
                    let file = json!({"content": "hello\n"});
                    cast.ok("PUT", &at("/files?path=hello.txt"), file).await;
                }
                "/credentials/export" | "/credentials/import" => {
                    let files = json!({"files": {".env": "A=1\n"}});
                    cast.ok("POST", &at("/credentials/inject"), files).await;
                    cast.ok("POST", &at("/credentials/export"), Value::Null).await;
                }
                "/share/guest@example.org" => {
                    let guest = json!({"email": "guest@example.org"});
                    cast.ok("POST", &at("/share"), guest).await;
                }
                _ => {}
            }
            let own = cast.site.agent_key(&name).await;
            let token = if who == Who::Key { &own } else { cast.token(who) };
            let there = (method, &*at(rest), body.clone());
            cast.told_with(token, who, there, guard.answer(who, true)).await;
            let name = if cast.site.call(&cast.owner, "GET", &at(""), Value::Null).await.0 == 404 {
                "renamed"
            } else {
                &name
            };
            let end = format!("/api/agents/{name}");
            cast.site.call(&cast.owner, "DELETE", &end, Value::Null).await;
        }
    }
}

#[actix_web::test]
async fn who_comes_with_nothing_or_nonsense_is_told_so_by_all() {
    let cast = Cast::of(None, false).await;
    let at_one = operations()
        .into_iter()
        .map(|(method, rest, body, _)| (method, format!("/api/agents/ada{rest}"), body));
    let whole =
        WHOLE.iter().map(|(method, path)| (*method, (*path).to_owned(), json!({"name": "x"})));
    for (method, path, body) in at_one.chain(whole) {
        let body = if method == "GET" { Value::Null } else { body };
        for token in ["nonsense", "trinity_mcp_nonsense"] {
            let want = (401, "=Could not validate credentials");
            cast.told_with(token, Who::Nobody, (method, &path, body.clone()), want).await;
        }
        cast.told([(Who::Nobody, method, path.as_str(), body, 401, "=Not authenticated")]).await;
    }
}
