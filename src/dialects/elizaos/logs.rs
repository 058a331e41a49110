//! What an agent did, entry by entry.

use greenroom_actors::agent::Keep;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::LogId;
use greenroom_actors::ports::LogQuery;

use super::call::{Call, id_of, instant_of};
use super::error::{Doing, ElizaError};
use super::refusal;
use super::wire::{Answer, LogView, nothing, ok};

/// Entries in a list, where the query does not say.
const PAGE: u32 = 100;

/// Kinds that a query may leave out at most.
const EXCLUDED_MAX: usize = 32;

/// `GET /api/agents/:agentId/logs`.
pub(super) async fn list(call: Call) -> Answer {
    let id = call.agent()?;
    let query = call.query();
    let room_id = id_of(&query, "roomId", &refusal::ROOM_ID)?;
    let (from, to) = (instant_of(&query, "from")?, instant_of(&query, "to")?);
    call.running(id).await?;
    let page = call.page(&query, PAGE);
    let wanted = LogQuery {
        room_id,
        kind: query.get("type").map(str::to_owned),
        exclude: query
            .all("excludeTypes")
            .filter(|kind| !kind.is_empty())
            .take(EXCLUDED_MAX)
            .map(str::to_owned)
            .collect(),
        // Entries have no level: what went wrong is an error, and everything is everything.
        errors_only: query.get("level").is_some_and(|level| level.eq_ignore_ascii_case("error")),
        search: query.get("search").map(str::to_owned),
        from,
        to,
        offset: page.offset,
        ..LogQuery::of(id, page.limit)
    };
    let entries = call.store().logs(wanted).await.doing(&refusal::LOGS)?;
    let views: Vec<_> = entries.iter().map(LogView::of).collect();
    ok(views)
}

/// `GET /api/agents/:agentId/logs/:logId`.
pub(super) async fn get(call: Call) -> Answer {
    let (id, log): (_, LogId) = call.ids("log", &refusal::AGENT_OR_LOG_ID)?;
    call.running(id).await?;
    let found = call.store().log(id, log).await.doing(&refusal::LOGS)?;
    let entry = found.ok_or(ElizaError::Refused(&refusal::LOG_NOT_FOUND))?;
    ok(LogView::of(&entry))
}

/// `DELETE /api/agents/:agentId/logs/:logId`.
pub(super) async fn remove(call: Call) -> Answer {
    let (id, log): (_, LogId) = call.ids("log", &refusal::AGENT_OR_LOG_ID)?;
    let facts = vec![Fact::LogRemoved { agent_id: id, id: log }];
    let kept = call.registry().ask(id, Keep { facts, while_running: true }).await;
    kept.doing(&refusal::LOG_DELETE)?;
    nothing()
}
