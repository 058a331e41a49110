//! Notifications: what agents tell the people who look after them.

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::organised::{Names, count};
use super::wanted::InQuery;
use super::{Answer, times};
use crate::organisation::{NewNotice, Notice, NoticeFilter, NoticeStatus, ShortId};

/// What their ids begin with.
pub(super) const KIND: &str = "notif_";

/// The words for how much one matters.
const PRIORITIES: [&str; 4] = ["low", "normal", "high", "urgent"];

pub(super) fn routes(at: &mut Mount) {
    at.service(create)
        .service(list)
        .service(detail)
        .service(acknowledge)
        .service(dismiss)
        .service(of_agent)
        .service(pending);
}

#[derive(Deserialize, ToSchema)]
struct NewNotification {
    /// `alert`, `info`, `status`, `completion` or `question`.
    notification_type: String,
    /// At most 200 characters.
    title: String,
    message: Option<String>,
    /// `low`, `normal`, `high` or `urgent`.
    #[serde(default = "normal")]
    priority: String,
    category: Option<String>,
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    metadata: Option<Map<String, Value>>,
}

fn normal() -> String {
    "normal".to_owned()
}

/// A notification.
#[derive(Serialize, ToSchema)]
struct Notification {
    id: String,
    /// The agent that tells it, or the user.
    agent_name: String,
    notification_type: String,
    title: String,
    message: Option<String>,
    priority: String,
    category: Option<String>,
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    metadata: Option<Map<String, Value>>,
    /// `pending`, `acknowledged` or `dismissed`.
    status: &'static str,
    created_at: String,
    acknowledged_at: Option<String>,
    /// The id of a user.
    acknowledged_by: Option<String>,
}

impl Notification {
    fn of(agent_name: String, notice: Notice) -> Self {
        Self {
            id: notice.id.told(KIND),
            agent_name,
            notification_type: notice.kind,
            title: notice.title,
            message: notice.message,
            priority: notice.priority,
            category: notice.category,
            metadata: notice.metadata,
            status: notice.status.as_str(),
            created_at: times::iso(notice.created_at),
            acknowledged_at: notice.settled_at.map(times::iso),
            acknowledged_by: notice.settled_by.map(|id| id.to_string()),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Notifications {
    count: usize,
    /// The newest first.
    notifications: Vec<Notification>,
}

#[derive(Serialize, ToSchema)]
struct NotificationSettled {
    id: String,
    status: &'static str,
    acknowledged_at: String,
    acknowledged_by: String,
}

#[derive(Serialize, ToSchema)]
struct NotificationsPending {
    agent_name: String,
    pending_count: usize,
}

#[derive(Deserialize, ToSchema)]
struct NoticesAsked {
    status: Option<String>,
    /// With commas between.
    priority: Option<String>,
    agent_name: Option<String>,
    #[serde(default = "fifty")]
    #[schema(minimum = 1, maximum = 500)]
    limit: u32,
}

fn fifty() -> u32 {
    50
}

/// Tells people something, in the name of the agent whose key is shown, or of the user.
#[utoipa::path(
    tag = "Notifications",
    request_body = NewNotification,
    responses((status = 201, body = Notification))
)]
#[post("/api/notifications")]
async fn create(call: Call<NewNotification>) -> Result<HttpResponse, TrinityError> {
    let wanted = call.fields()?;
    let new = NewNotice {
        kind: wanted.notification_type,
        title: wanted.title,
        message: wanted.message,
        priority: wanted.priority,
        category: wanted.category,
        metadata: wanted.metadata,
        key: None,
    };
    let notice = call.shared.host.organisation.notify_by(&call.principal, new).await?;
    let mut names = Names::new(&call.shared);
    let name = names.author(notice.person.as_ref(), notice.agent).await?;
    let told = Notification::of(name.unwrap_or_default(), Notice::clone(&notice));
    Ok(HttpResponse::build(StatusCode::CREATED).json(told))
}

/// The notifications that the caller may see.
#[utoipa::path(
    tag = "Notifications",
    params(InQuery<NoticesAsked>),
    responses((status = 200, body = Notifications))
)]
#[get("/api/notifications")]
async fn list(call: Call<InQuery<NoticesAsked>>) -> Answer<Notifications> {
    let filter: NoticesAsked = call.query()?;
    let wanted = NoticeFilter {
        status: status(filter.status.as_deref())?,
        priorities: priorities(filter.priority.as_deref())?,
    };
    let agent = match &filter.agent_name {
        Some(name) => {
            let found = call.visible(name).await?;
            Some(found.ok_or_else(|| TrinityError::forbidden("Access denied to agent"))?.id)
        }
        None => None,
    };
    let organisation = &call.shared.host.organisation;
    let notices =
        organisation.notices(&call.principal, agent, &wanted, count(filter.limit)).await?;
    told(&call, notices).await
}

