//! Any agent as a sealed file, and agents from such files.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Answer;
use super::body::Fields;
use super::error::OperatorError;
use super::lookup::Who;
use super::wire::Success;
use crate::host::Host;
use crate::http::transfer::{self, ReceiveError};
use crate::transfer::{Counts, ExportOptions, Password};

/// The time that a file may take to arrive. The listener's own bound is usually lower.
const UPLOAD_WITHIN: std::time::Duration = std::time::Duration::from_secs(600);

/// What an export is to hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    password: String,
    #[serde(default)]
    logs: bool,
    #[serde(default = "yes")]
    secrets: bool,
    #[serde(default)]
    embeddings: bool,
    #[serde(default)]
    files: bool,
}

fn yes() -> bool {
    true
}

/// How large an export would be.
#[derive(Serialize)]
pub(super) struct EstimateView {
    bytes: u64,
    memories: u64,
}

/// The agent that was imported.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImportedView {
    id: greenroom_actors::ids::AgentId,
    name: String,
    counts: Counts,
}

pub(super) async fn export(
    who: Path<Who>,
    host: Data<Host>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, OperatorError> {
    let record = who.find(&host.registry).await?;
    let wanted: Wanted = Fields::read(&request, payload).await?.all()?;
    let Wanted { password, logs, secrets, embeddings, files } = wanted;
    let options = ExportOptions { logs, secrets, embeddings, files };
    let file =
        host.transfer.export(record.id, Password::new(Zeroizing::new(password))?, options).await?;
    Ok(transfer::answer(file).await?)
}

pub(super) async fn estimate(who: Path<Who>, host: Data<Host>) -> Answer<EstimateView> {
    let record = who.find(&host.registry).await?;
    let estimate = host.transfer.estimate(record.id).await?;
    Ok(Success::of(EstimateView { bytes: estimate.bytes, memories: estimate.memories }))
}

pub(super) async fn import(
    host: Data<Host>,
    request: HttpRequest,
    mut payload: Payload,
) -> Answer<ImportedView> {
    let headers = request.headers();
    let upload = transfer::receive(&host.transfer, headers, &mut payload, UPLOAD_WITHIN).await;
    let upload = upload.map_err(|error| match error {
        ReceiveError::Transfer(error) => OperatorError::from(error),
        ReceiveError::Body(error) => error.into(),
    })?;
    let imported = host.transfer.import(upload).await?;
    Ok(Success::of(ImportedView {
        id: imported.agent_id,
        name: imported.agent_name,
        counts: imported.counts,
    }))
}
