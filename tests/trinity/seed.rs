//! The 32 operations of the seed on a real port: what each answers to everybody who may stand to an
//! agent, and each of its refusals.

use serde_json::{Value, json};

use super::Town;

/// Everybody.
const ALL: [Who; 6] = [Who::Nobody, Who::Stranger, Who::Shared, Who::Owner, Who::Admin, Who::Key];

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    Stranger,
    Shared,
    Owner,
    Admin,
    /// The agent, with its own key: as its owner.
    Key,
}

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
}

use Guard::{Authorised, Owned, Reading, Writing};

impl Guard {
    /// What is answered to somebody for an agent that is there (or not): the status and the words.
    fn refusal(self, who: Who, is_there: bool) -> Option<(u16, &'static str)> {
        let owns = matches!(who, Who::Owner | Who::Admin | Who::Key);
        let uses = owns || who == Who::Shared;
        if who == Who::Nobody {
            return Some((401, "=Not authenticated"));
        }
        let none = (404, "=Agent not found");
        match self {
            Authorised | Owned if !is_there => Some(none),
            Authorised => (!uses).then_some((403, "=Access denied to agent")),
            Owned => (!owns).then_some((403, "=Owner access required")),
            Reading | Writing(_) if !is_there && who == Who::Admin => Some(none),
            Reading => (!uses || !is_there).then_some((403, "permission to access")),
            Writing(words) => (!owns || !is_there).then_some((403, words)),
        }
    }
}

/// An operation at one agent.
struct Operation {
    method: &'static str,
    /// Behind the agent's name.
    rest: &'static str,
    body: Value,
    guard: Guard,
}

fn operations() -> Vec<Operation> {
    let of = |method, rest, body, guard| Operation { method, rest, body, guard };
    let none = Value::Null;
    // Those that change something come in an order that leaves the agent as it was.
    vec![
        of("GET", "", none.clone(), Authorised),
        of("POST", "/start", none.clone(), Authorised),
        of("GET", "/info", none.clone(), Authorised),
        of("GET", "/logs", none.clone(), Authorised),
        of("GET", "/stats", none.clone(), Authorised),
        of("GET", "/files", none.clone(), Reading),
        of("GET", "/files/download?path=hello.txt", none.clone(), Reading),
        of("GET", "/autonomy", none.clone(), Reading),
        of("PUT", "/autonomy", json!({"enabled": false}), Writing("autonomy settings")),
        of("GET", "/read-only", none.clone(), Reading),
        of("PUT", "/read-only", json!({"enabled": false}), Writing("read-only settings")),
        of("GET", "/timeout", none.clone(), Reading),
        of(
            "PUT",
            "/timeout",
            json!({"execution_timeout_seconds": 900}),
            Writing("timeout settings"),
        ),
        of("GET", "/credentials/status", none.clone(), Authorised),
        of("POST", "/credentials/inject", json!({"files": {".env": "A=1\n"}}), Owned),
        of("POST", "/credentials/export", none.clone(), Owned),
        of("POST", "/credentials/import", none.clone(), Owned),
        of("GET", "/shares", none.clone(), Owned),
        of("GET", "/folders", none.clone(), Reading),
        of("PUT", "/folders", json!({}), Writing("folder sharing")),
        of("GET", "/folders/available", none.clone(), Reading),
        of("GET", "/folders/consumers", none, Reading),
    ]
}

/// A host with one of everybody, and the owner's agents `ada` (running) and `idle` (stopped).
struct Cast {
    town: Town,
    owner: String,
    shared: String,
    stranger: String,
    key: String,
}

impl Cast {
    async fn new() -> Self {
        let key = "00".repeat(32);
        let site = crate::support::Site::new().with("CREDENTIAL_ENCRYPTION_KEY", &key);
        let town = Town::of(site).await;
        let owner = town.person("owner@example.org", "creator").await;
        let shared = town.person("shared@example.org", "user").await;
        let stranger = town.person("stranger@example.org", "creator").await;
        for name in ["ada", "idle"] {
            town.ok(&owner, "POST", "/api/agents", json!({"name": name})).await;
            let body = json!({"email": "shared@example.org"});
            town.ok(&owner, "POST", &format!("/api/agents/{name}/share"), body).await;
        }
        town.ok(&owner, "POST", "/api/agents/idle/stop", Value::Null).await;
        let file = "/api/agents/ada/files?path=hello.txt";
        town.ok(&owner, "PUT", file, json!({"content": "hello\n"})).await;
        // An agent's own key is shown to nobody but the agent: it is in its environment. One of the same
        // owner stands for it where it is only asked who they are.
        let made = town.ok(&owner, "POST", "/api/mcp/keys", json!({"name": "mine"})).await;
        let key = made["api_key"].as_str().unwrap().to_owned();
        Self { town, owner, shared, stranger, key }
    }