async fn told<B>(call: &Call<B>, notices: Vec<Notice>) -> Answer<Notifications> {
    let mut names = Names::new(&call.shared);
    let mut notifications = Vec::with_capacity(notices.len());
    for notice in notices {
        if let Some(name) = names.author(notice.person.as_ref(), notice.agent).await? {
            notifications.push(Notification::of(name, notice));
        }
    }
    Ok(Json(Notifications { count: notifications.len(), notifications }))
}

fn status(word: Option<&str>) -> Result<Option<NoticeStatus>, TrinityError> {
    let Some(word) = word.filter(|word| !word.is_empty()) else { return Ok(None) };
    NoticeStatus::parse(word).map(Some).ok_or_else(|| {
        TrinityError::bad("Invalid status. Must be: pending, acknowledged, or dismissed")
    })
}

fn priorities(words: Option<&str>) -> Result<Vec<String>, TrinityError> {
    let words = words.into_iter().flat_map(|words| words.split(',')).map(str::trim);
    let words: Vec<_> = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let wrong: Vec<_> =
        words.iter().filter(|word| !PRIORITIES.contains(&word.as_str())).cloned().collect();
    if wrong.is_empty() {
        return Ok(words);
    }
    Err(TrinityError::bad(format!("Invalid priorities: {}", wrong.join(", "))))
}

/// The notification of the path, if the caller may see it.
async fn found(call: &Call) -> Result<Notice, TrinityError> {
    let missing = || TrinityError::not_found("Notification not found");
    let id = ShortId::parse(KIND, &call.segment("id")).ok_or_else(missing)?;
    let notice = call.shared.host.organisation.find_notice(id).await?.ok_or_else(missing)?;
    if !call.sees(notice.agent) {
        return Err(TrinityError::forbidden("Access denied to agent"));
    }
    Ok(notice)
}

/// One notification.
#[utoipa::path(tag = "Notifications", params(("id" = String, Path)), responses((status = 200, body = Notification)))]
#[get("/api/notifications/{id}")]
async fn detail(call: Call) -> Answer<Notification> {
    let notice = found(&call).await?;
    let name = Names::new(&call.shared).author(notice.person.as_ref(), notice.agent).await?;
    Ok(Json(Notification::of(name.unwrap_or_default(), notice)))
}

/// Says that somebody has seen it.
#[utoipa::path(tag = "Notifications", params(("id" = String, Path)), responses((status = 200, body = NotificationSettled)))]
#[post("/api/notifications/{id}/acknowledge")]
async fn acknowledge(call: Call) -> Answer<NotificationSettled> {
    settle(&call, NoticeStatus::Acknowledged).await
}

/// Says that nobody wants to see it.
#[utoipa::path(tag = "Notifications", params(("id" = String, Path)), responses((status = 200, body = NotificationSettled)))]
#[post("/api/notifications/{id}/dismiss")]
async fn dismiss(call: Call) -> Answer<NotificationSettled> {
    settle(&call, NoticeStatus::Dismissed).await
}

async fn settle(call: &Call, status: NoticeStatus) -> Answer<NotificationSettled> {
    let id = found(call).await?.id;
    let by = call.principal.user.id;
    let notice = call.shared.host.organisation.settle_notice(id, status, by).await?;
    Ok(Json(NotificationSettled {
        id: notice.id.told(KIND),
        status: notice.status.as_str(),
        acknowledged_at: notice.settled_at.map(times::iso).unwrap_or_default(),
        acknowledged_by: by.to_string(),
    }))
}

#[derive(Deserialize, ToSchema)]
struct AgentNotices {
    status: Option<String>,
    #[serde(default = "fifty")]
    #[schema(minimum = 1, maximum = 500)]
    limit: u32,
}

/// The notifications of one agent.
#[utoipa::path(
    tag = "Notifications",
    params(("name" = String, Path), InQuery<AgentNotices>),
    responses((status = 200, body = Notifications))
)]
#[get("/api/agents/{name}/notifications")]
async fn of_agent(call: Call<InQuery<AgentNotices>>) -> Answer<Notifications> {
    let agent = call.authorised().await?;
    let filter: AgentNotices = call.query()?;
    let wanted =
        NoticeFilter { status: status(filter.status.as_deref())?, ..NoticeFilter::default() };
    let organisation = &call.shared.host.organisation;
    let most = count(filter.limit);
    let notices = organisation.notices(&call.principal, Some(agent.id), &wanted, most).await?;
    told(&call, notices).await
}

/// How many notifications of an agent nobody has seen.
#[utoipa::path(tag = "Notifications", params(("name" = String, Path)), responses((status = 200, body = NotificationsPending)))]
#[get("/api/agents/{name}/notifications/count")]
async fn pending(call: Call) -> Answer<NotificationsPending> {
    let agent = call.authorised().await?;
    let pending_count = call.shared.host.organisation.notices_pending(agent.id);
    Ok(Json(NotificationsPending { agent_name: agent.name, pending_count }))
}
