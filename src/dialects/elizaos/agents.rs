//! Agents: listing, reading, changing and removing them.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use greenroom_actors::character::{AgentRecord, Bio, Style};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::State;
use greenroom_actors::ports::AgentQuery;
use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::call::{Call, Page};
use super::error::{Doing, ElizaError};
use super::input::Body;
use super::refusal;
use super::rows::{self, ListedAgent};
use super::schema;
use super::wire::{Answer, json, nothing, ok};

/// How many agents there are in all, where an answer holds a part of them.
const TOTAL: HeaderName = HeaderName::from_static("x-total-count");

/// Agents in a list of the bare dialect, where the query does not say.
const BARE_PAGE: u32 = 50;

/// `GET /api/agents`.
pub(super) async fn list(call: Call) -> Answer {
    let page = call.page(&call.query(), u32::MAX);
    let records = part(&call, None, page).await?;
    let agents: Vec<_> = records.iter().map(ListedAgent::of).collect();
    let answer = ok(json!({"agents": agents}))?;
    counted(&call, answer, page, records.len()).await
}

/// `GET /agents`.
pub(super) async fn list_bare(call: Call) -> Answer {
    let query = call.query();
    let mut page = call.page(&query, BARE_PAGE);
    let state = match query.get("status") {
        None | Some("all") => None,
        Some("active") => Some(State::Running),
        Some("inactive") => {
            // Running ones come first, so the others begin after them.
            let census = call.store().census().await.doing(&refusal::AGENT_LIST)?;
            let running = u32::try_from(census.running).unwrap_or(u32::MAX);
            page.offset = page.offset.saturating_add(running);
            None
        }
        Some(_) => return Err(ElizaError::field("status", "expected active, inactive or all")),
    };
    let records = part(&call, state, page).await?;
    let agents: Vec<_> = records.iter().map(BareAgent::listed).collect();
    counted(&call, ok(agents)?, page, records.len()).await
}

async fn part(
    call: &Call,
    state: Option<State>,
    Page { offset, limit }: Page,
) -> Result<Vec<AgentRecord>, ElizaError> {
    call.store().agents(AgentQuery { state, offset, limit }).await.doing(&refusal::AGENT_LIST)
}

/// Tells how many agents there are in all, if the answer may not hold them all.
async fn counted(call: &Call, mut answer: HttpResponse, page: Page, shown: usize) -> Answer {
    if page.offset > 0 || u32::try_from(shown).is_ok_and(|shown| shown >= page.limit) {
        let total = call.store().census().await.doing(&refusal::AGENT_LIST)?.total();
        answer.headers_mut().insert(TOTAL, HeaderValue::from(total));
    }
    Ok(answer)
}

/// `GET /api/agents/:agentId`.
pub(super) async fn get(call: Call) -> Answer {
    let record = call.registry().record(call.agent()?).await?;
    call.rows.answer(record)
}

/// `GET /agents/:agentId`.
pub(super) async fn get_bare(call: Call) -> Answer {
    let record = call.registry().record(call.agent()?).await?;
    ok(BareAgent::of(&record))
}

/// `PATCH /api/agents/:agentId`.
pub(super) async fn patch(call: Call, body: Body) -> Answer {
    let record = revise(&call, body).await?;
    call.rows.answer(record)
}

/// `PATCH` and `PUT /agents/:agentId`.
pub(super) async fn patch_bare(call: Call, body: Body) -> Answer {
    let record = revise(&call, body).await?;
    json(
        StatusCode::OK,
        &json!({
            "success": true,
            "message": "Agent updated successfully",
            "data": BareAgent::of(&record),
        }),
    )
}

async fn revise(call: &Call, body: Body) -> Result<Arc<AgentRecord>, ElizaError> {
    let id = call.agent()?;
    let patch = patch_of(call, body.fields()?.0)?;
    if patch.is_empty() {
        return Ok(call.registry().record(id).await?);
    }
    call.registry().revise(id, patch).await.doing(&refusal::AGENT_UPDATE)
}

