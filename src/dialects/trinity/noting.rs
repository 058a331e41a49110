//! What requests leave in the audit log.

use actix_web::{HttpMessage, HttpRequest};
use serde_json::Value;

use super::call::{Call, Visit};
use super::error::TrinityError;
use super::gate::RequestId;
use super::shared::Shared;
use crate::audit::{Actor, Deed};

/// Notes what somebody did by a request.
pub(super) async fn note(shared: &Shared, request: &HttpRequest, actor: Actor, deed: Deed) {
    let ip = request.peer_addr().map(|peer| peer.ip().to_string());
    let header = |name: &str| {
        let value = request.headers().get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let deed = Deed {
        request_id: id.and_then(|id| id.to_str().ok().map(str::to_owned)),
        source: if header("x-via-mcp").is_some() { "mcp" } else { "api" },
        endpoint: Some(format!("{} {}", request.method(), request.path())),
        ..deed
    };
    shared.host.audit.note(Actor { ip, ..actor }, deed).await;
}

impl<B> Visit<B> {
    /// Notes what somebody did by this request.
    pub(super) async fn note_of(&self, actor: Actor, deed: Deed) {
        note(&self.shared, &self.request, actor, deed).await;
    }
}

impl<B> Call<B> {
    /// Notes what the caller did: its sort and name, and what it was done to (its sort and name).
    pub(super) async fn note(
        &self,
        event_type: &'static str,
        action: &'static str,
        target: (&'static str, &str),
    ) {
        self.note_with(event_type, action, target, []).await;
    }

    /// The same with details, none of which is a secret.
    pub(super) async fn note_with<const N: usize>(
        &self,
        event_type: &'static str,
        action: &'static str,
        (kind, name): (&'static str, &str),
        details: [(&str, Value); N],
    ) {
        let details = details.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let target = Some((kind, name.to_owned()));
        let deed = Deed { event_type, action, target, details, ..Deed::default() };
        self.note_of(Actor::of(&self.principal), deed).await;
    }

    /// Nobody but people, and programs that people gave keys to: what an agent may do must not be what
    /// an agent decides.
    pub(super) fn no_agent(&self) -> Result<(), TrinityError> {
        if self.principal.agent().is_none() {
            return Ok(());
        }
        Err(TrinityError::forbidden("Agents may not do this: it takes a person's own credentials"))
    }

    /// Nobody but administrators themselves.
    pub(super) fn governing(&self) -> Result<(), TrinityError> {
        self.no_agent()?;
        self.admin()
    }
}
