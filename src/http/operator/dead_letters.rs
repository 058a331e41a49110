//! Letters that were given up: seen, and tried again.

use actix_web::web::{Data, Path, Query};
use greenroom_actors::agent::Requeue;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, EntityId, LetterId, RoomId};
use greenroom_actors::letters::{Letter, LetterStatus};
use greenroom_actors::ports::RunQuery;
use greenroom_actors::registry::Registry;
use greenroom_actors::texts::cut;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::host::Host;

use super::Answer;
use super::error::OperatorError;
use super::lookup::Who;
use super::page::Page;
use super::wire::Success;

/// Letters in one answer at most.
const LIST_MAX: u32 = 200;

/// Bytes of a letter's text that are shown.
const TEXT_MAX_BYTES: usize = 1024;

/// Which letters to list.
#[derive(Deserialize)]
pub(super) struct ListQuery {
    agent: Option<Who>,
    #[serde(flatten)]
    page: Page,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LetterList {
    letters: Vec<LetterView>,
    /// How many there are, of that agent if one is given.
    total: u64,
}

/// A letter as an operator sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LetterView {
    id: LetterId,
    agent_id: AgentId,
    from: EntityId,
    /// The writer, if it is an agent of this host.
    from_agent: Option<AgentId>,
    room_id: RoomId,
    /// The beginning of what it says.
    text: String,
    status: LetterStatus,
    attempts: u32,
    sent_at: UnixMillis,
    /// Why the last attempt did not complete; absent if there was none.
    error: Option<String>,
}

impl LetterView {
    fn of(letter: &Letter, error: Option<String>) -> Self {
        Self {
            id: letter.id,
            agent_id: letter.to,
            from: letter.from,
            from_agent: letter.from_agent,
            room_id: letter.room_id,
            text: cut(letter.text(), TEXT_MAX_BYTES).to_owned(),
            status: letter.status,
            attempts: letter.attempts,
            sent_at: letter.sent_at,
            error,
        }
    }
}

/// Lists letters that were given up, newest first.
pub(super) async fn list(query: Query<ListQuery>, host: Data<Host>) -> Answer<LetterList> {
    let (offset, limit) = query.page.read(LIST_MAX)?;
    let to = match &query.agent {
        Some(who) => Some(who.find(&host.registry).await?.id),
        None => None,
    };
    let store = host.registry.store();
    let dead = store.dead_letters(to, offset, limit).await?;
    let mut letters = Vec::with_capacity(dead.len());
    for letter in &dead {
        letters.push(LetterView::of(letter, last_error(&host.registry, letter).await?));
    }
    Ok(Success::of(LetterList { letters, total: store.count_dead_letters(to).await? }))
}

async fn last_error(registry: &Registry, letter: &Letter) -> Result<Option<String>, OperatorError> {
    if letter.attempts == 0 {
        return Ok(None);
    }
    let last = RunQuery {
        letter_id: Some(letter.id),
        from: Some(letter.sent_at),
        ..RunQuery::of(letter.to, 1)
    };
    let runs = registry.store().runs(last).await?;
    Ok(runs.into_iter().next().and_then(|run| run.error))
}

/// Has a letter that was given up wait again.
pub(super) async fn requeue(letter: Path<String>, host: Data<Host>) -> Answer<LetterView> {
    let id = letter
        .parse::<LetterId>()
        .map_err(|error| OperatorError::Invalid { field: "letter", reason: error.to_string() })?;
    let found = host.registry.store().letter(id).await?;
    let to = found.ok_or(CoreError::NotFound { what: "letter", id: id.0 })?.to;
    let letter = host.registry.ask(to, Requeue(id)).await?;
    tracing::info!(letter = %id, agent = %to, "a letter that was given up is tried again");
    Ok(Success::of(LetterView::of(&letter, None)))
}
