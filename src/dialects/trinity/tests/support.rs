//! A host in memory, users, and a client whose every answer is held against the description of the API.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use actix_web::test::TestRequest;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::accounts::{Mode, NewUser, Role};
use crate::dialects::stage::{Heard, Setting, Stage, stage_of};
use crate::dialects::trinity::{Trinity, TrinitySettings};
use crate::host::Host;

/// A password that an administrator may have.
pub(super) const PASSWORD: &str = "Correct-Horse-7!";

/// A host in memory behind the routes, with an administrator.
pub(super) struct Site {
    pub(super) stage: Stage,
    /// The administrator's token.
    pub(super) admin: String,
    /// What answers, for those who come by a real connection.
    pub(super) trinity: Trinity,
    api: Value,
}

impl Site {
    pub(super) async fn new() -> Self {
        Self::of(Setting::default(), TrinitySettings::default()).await
    }

    pub(super) async fn of(setting: Setting, settings: TrinitySettings) -> Self {
        let settings = Arc::new(settings);
        Self::made(setting, |host| Trinity::new(settings, host.clone())).await
    }

    /// A host with other parts than usual.
    pub(super) async fn arranged(change: impl FnOnce(&mut Host)) -> Self {
        let make = |host: &Host| {
            let mut host = host.clone();
            change(&mut host);
            Trinity::new(Arc::default(), host)
        };
        Self::made(Setting::default(), make).await
    }

    pub(super) async fn made(setting: Setting, make: impl FnOnce(&Host) -> Trinity) -> Self {
        let mut trinity = None;
        let stage = stage_of(setting, |host| trinity.insert(make(host)).app());
        let stage = stage.await;
        let accounts = &stage.host.accounts;
        accounts.reset_password(PASSWORD.to_owned().into()).await.unwrap();
        let admin = accounts.user("admin").unwrap();
        let admin = accounts.token(&admin, Mode::Admin).unwrap().to_string();
        let api = stage.get("/openapi.json").await.json();
        Self { stage, admin, trinity: trinity.unwrap(), api }
    }

    /// The token of a user of that address and role, who comes to be.
    pub(super) async fn user(&self, email: &str, role: Role) -> String {
        let accounts = &self.stage.host.accounts;
        let new = NewUser { email: email.to_owned(), role };
        let user = accounts.enrol(new).await.unwrap();
        accounts.token(&user, Mode::Email).unwrap().to_string()
    }

    /// The token of the key that an agent has.
    pub(super) async fn agent_key(&self, name: &str) -> String {
        let agent = self.stage.host.roster.find(name).await.unwrap().unwrap();
        self.stage.host.accounts.agent_secret(agent.id).unwrap().reveal().to_owned()
    }

    /// An agent of whoever holds that token.
    pub(super) async fn agent(&self, token: &str, name: &str) {
        let made = self.call(token, "POST", "/api/agents", json!({"name": name})).await;
        assert_eq!(made.0, 200, "{}", made.1);
    }

    /// The status and the body of an answer, which is as the description says.
    pub(super) async fn call(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let heard = self.send(token, method, path, body).await;
        (heard.status, heard.json())
    }

    /// The same, whole.
    pub(super) async fn send(&self, token: &str, method: &str, path: &str, body: Value) -> Heard {
        let mut request = TestRequest::with_uri(path).method(method.parse().unwrap());
        if !token.is_empty() {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        if !body.is_null() {
            request = request.set_json(body);
        }
        let heard = self.stage.ask(request).await;
        self.check(method, path, &heard);
        heard
    }

    /// The status and the words of a refusal.
    pub(super) async fn refused(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, String) {
        let (status, told) = self.call(token, method, path, body).await;
        let detail = &told["detail"];
        (status, detail.as_str().map_or_else(|| detail.to_string(), str::to_owned))
    }

    /// That an answer is one that the description has.
    pub(super) fn check(&self, method: &str, path: &str, heard: &Heard) {
        let path = path.split('?').next().unwrap().trim_end_matches('/');
        let Some(template) = self.template(method, path) else {
            // What nobody serves is told in one of two ways.
            assert!(matches!(heard.status, 404 | 405), "{method} {path}: {}", heard.status);
            return;
        };
        let method = method.to_ascii_lowercase();
        let operation = &self.api["paths"][template][&method];
        let status = heard.status.to_string();
        let answer = &operation["responses"][&status];
        assert!(!answer.is_null(), "{method} {path}: {status} is not described: {}", heard.text);
        if answer["content"]["application/json"].is_null() {
            return;
        }
        let schema = &answer["content"]["application/json"]["schema"];
        let key = format!("{method} {template} {status}");
        let validator = validator(key, schema, &self.api["components"]);
        let body = heard.json();
        let faults: Vec<_> = validator
            .iter_errors(&body)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{method} {path}: {status}: {faults:#?}\n{}", heard.text);
    }

    /// The path of the description that a path is one of: a word before a name.
    fn template(&self, method: &str, path: &str) -> Option<&str> {
        let paths = self.api["paths"].as_object().unwrap();
        let method = method.to_ascii_lowercase();
        let mut fitting: Vec<&str> = paths
            .iter()
            .filter(|(template, item)| fits(template, path) && !item[&method].is_null())
            .map(|(template, _)| template.as_str())
            .collect();
        fitting.sort_by_key(|template| template.matches('{').count());
        fitting.first().copied()
    }
}

/// What judges an answer. Made once for all tests: it takes longer than they do.
fn validator(key: String, schema: &Value, components: &Value) -> Arc<Validator> {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || {
        let mut root = json!({"allOf": [schema], "components": components});
        // Fields that nobody has described are a fault too, where the schema can say so.
        if schema["type"] != "array" {
            root["unevaluatedProperties"] = json!(false);
        }
        Arc::new(jsonschema::validator_for(&root).unwrap())
    };
    Arc::clone(made.entry(key).or_insert_with(make))
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(_)) if wanted.ends_with(":.*}") => return true,
            (Some(wanted), Some(found)) if wanted.starts_with('{') || wanted == found => {}
            _ => return false,
        }
    }
}
