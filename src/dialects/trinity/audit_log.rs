//! The audit log, as administrators read it.

use actix_web::get;
use actix_web::web::Json;
use chrono::DateTime;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::wanted::InQuery;
use super::{short, times};
use crate::audit::{Noted, Wanted};

/// Entries where the request does not say how many.
const LIMIT: u32 = 100;

pub(super) fn routes(at: &mut Mount) {
    at.service(list);
}

/// Which entries; what is absent holds for all.
#[derive(Deserialize, ToSchema)]
struct AuditQuery {
    event_type: Option<String>,
    event_action: Option<String>,
    actor_type: Option<String>,
    actor_id: Option<String>,
    target_type: Option<String>,
    target_id: Option<String>,
    source: Option<String>,
    /// From then on, as an instant of ISO 8601.
    start_time: Option<String>,
    /// Until then.
    end_time: Option<String>,
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    #[schema(minimum = 0, maximum = 1000000)]
    offset: Option<u32>,
}

/// An entry.
#[derive(Serialize, ToSchema)]
struct AuditEntry {
    id: i64,
    event_id: String,
    event_type: String,
    event_action: String,
    /// `user`, `agent`, `mcp_client` or `system`.
    actor_type: String,
    actor_id: Option<String>,
    actor_email: Option<String>,
    actor_ip: Option<String>,
    mcp_key_id: Option<String>,
    mcp_key_name: Option<String>,
    mcp_scope: Option<String>,
    target_type: Option<String>,
    target_id: Option<String>,
    timestamp: String,
    #[schema(value_type = Object)]
    details: Map<String, Value>,
    request_id: Option<String>,
    /// `api` or `mcp`.
    source: String,
    endpoint: Option<String>,
    created_at: String,
}

impl AuditEntry {
    fn of(noted: Noted) -> Self {
        let at = times::iso(noted.at);
        Self {
            id: noted.id,
            event_id: noted.event_id.to_string(),
            event_type: noted.event_type,
            event_action: noted.action,
            actor_type: noted.actor.kind,
            actor_id: noted.actor.id,
            actor_email: noted.actor.email,
            actor_ip: noted.actor.ip,
            mcp_key_id: noted.actor.key.map(short::of),
            mcp_key_name: noted.actor.key_name,
            mcp_scope: noted.actor.key_scope,
            target_type: noted.target_type,
            target_id: noted.target_id,
            timestamp: at.clone(),
            details: noted.details,
            request_id: noted.request_id,
            source: noted.source,
            endpoint: noted.endpoint,
            created_at: at,
        }
    }
}

/// Entries, the newest first.
#[derive(Serialize, ToSchema)]
struct AuditLog {
    entries: Vec<AuditEntry>,
    /// How many there are in all.
    total: usize,
    limit: u32,
    offset: u32,
}

/// Who did what (administrators).
#[utoipa::path(
    tag = "Audit",
    params(InQuery<AuditQuery>),
    responses((status = 200, body = AuditLog))
)]
#[get("/api/audit-log")]
async fn list(call: Call<InQuery<AuditQuery>>) -> Answer<AuditLog> {
    call.admin()?;
    let query: AuditQuery = call.query()?;
    let (limit, offset) = (query.limit.unwrap_or(LIMIT), query.offset.unwrap_or(0));
    let wanted = Wanted {
        event_type: query.event_type,
        action: query.event_action,
        actor_type: query.actor_type,
        actor_id: query.actor_id,
        target_type: query.target_type,
        target_id: query.target_id,
        source: query.source,
        from: query.start_time.map(|at| instant("start_time", &at)).transpose()?,
        until: query.end_time.map(|at| instant("end_time", &at)).transpose()?,
    };
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let (noted, total) = call.shared.host.audit.list(&wanted, size(offset), size(limit)).await?;
    let entries = noted.into_iter().map(AuditEntry::of).collect();
    Ok(Json(AuditLog { entries, total, limit, offset }))
}

/// An instant; without a zone it is one of UTC.
fn instant(name: &str, text: &str) -> Result<UnixMillis, TrinityError> {
    let read = DateTime::parse_from_rfc3339(text).ok();
    let read = read.or_else(|| DateTime::parse_from_rfc3339(&format!("{text}Z")).ok());
    let read = read.or_else(|| DateTime::parse_from_rfc3339(&format!("{text}T00:00:00Z")).ok());
    read.map(|at| UnixMillis(at.timestamp_millis()))
        .ok_or_else(|| TrinityError::bad(format!("{name} must be an instant of ISO 8601")))
}
