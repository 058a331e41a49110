//! Approvals: what agents want to do and may not without a person's yes.

use actix_web::HttpRequest;
use actix_web::web::{self, Data, Path, Payload, Query, ServiceConfig};
use greenroom_actors::approvals::{Approval, ApprovalStatus, Decision};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, ApprovalId, RunId};
use greenroom_actors::ports::ApprovalQuery;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::Host;

use super::Answer;
use super::body::Fields;
use super::error::OperatorError;
use super::lookup::Who;
use super::page::Page;
use super::wire::Success;

/// Approvals in one answer at most.
const LIST_MAX: u32 = 500;

/// Who decides where nobody says who it is.
const OPERATOR: &str = "operator";

/// Mounts the routes.
pub(super) fn routes(at: &mut ServiceConfig) {
    at.route("/approvals", web::get().to(list))
        .route("/approvals/{id}", web::get().to(show))
        .route("/approvals/{id}/grant", web::post().to(grant))
        .route("/approvals/{id}/deny", web::post().to(deny));
}

/// Which approvals to list: those that wait, where nothing is said.
#[derive(Deserialize)]
struct ListQuery {
    agent: Option<Who>,
    status: Option<String>,
    #[serde(flatten)]
    page: Page,
}

impl ListQuery {
    fn status(&self) -> Result<Option<ApprovalStatus>, OperatorError> {
        match self.status.as_deref() {
            None | Some("" | "waiting") => Ok(Some(ApprovalStatus::Waiting)),
            Some("granted") => Ok(Some(ApprovalStatus::Granted)),
            Some("denied") => Ok(Some(ApprovalStatus::Denied)),
            Some("expired") => Ok(Some(ApprovalStatus::Expired)),
            Some("all") => Ok(None),
            Some(_) => Err(OperatorError::Invalid {
                field: "status",
                reason: "must be waiting, granted, denied, expired or all".to_owned(),
            }),
        }
    }
}

#[derive(Serialize)]
struct ApprovalList {
    approvals: Vec<ApprovalView>,
    /// How many there are in all.
    total: u64,
}

/// An approval as an operator sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApprovalView {
    id: ApprovalId,
    agent_id: AgentId,
    run_id: RunId,
    tool: String,
    arguments: Value,
    status: ApprovalStatus,
    asked_at: UnixMillis,
    expires_at: UnixMillis,
    decided_at: Option<UnixMillis>,
    decided_by: Option<String>,
    comment: Option<String>,
}

impl From<Approval> for ApprovalView {
    fn from(approval: Approval) -> Self {
        Self {
            id: approval.id,
            agent_id: approval.agent_id,
            run_id: approval.run_id,
            tool: approval.tool,
            arguments: approval.arguments,
            status: approval.status,
            asked_at: approval.asked_at,
            expires_at: approval.expires_at,
            decided_at: approval.decided_at,
            decided_by: approval.decided_by,
            comment: approval.comment,
        }
    }
}

async fn list(query: Query<ListQuery>, host: Data<Host>) -> Answer<ApprovalList> {
    let agent_id = match &query.agent {
        Some(who) => Some(who.find(&host.registry).await?.id),
        None => None,
    };
    let (offset, limit) = query.page.read(LIST_MAX)?;
    let status = query.status()?;
    let wanted = ApprovalQuery { agent_id, status, offset, limit, ..ApprovalQuery::default() };
    let store = host.registry.store();
    let total = store.count_approvals(wanted.clone()).await?;
    let approvals = store.approvals(wanted).await?.into_iter().map(ApprovalView::from).collect();
    Ok(Success::of(ApprovalList { approvals, total }))
}

async fn show(id: Path<ApprovalId>, host: Data<Host>) -> Answer<ApprovalView> {
    let found = host.registry.store().approval(*id).await?;
    let approval = found.ok_or(CoreError::NotFound { what: "approval", id: id.0 })?;
    Ok(Success::of(approval.into()))
}

async fn grant(
    id: Path<ApprovalId>,
    request: HttpRequest,
    payload: Payload,
    host: Data<Host>,
) -> Answer<ApprovalView> {
    decide(*id, true, &Fields::read(&request, payload).await?, &host).await
}

async fn deny(
    id: Path<ApprovalId>,
    request: HttpRequest,
    payload: Payload,
    host: Data<Host>,
) -> Answer<ApprovalView> {
    decide(*id, false, &Fields::read(&request, payload).await?, &host).await
}

async fn decide(
    id: ApprovalId,
    is_granted: bool,
    fields: &Fields,
    host: &Host,
) -> Answer<ApprovalView> {
    let by = fields.text("by")?.unwrap_or(OPERATOR).to_owned();
    let comment = fields.text("comment")?.map(str::to_owned);
    let decision = Decision { is_granted, by, comment };
    let approval = host.registry.decide(id, decision).await?;
    tracing::info!(approval = %id, agent = %approval.agent_id, is_granted, "an approval is decided");
    Ok(Success::of(approval.into()))
}
