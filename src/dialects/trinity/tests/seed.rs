//! The 32 operations of the seed, one table for each section of the contract: what each answers, each of
//! its refusals, and whom each lets in.

mod agents;
mod bulk;
mod credentials;
mod files;
mod folders;
mod guards;
mod lifecycle;
mod settings;
mod sharing;

use std::sync::Arc;

use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;
use crate::credentials::bundle::Key;
use crate::credentials::{CredentialSettings, Credentials, Known};
use crate::dialects::stage::Setting;
use crate::dialects::trinity::Trinity;
use crate::host::Host;
use crate::preferences::SSH_ACCESS;
use crate::ssh::SshSettings;

/// The key of bundles.
const KEY: &str = super::credentials::KEY;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    Stranger,
    Shared,
    Owner,
    Admin,
    /// The agent that is meant, with its own key: as its owner.
    Key,
    /// An agent of the stranger's: as that.
    OtherKey,
}

/// Everybody.
const ALL: [Who; 7] =
    [Who::Nobody, Who::Stranger, Who::Shared, Who::Owner, Who::Admin, Who::Key, Who::OtherKey];

impl Who {
    /// Whether the agents of the owner are theirs.
    fn owns(self) -> bool {
        matches!(self, Self::Owner | Self::Admin | Self::Key)
    }

    fn uses(self) -> bool {
        self.owns() || self == Self::Shared
    }
}

/// A call and what it is told: who, the method, the path, the body, the status, and words of the refusal
/// with strokes between them, or all of it behind a `=`.
type Row<'a> = (Who, &'a str, &'a str, Value, u16, &'a str);

/// A host with one of everybody, and the owner's agents `ada` (running) and `idle` (stopped), both shared.
struct Cast {
    site: Site,
    owner: String,
    shared: String,
    stranger: String,
    key: String,
    other_key: String,
}

impl Cast {
    async fn new() -> Self {
        Self::of(Some(KEY), true).await
    }

    /// A host with that key of bundles, and SSH or none.
    async fn of(key: Option<&str>, has_ssh: bool) -> Self {
        Self::arranged(key, has_ssh, |_| {}).await
    }

    /// The same with other parts than usual.
    async fn arranged(key: Option<&str>, has_ssh: bool, change: impl FnOnce(&mut Host)) -> Self {
        let ssh = SshSettings { enabled: has_ssh, ..SshSettings::default() };
        let setting = Setting { ssh, ..Setting::default() };
        let key = key.and_then(Key::parse);
        let site = Site::made(setting, |host| {
            let mut host = host.clone();
            let settings = CredentialSettings { key, mcp_url: String::new() };
            let known = Arc::new(Known::new(host.secrets.clone()));
            let (registry, workspaces) = (host.registry.clone(), host.workspaces.clone());
            host.credentials = Credentials::open(registry, workspaces, known, settings);
            change(&mut host);
            Trinity::new(Arc::default(), host)
        })
        .await;
        Trinity::prepare(&site.stage.host).await.unwrap();
        let allowed = vec![(SSH_ACCESS.to_owned(), "true".to_owned())];
        site.stage.host.preferences.set(allowed).await.unwrap();
        let owner = site.user("owner@example.org", Role::Creator).await;
        let shared = site.user("shared@example.org", Role::User).await;
        let stranger = site.user("stranger@example.org", Role::Creator).await;
        // Some tables need many agents.
        let quotas = json!({"max_agents_creator": 0});
        let set = site.call(&site.admin, "PUT", "/api/settings/agent-quotas", quotas).await;
        assert_eq!(set.0, 200, "{}", set.1);
        site.agent(&stranger, "theirs").await;
        let other_key = site.agent_key("theirs").await;
        let mut cast = Self { site, owner, shared, stranger, key: String::new(), other_key };
        cast.agent("ada").await;
        cast.agent("idle").await;
        cast.ok("POST", "/api/agents/idle/stop", Value::Null).await;
        cast.key = cast.site.agent_key("ada").await;
        cast
    }

    /// An agent of the owner's, shared.
    async fn agent(&self, name: &str) {
        self.site.agent(&self.owner, name).await;
        let share = json!({"email": "shared@example.org"});
        self.ok("POST", &format!("/api/agents/{name}/share"), share).await;
        // A fixed number would be another test's too.
        let roster = &self.site.stage.host.roster;
        let id = roster.find(name).await.unwrap().unwrap().id;
        let no_port = |entry: &mut crate::roster::Entry| {
            entry.port = 0;
            Ok::<_, greenroom_actors::error::CoreError>(())
        };
        roster.amend(id, no_port).await.unwrap();
    }

    fn token(&self, who: Who) -> &str {
        match who {
            Who::Nobody => "",
            Who::Stranger => &self.stranger,
            Who::Shared => &self.shared,
            Who::Owner => &self.owner,
            Who::Admin => &self.site.admin,
            Who::Key => &self.key,
            Who::OtherKey => &self.other_key,
        }
    }

    /// What the owner is answered, who may.
    async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, told) = self.site.call(&self.owner, method, path, body).await;
        assert!(status < 300, "{method} {path}: {status} {told}");
        told
    }

    /// That each is told what its row says.
    async fn told(&self, rows: impl IntoIterator<Item = Row<'_>>) {
        for (who, method, path, body, status, words) in rows {
            self.told_with(self.token(who), who, (method, path, body), (status, words)).await;
        }
    }

    async fn told_with(
        &self,
        token: &str,
        who: Who,
        (method, path, body): (&str, &str, Value),
        (status, words): (u16, &str),
    ) {
        let at = format!("{who:?} {method} {path} {body}");
        let heard = self.site.send(token, method, path, body).await;
        assert_eq!(heard.status, status, "{at}: {}", heard.text);
        if status < 400 {
            return;
        }
        let told = heard.json();
        let fields: Vec<_> = told.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["detail"], "{at}");
        assert_eq!(status == 401, heard.header("www-authenticate") == "Bearer", "{at}");
        assert_eq!(status == 422, told["detail"].is_array(), "{at}: {told}");
        let detail =
            told["detail"].as_str().map_or_else(|| told["detail"].to_string(), str::to_owned);
        match words.strip_prefix('=') {
            Some(whole) => assert_eq!(detail, whole, "{at}"),
            None => {
                let (found, words) = (detail.to_lowercase(), words.to_lowercase());
                assert!(words.split('|').all(|word| found.contains(word)), "{at}: {detail}");
            }
        }
    }
}