/// What a body changes of a character: known fields of the right type, with sealed secrets.
fn patch_of(call: &Call, body: Map<String, Value>) -> Result<Map<String, Value>, ElizaError> {
    let mut patch = schema::checked_patch(body)
        .map_err(|faults| ElizaError::Refusing(&refusal::BAD_REQUEST, faults))?;
    // Settings are laid over, never taken away as a whole.
    if patch.get("settings").is_some_and(Value::is_null) {
        patch.shift_remove("settings");
    }
    if let Some(Value::Object(top)) = patch.shift_remove("secrets") {
        let settings = patch.entry("settings").or_insert_with(|| json!({}));
        if let Some(settings) = settings.as_object_mut() {
            match settings.get_mut("secrets") {
                Some(Value::Object(inner)) => inner.extend(top),
                _ => drop(settings.insert("secrets".to_owned(), Value::Object(top))),
            }
        }
    }
    if let Some(Value::Object(settings)) = patch.get_mut("settings") {
        call.host.secrets.seal_settings(settings)?;
    }
    Ok(patch)
}

/// `DELETE /api/agents/:agentId`.
pub(super) async fn remove(call: Call) -> Answer {
    delete(&call).await?;
    nothing()
}

/// `DELETE /agents/:agentId`.
pub(super) async fn remove_bare(call: Call) -> Answer {
    let id = delete(&call).await?;
    json(
        StatusCode::OK,
        &json!({
            "success": true,
            "message": "Agent deleted successfully",
            "data": {"agentId": id, "deletedAt": call.now()},
        }),
    )
}

async fn delete(call: &Call) -> Result<AgentId, ElizaError> {
    let id = call.agent()?;
    let keeps_memories = match call.query().get("deleteAllData") {
        None | Some("true" | "1") => false,
        Some("false" | "0") => true,
        Some(_) => return Err(ElizaError::field("deleteAllData", "expected true or false")),
    };
    let removed = call.registry().remove(id, keeps_memories).await;
    // Also where it is gone already: its files may have come without it, or been left by a crash.
    if !keeps_memories && matches!(removed, Ok(_) | Err(CoreError::AgentNotFound(_))) {
        call.media().forget_agent(id).await.doing(&refusal::AGENT_DELETE)?;
        call.workspaces().forget(id).await.doing(&refusal::AGENT_DELETE)?;
    }
    removed.doing(&refusal::AGENT_DELETE)?;
    Ok(id)
}

/// An agent as the bare dialect shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BareAgent<'a> {
    agent_id: AgentId,
    name: &'a str,
    status: &'static str,
    bio: &'a Bio,
    enabled: bool,
    created_at: UnixMillis,
    updated_at: UnixMillis,
    #[serde(flatten)]
    more: Option<More<'a>>,
}

/// What only the answer about one agent holds.
#[derive(Serialize)]
struct More<'a> {
    lore: &'a [String],
    topics: &'a [String],
    adjectives: &'a [String],
    style: Style,
    settings: Map<String, Value>,
    plugins: &'a [String],
}

impl<'a> BareAgent<'a> {
    fn listed(record: &'a AgentRecord) -> Self {
        Self {
            agent_id: record.id,
            name: &record.character.name,
            status: rows::status(record),
            bio: &record.character.bio,
            enabled: record.enabled,
            created_at: record.created_at,
            updated_at: record.updated_at,
            more: None,
        }
    }

    fn of(record: &'a AgentRecord) -> Self {
        let character = &record.character;
        let more = More {
            lore: character.lore.as_deref().unwrap_or_default(),
            topics: character.topics.as_deref().unwrap_or_default(),
            adjectives: character.adjectives.as_deref().unwrap_or_default(),
            style: character.style.clone().unwrap_or_default(),
            settings: character.settings.clone().unwrap_or_default(),
            plugins: character.plugins.as_deref().unwrap_or_default(),
        };
        Self { more: Some(more), ..Self::listed(record) }
    }
}
