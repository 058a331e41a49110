//! A host in memory, and a client of its routes.

use std::sync::Arc;

use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::dialects::elizaos::{Elizaos, ElizaosSettings};
use crate::dialects::stage::{Setting, stage_of};

pub(super) use crate::dialects::stage::{Frame, HUSH, Heard, Live, NOBODY, Stage};

pub(super) async fn stage(settings: ElizaosSettings) -> Stage {
    stage_at(settings, Arc::new(SystemClock)).await
}

/// The same with a clock of its own.
pub(super) async fn stage_at(settings: ElizaosSettings, clock: Arc<dyn Clock>) -> Stage {
    stage_over(MemoryStore::new(), settings, clock).await
}

/// The same over what another one has kept.
pub(super) async fn stage_over(
    store: MemoryStore,
    settings: ElizaosSettings,
    clock: Arc<dyn Clock>,
) -> Stage {
    let setting = Setting { store, clock, ..Setting::default() };
    stage_of(setting, |host| Elizaos::new(Arc::new(settings), host.clone()).app()).await
}

impl Stage {
    /// A new agent that runs.
    pub(super) async fn running(&self, name: &str) -> String {
        let id = self.created(name).await;
        let path = format!("/api/agents/{id}/start");
        assert_eq!(self.send("POST", &path, Value::Null).await.status, 200);
        id
    }

    /// A new agent that does not run.
    pub(super) async fn created(&self, name: &str) -> String {
        let body = json!({"characterJson": {"name": name, "bio": "x"}});
        let (status, body) = self.said("POST", "/api/agents", body).await;
        assert_eq!(status, 201, "{body}");
        body["data"]["id"].as_str().unwrap().to_owned()
    }
}