    fn token(&self, who: Who) -> &str {
        match who {
            Who::Nobody => "",
            Who::Stranger => &self.stranger,
            Who::Shared => &self.shared,
            Who::Owner => &self.owner,
            Who::Admin => &self.town.admin,
            Who::Key => &self.key,
        }
    }

    /// That somebody is answered so; words that begin with `=` are the whole detail.
    async fn told(&self, who: Who, method: &str, path: &str, body: Value, want: (u16, &str)) {
        let answer = self.town.call(self.token(who), method, path, body.clone()).await;
        let shown = format!("{who:?} {method} {path} {body}: {} {}", answer.status, answer.text());
        assert_eq!(answer.status, want.0, "{shown}");
        let told = answer.parsed().unwrap_or(Value::Null);
        if answer.status < 400 {
            return;
        }
        let detail = &told["detail"];
        let detail = detail.as_str().map_or_else(|| detail.to_string(), str::to_owned);
        match want.1.strip_prefix('=') {
            Some(whole) => assert_eq!(detail, whole, "{shown}"),
            None => {
                let (found, words) = (detail.to_lowercase(), want.1.to_lowercase());
                assert!(words.split('|').all(|word| found.contains(word)), "{shown}");
            }
        }
    }
}

#[tokio::test]
async fn each_operation_lets_in_whom_it_should() {
    let cast = Cast::new().await;
    for operation in operations() {
        let Operation { method, rest, body, guard } = operation;
        for who in ALL {
            for (name, is_there) in [("ada", true), ("none", false)] {
                let path = format!("/api/agents/{name}{rest}");
                let want = guard.refusal(who, is_there).unwrap_or((200, ""));
                cast.told(who, method, &path, body.clone(), want).await;
            }
        }
    }
}

#[tokio::test]
async fn operations_that_change_who_there_is_let_in_whom_they_should() {
    let cast = Cast::new().await;
    let email = json!({"email": "guest@example.org"});
    for who in ALL {
        for (method, path, body, guard, is_there) in [
            ("POST", "/api/agents/none/share", &email, Owned, false),
            ("DELETE", "/api/agents/none/share/x@example.org", &Value::Null, Owned, false),
            ("DELETE", "/api/agents/none", &Value::Null, Writing("permission to delete"), false),
            (
                "PUT",
                "/api/agents/none/rename",
                &json!({"new_name": "x"}),
                Writing("permission to rename"),
                false,
            ),
            ("POST", "/api/agents/none/stop", &Value::Null, Authorised, false),
        ] {
            let want = guard.refusal(who, is_there).unwrap();
            cast.told(who, method, path, body.clone(), want).await;
        }
        let is_admin = who == Who::Admin;
        let ssh = match who {
            Who::Nobody => (401, "=Not authenticated"),
            _ if !is_admin => (403, "=Admin access required"),
            // Off unless it is switched on, before anything else is looked at.
            _ => (403, "SSH access is disabled|ssh_access_enabled"),
        };
        cast.told(who, "POST", "/api/agents/ada/ssh-access", Value::Null, ssh).await;
        let want = match who {
            Who::Nobody => (401, "=Not authenticated"),
            Who::Shared => (403, "'creator'"),
            _ => (409, "=Agent already exists"),
        };
        cast.told(who, "POST", "/api/agents", json!({"name": "ada"}), want).await;
        for path in ["/api/agents", "/api/agents/context-stats", "/api/agents/autonomy-status"] {
            let want = if who == Who::Nobody { (401, "=Not authenticated") } else { (200, "") };
            cast.told(who, "GET", path, Value::Null, want).await;
        }
        // The real ones, by whoever may: the agent is as before when everybody had their turn.
        let owns = matches!(who, Who::Owner | Who::Admin | Who::Key);
        let uses = owns || who == Who::Shared;
        if owns {
            cast.told(who, "POST", "/api/agents/ada/share", email.clone(), (200, "")).await;
            let again = (409, "already shared|guest@example.org");
            cast.told(who, "POST", "/api/agents/ada/share", email.clone(), again).await;
            let path = "/api/agents/ada/share/Guest@Example.org";
            cast.told(who, "DELETE", path, Value::Null, (200, "")).await;
            let none = (404, "No sharing found|guest@example.org");
            cast.told(who, "DELETE", path, Value::Null, none).await;
            for (name, new) in [("ada", "eve"), ("eve", "ada")] {
                let path = format!("/api/agents/{name}/rename");
                cast.told(who, "PUT", &path, json!({"new_name": new}), (200, "")).await;
            }
            let token = cast.token(who).to_owned();
            cast.town.ok(&token, "POST", "/api/agents", json!({"name": "brief"})).await;
            cast.told(who, "DELETE", "/api/agents/brief", Value::Null, (200, "")).await;
        } else if who != Who::Nobody {
            let owned = (403, "=Owner access required");
            cast.told(who, "POST", "/api/agents/ada/share", email.clone(), owned).await;
            let path = "/api/agents/ada/share/shared@example.org";
            cast.told(who, "DELETE", path, Value::Null, owned).await;
            let renamed = (403, "permission to rename");
            cast.told(who, "PUT", "/api/agents/ada/rename", json!({"new_name": "x"}), renamed)
                .await;
            let deleted = (403, "permission to delete");
            cast.told(who, "DELETE", "/api/agents/ada", Value::Null, deleted).await;
        }
        let stopped = match who {
            Who::Nobody => (401, "=Not authenticated"),
            _ if uses => (200, ""),
            _ => (403, "=Access denied to agent"),
        };
        for verb in ["stop", "start"] {
            let path = format!("/api/agents/ada/{verb}");
            cast.told(who, "POST", &path, Value::Null, stopped).await;
        }
    }
}

