//! What an agent's log says.

use actix_web::get;
use actix_web::web::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::Call;
use super::mount::Mount;
use super::wanted::InQuery;
use super::{Answer, times};

/// Lines that are told where nobody says how many.
const TAIL: i64 = 100;

pub(super) fn routes(at: &mut Mount) {
    at.service(logs);
}

#[derive(Deserialize, ToSchema)]
struct Tail {
    tail: Option<i64>,
}

#[derive(Serialize, ToSchema)]
struct Logs {
    /// The lines, oldest first, each with its end.
    logs: String,
}

/// The newest lines of an agent's log, also while it is stopped: none for 0, all that are kept for a
/// negative number.
#[utoipa::path(
    tag = "Info",
    params(("name" = String, Path), InQuery<Tail>),
    responses((status = 200, body = Logs))
)]
#[get("/api/agents/{name}/logs")]
async fn logs(call: Call<InQuery<Tail>>) -> Answer<Logs> {
    let agent = call.authorised().await?;
    let filter: Tail = call.query()?;
    let tail = filter.tail.unwrap_or(TAIL);
    let tail = u32::try_from(tail).unwrap_or(u32::MAX);
    let lines = call.shared.host.registry.lines(agent.id, tail).await?;
    let lines = lines.iter().map(|line| format!("{} {}\n", times::iso(line.at), line.text));
    Ok(Json(Logs { logs: lines.collect() }))
}
