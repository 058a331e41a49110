//! Panels: pages about an agent that the web client shows beside its chat, in a frame.
//!
//! There is one, the host's own. A frame cannot send a token; so where one is asked for, whoever may
//! list an agent's panels is given addresses with a ticket, which opens that agent's panel and
//! nothing else, for as long as somebody looks at it.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{MemoryQuery, RunQuery};
use greenroom_actors::records::MESSAGES;
use moka::sync::Cache;
use serde::Serialize;
use serde_json::json;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::call::Call;
use super::error::Doing;
use super::overview::{self, Overview};
use super::refusal;
use super::visit::Visit;
use super::wire::{Answer, json};
use crate::http::query::Query;

/// The host's own panel.
const OVERVIEW: &str = "overview";

/// The parameter that holds a ticket.
const TICKET: &str = "ticket";

/// Runs that are shown.
const RUNS: u32 = 10;

/// How long a ticket is good for that nobody uses, and how long at most.
const TICKET_UNUSED: Duration = Duration::from_secs(60 * 60);
const TICKET_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Agents whose panels are looked at, at a time.
const TICKETS_MAX: u64 = 10_000;

/// The tickets that are good now.
pub(super) struct Tickets(Cache<AgentId, Uuid>);

impl Default for Tickets {
    fn default() -> Self {
        let tickets = Cache::builder().max_capacity(TICKETS_MAX);
        Self(tickets.time_to_idle(TICKET_UNUSED).time_to_live(TICKET_LIFE).build())
    }
}

impl Tickets {
    /// The ticket for an agent's panels.
    fn of(&self, agent: AgentId) -> Uuid {
        self.0.get_with(agent, Uuid::new_v4)
    }

    /// Whether the request is for a panel, and brings the ticket for it.
    pub(super) fn admit(&self, visit: &Visit, request: &ServiceRequest) -> bool {
        let query = Query::parse(request.query_string());
        let presented = query.get(TICKET).and_then(|ticket| ticket.parse::<Uuid>().ok());
        let agent = panel_of(request.match_info().as_str()).filter(|_| visit.is_read);
        match (agent, presented) {
            (Some(agent), Some(presented)) => self
                .0
                .get(&agent)
                .is_some_and(|ticket| ticket.as_bytes().ct_eq(presented.as_bytes()).into()),
            _ => false,
        }
    }
}

/// The agent whose panel that path is.
fn panel_of(path: &str) -> Option<AgentId> {
    let path = path.to_ascii_lowercase();
    let (agent, panel) = path.strip_prefix("/api/agents/")?.split_once('/')?;
    let name =
        panel.strip_prefix("panels/").or_else(|| panel.strip_prefix("plugins/greenroom/"))?;
    (name.trim_end_matches('/') == OVERVIEW).then(|| agent.parse().ok())?
}

/// A panel in a list.
#[derive(Serialize)]
struct Panel {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    url: String,
    /// The same page, where plugins of elizaOS have theirs; clients show this one.
    path: String,
}

/// `GET /api/agents/:agentId/panels`.
pub(super) async fn list(call: Call) -> Answer {
    let agent = call.agent()?;
    call.running(agent).await?;
    let ticket = call.settings.auth_token.as_ref().map(|_| call.tickets.of(agent));
    let ticket = |mark| ticket.map(|ticket| format!("{mark}{TICKET}={ticket}")).unwrap_or_default();
    let panels = [Panel {
        id: OVERVIEW,
        name: "Overview",
        description: "The agent's state, its last runs and what it remembers",
        url: format!("/api/agents/{agent}/panels/{OVERVIEW}{}", ticket('?')),
        path: format!(
            "/api/agents/{agent}/plugins/greenroom/{OVERVIEW}?agentId={agent}{}",
            ticket('&')
        ),
    }];
    json(StatusCode::OK, &json!({"success": true, "data": panels, "panels": panels}))
}

/// `GET /api/agents/:agentId/panels/:panelId`, and where plugins of elizaOS have theirs. In every
/// state, so that a page that is open tells that the agent was stopped.
pub(super) async fn page(call: Call) -> Answer {
    let agent = call.agent()?;
    let record = call.registry().record(agent).await?;
    if call.part("panel") != OVERVIEW {
        return Err((&refusal::PANEL_NOT_FOUND).into());
    }
    let status = call.registry().status(agent).await.doing(&refusal::PANEL)?;
    let (store, memories) = (call.store(), MemoryQuery::of(agent, 0));
    let messages = MemoryQuery { kind: Some(MESSAGES.to_owned()), ..memories.clone() };
    let overview = Overview {
        runs: store.runs(RunQuery::of(agent, RUNS)).await.doing(&refusal::PANEL)?,
        runs_total: store.count_runs(RunQuery::of(agent, 0)).await.doing(&refusal::PANEL)?,
        memories: store.count_memories(memories).await.doing(&refusal::PANEL)?,
        messages: store.count_memories(messages).await.doing(&refusal::PANEL)?,
        at: call.now(),
        record: &record,
        status: &status,
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CONTENT_SECURITY_POLICY, overview::POLICY.clone()))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(overview.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_is_known_by_its_path_alone() {
        let id = "52b464d2-13a3-0603-8af4-cc4004c65c52";
        for (path, expected) in [
            ("/api/agents/{}/panels/overview", true),
            ("/API/Agents/{}/Panels/Overview/", true),
            ("/api/agents/{}/plugins/greenroom/overview", true),
            ("/api/agents/{}/panels", false),
            ("/api/agents/{}/panels/", false),
            ("/api/agents/{}/panels/other", false),
            ("/api/agents/{}/panels/overview/memories", false),
            ("/api/agents/{}/memories", false),
            ("/api/agents/{}", false),
            ("/agents/{}/panels/overview", false),
            ("/api/agents/x/panels/overview", false),
        ] {
            let path = path.replace("{}", id);
            assert_eq!(panel_of(&path).is_some(), expected, "{path}");
        }
    }
}