/// A call of the owner, and what it is told: the status and the words.
type Row = (&'static str, &'static str, Value, u16, &'static str);

#[tokio::test]
async fn each_refusal_of_the_seed_is_told_in_its_words() {
    let cast = Cast::new().await;
    let none = || Value::Null;
    let long = "x".repeat(64);
    let rows: Vec<Row> = vec![
        ("GET", "/api/agents/Ada", none(), 404, "=Agent not found"),
        ("PATCH", "/api/agents/ada", none(), 405, "=Method Not Allowed"),
        ("GET", "/api/nothing", none(), 404, "=Not Found"),
        // Creation.
        ("POST", "/api/agents", json!({}), 422, "missing|name"),
        ("POST", "/api/agents", none(), 422, "missing|body"),
        ("POST", "/api/agents", json!([]), 422, "model_attributes_type"),
        ("POST", "/api/agents", json!({"name": 1}), 422, "string_type"),
        ("POST", "/api/agents", json!({"name": "!!!"}), 400, "at least one alphanumeric"),
        ("POST", "/api/agents", json!({"name": "context-stats"}), 400, "reserved"),
        ("POST", "/api/agents", json!({"name": long}), 400, "too long"),
        ("POST", "/api/agents", json!({"name": "ADA"}), 409, "=Agent already exists"),
        ("POST", "/api/agents", json!({"name": "n", "template": "local:nobody"}), 400, "nobody"),
        ("POST", "/api/agents", json!({"name": "n", "template": "github:no-slash"}), 400, ""),
        ("POST", "/api/agents", json!({"name": "n", "runtime": "bash"}), 400, "runtime"),
        ("POST", "/api/agents", json!({"name": "n", "base_image": "evil:1"}), 403, ""),
        ("POST", "/api/agents", json!({"name": "n", "resources": {"cpu": "3"}}), 400, "cpu"),
        ("POST", "/api/agents", json!({"name": "n", "resources": {"memory": "3"}}), 400, "memory"),
        ("POST", "/api/agents", json!({"name": "n", "port": 80}), 400, "port"),
        ("DELETE", "/api/agents/trinity-system", none(), 403, "System agents cannot be deleted"),
        (
            "PUT",
            "/api/agents/trinity-system/rename",
            json!({"new_name": "x"}),
            403,
            "System agents cannot be renamed",
        ),
        // Renaming.
        ("PUT", "/api/agents/ada/rename", json!({"new_name": " "}), 400, "empty"),
        ("PUT", "/api/agents/ada/rename", json!({"new_name": "..."}), 400, "Invalid"),
        ("PUT", "/api/agents/ada/rename", json!({"new_name": long}), 400, "too long"),
        ("PUT", "/api/agents/ada/rename", json!({"new_name": "Ada"}), 400, "same"),
        ("PUT", "/api/agents/ada/rename", json!({"new_name": "idle"}), 409, "already exists"),
        ("PUT", "/api/agents/ada/rename", json!({}), 422, "missing|new_name"),
        // Logs and figures.
        ("GET", "/api/agents/ada/logs?tail=x", none(), 422, "int_parsing"),
        ("GET", "/api/agents/idle/stats", none(), 400, "=Agent is not running"),
        // Files.
        ("GET", "/api/agents/idle/files", none(), 400, "must be running|browse"),
        ("GET", "/api/agents/idle/files/download?path=x", none(), 400, "must be running|download"),
        ("GET", "/api/agents/ada/files?path=nowhere", none(), 404, "Path not found"),
        ("GET", "/api/agents/ada/files?path=/etc", none(), 403, "Access denied"),
        ("GET", "/api/agents/ada/files?path=..", none(), 403, "Access denied"),
        ("GET", "/api/agents/ada/files?path=/home/developer2", none(), 403, "Access denied"),
        ("GET", "/api/agents/ada/files?show_hidden=perhaps", none(), 422, "bool_parsing"),
        ("GET", "/api/agents/ada/files/download", none(), 422, "missing|path"),
        ("GET", "/api/agents/ada/files/download?path=nothing", none(), 404, "File not found"),
        ("GET", "/api/agents/ada/files/download?path=.", none(), 400, "Not a file"),
        ("GET", "/api/agents/ada/files/download?path=/etc/passwd", none(), 403, "Access denied"),
        (
            "GET",
            "/api/agents/ada/files/download?path=../../etc/passwd",
            none(),
            403,
            "Access denied",
        ),
        // Settings.
        ("PUT", "/api/agents/ada/autonomy", json!({}), 400, "=enabled is required"),
        ("PUT", "/api/agents/ada/autonomy", json!({"enabled": null}), 400, "=enabled is required"),
        ("PUT", "/api/agents/ada/autonomy", json!({"enabled": "perhaps"}), 400, "enabled"),
        ("PUT", "/api/agents/ada/read-only", json!({}), 400, "=enabled is required"),
        (
            "PUT",
            "/api/agents/ada/read-only",
            json!({"enabled": true, "config": 1}),
            400,
            "config|object",
        ),
        (
            "PUT",
            "/api/agents/ada/read-only",
            json!({"enabled": true, "config": {"blocked_patterns": 1}}),
            400,
            "blocked_patterns|list",
        ),
        (
            "PUT",
            "/api/agents/ada/read-only",
            json!({"enabled": true, "config": {"allowed_patterns": 1}}),
            400,
            "allowed_patterns|list",
        ),
        (
            "PUT",
            "/api/agents/ada/timeout",
            json!({}),
            400,
            "=execution_timeout_seconds is required",
        ),
        (
            "PUT",
            "/api/agents/ada/timeout",
            json!({"execution_timeout_seconds": 59}),
            400,
            "between 60 and 7200",
        ),
        (
            "PUT",
            "/api/agents/ada/timeout",
            json!({"execution_timeout_seconds": 7_201}),
            400,
            "between 60 and 7200",
        ),
        (
            "PUT",
            "/api/agents/ada/timeout",
            json!({"execution_timeout_seconds": true}),
            400,
            "between 60 and 7200",
        ),
        (
            "PUT",
            "/api/agents/ada/timeout",
            json!({"execution_timeout_seconds": 60.5}),
            400,
            "between 60 and 7200",
        ),
        (
            "PUT",
            "/api/agents/ada/timeout",
            json!({"execution_timeout_seconds": "90"}),
            400,
            "between 60 and 7200",
        ),
        ("PUT", "/api/agents/ada/timeout", json!([]), 422, ""),
        // Credentials.
        ("POST", "/api/agents/ada/credentials/export", none(), 400, "No credential files"),
        ("POST", "/api/agents/ada/credentials/import", none(), 400, "No .credentials.enc"),
        ("POST", "/api/agents/ada/credentials/inject", json!({}), 422, "missing|files"),
        ("POST", "/api/agents/ada/credentials/inject", json!({"files": []}), 422, "dict_type"),
        ("POST", "/api/agents/ada/credentials/inject", json!({"files": {}}), 400, "No files"),
        (
            "POST",
            "/api/agents/ada/credentials/inject",
            json!({"files": {"../x": "y"}}),
            400,
            "Disallowed file path(s)",
        ),
        (
            "POST",
            "/api/agents/idle/credentials/inject",
            json!({"files": {".env": "A=1"}}),
            400,
            "not running|(status: stopped)",
        ),
        (
            "POST",
            "/api/agents/idle/credentials/export",
            none(),
            400,
            "not running|(status: stopped)",
        ),
        (
            "POST",
            "/api/agents/idle/credentials/import",
            none(),
            400,
            "not running|(status: stopped)",
        ),
        // Shares.
        ("POST", "/api/agents/ada/share", json!({}), 422, "missing|email"),
        ("POST", "/api/agents/ada/share", json!({"email": "owner@example.org"}), 400, "yourself"),
        (
            "POST",
            "/api/agents/ada/share",
            json!({"email": "Shared@Example.org"}),
            409,
            "already shared",
        ),
        ("POST", "/api/agents/ada/share", json!({"email": ""}), 400, ""),
        ("POST", "/api/agents/ada/share", json!({"email": "nobody"}), 400, ""),
        (
            "DELETE",
            "/api/agents/ada/share/guest@example.org",
            none(),
            404,
            "No sharing found|guest@example.org",
        ),
    ];
    for (method, path, body, status, words) in rows {
        // The system agent is nobody's but the administrator's.
        let who = if path.contains("trinity-system") { Who::Admin } else { Who::Owner };
        cast.told(who, method, path, body, (status, words)).await;
    }
    let malformed = crate::support::http::Request::new("POST", "/api/agents")
        .header("content-type", "application/json");
    let malformed =
        crate::support::http::Request { body: Some(b"{\"name\": ".to_vec()), ..malformed };
    let told = cast.town.client("").send(&malformed).await.unwrap();
    assert_eq!(told.status, 422, "before it is asked who calls: {}", told.text());
    assert_eq!(told.parsed().unwrap()["detail"][0]["type"], "json_invalid");
    for token in ["nonsense", "trinity_mcp_nonsense"] {
        let told = cast.town.call(token, "GET", "/api/agents", Value::Null).await;
        assert_eq!(told.parsed().unwrap()["detail"], "Could not validate credentials");
        assert_eq!((told.status, told.header("www-authenticate")), (401, Some("Bearer")));
    }
}

#[tokio::test]
async fn ssh_access_is_refused_in_its_order() {
    let cast = Cast::new().await;
    let admin = cast.town.admin.clone();
    let config = json!({"settings": {"ssh_access_enabled": "true"}});
    cast.town.ok(&admin, "PUT", "/api/settings/ops/config", config).await;
    let key = json!({"public_key": "ssh-ed25519 AAAA"});
    for (path, body, status, words) in [
        ("/api/agents/none/ssh-access", key.clone(), 404, "=Agent not found"),
        ("/api/agents/idle/ssh-access", key, 400, "must be running"),
        (
            "/api/agents/ada/ssh-access",
            json!({"auth_method": "x"}),
            400,
            "auth_method|key|password",
        ),
        ("/api/agents/ada/ssh-access", Value::Null, 400, "public_key is required"),
        (
            "/api/agents/ada/ssh-access",
            json!({"public_key": "x"}),
            400,
            "Invalid public key format",
        ),
        // Nothing listens there unless the configuration says so.
        ("/api/agents/ada/ssh-access", json!({"auth_method": "password"}), 501, ""),
    ] {
        cast.told(Who::Admin, "POST", path, body, (status, words)).await;
    }
}

#[tokio::test]
async fn quotas_bound_what_one_owns() {
    let cast = Cast::new().await;
    let admin = cast.town.admin.clone();
    let quota = json!({"max_agents_creator": 2});
    cast.town.ok(&admin, "PUT", "/api/settings/agent-quotas", quota).await;
    let answer = cast.town.call(&cast.owner, "POST", "/api/agents", json!({"name": "third"})).await;
    assert_eq!(answer.status, 429);
    let detail = &answer.parsed().unwrap()["detail"];
    assert_eq!(detail["code"], "QUOTA_EXCEEDED");
    assert_eq!((&detail["current"], &detail["limit"]), (&json!(2), &json!(2)));
}
