//! What an operator needs and no ecosystem's API has: under `/api/greenroom`, with the envelope and
//! the credentials of `/api`.

mod accounts;
mod approvals;
mod body;
mod budgets;
mod dead_letters;
mod ending;
mod error;
mod goals;
mod host;
mod lookup;
mod message;
mod page;
mod runs;
mod transfer;
mod triggers;
mod wire;

#[cfg(test)]
mod tests;

use actix_web::web::{self, Data, Json, Path, PathConfig, Query, QueryConfig, ServiceConfig};
use greenroom_actors::agent::Change;
use greenroom_actors::lifecycle::Command;

use crate::host::Host;

pub(crate) use error::OperatorError;
pub(crate) use lookup::Who;
pub(crate) use message::Speech;

use wire::{AgentList, AgentView, ListQuery, Success};

type Answer<T> = Result<Json<Success<T>>, OperatorError>;

/// Mounts the routes; the listener puts them under `/api/greenroom`, behind its credentials.
pub fn routes(at: &mut ServiceConfig) {
    at.app_data(QueryConfig::default().error_handler(|error, _| {
        OperatorError::Invalid { field: "query", reason: error.to_string() }.into()
    }))
    .app_data(PathConfig::default().error_handler(|error, _| {
        OperatorError::Invalid { field: "path", reason: error.to_string() }.into()
    }))
    .route("/agents", web::get().to(list))
    .route("/agents/{who}", web::get().to(show))
    .route("/agents/{who}/pause", web::post().to(ending::pause))
    .route("/agents/{who}/resume", web::post().to(resume))
    .route("/agents/{who}/primary", web::post().to(make_primary))
    .route("/agents/{who}/restart", web::post().to(ending::restart))
    .route("/agents/{who}/stop", web::post().to(ending::stop))
    .route("/agents/{who}/message", web::post().to(message::say))
    .route("/agents/{who}/export", web::get().to(transfer::estimate))
    .route("/agents/{who}/export", web::post().to(transfer::export))
    .route("/import", web::post().to(transfer::import))
    .route("/agents/{who}/budget", web::get().to(budgets::budget))
    .route("/usage", web::get().to(budgets::usage))
    .route("/agents/{who}/goals", web::get().to(goals::list))
    .route("/agents/{who}/goals", web::post().to(goals::set))
    .route("/agents/{who}/goals/{id}", web::patch().to(goals::amend))
    .route("/agents/{who}/goals/{id}", web::delete().to(goals::remove))
    .route("/agents/{who}/triggers", web::get().to(triggers::list))
    .route("/agents/{who}/triggers", web::post().to(triggers::add))
    .route("/agents/{who}/triggers/{id}", web::get().to(triggers::show))
    .route("/agents/{who}/triggers/{id}", web::patch().to(triggers::amend))
    .route("/agents/{who}/triggers/{id}", web::delete().to(triggers::remove))
    .route("/agents/{who}/triggers/{id}/fire", web::post().to(triggers::fire))
    .route("/agents/{who}/triggers/{id}/firings", web::get().to(triggers::firings_of))
    .route("/agents/{who}/firings", web::get().to(triggers::firings))
    .route("/agents/{who}/runs", web::get().to(runs::list))
    .route("/agents/{who}/runs/{id}", web::get().to(runs::show))
    .route("/agents/{who}/events", web::get().to(runs::events))
    .route("/dead-letters", web::get().to(dead_letters::list))
    .route("/dead-letters/{letter}/requeue", web::post().to(dead_letters::requeue))
    .route("/liveness", web::get().to(host::liveness))
    .route("/mcp", web::get().to(host::mcp_servers))
    .route("/halt", web::get().to(host::is_halted))
    .route("/halt", web::post().to(host::halt))
    .route("/lift", web::post().to(host::lift))
    .route("/backup", web::post().to(host::backup))
    .route("/admin-password", web::post().to(accounts::take_over))
    .configure(approvals::routes);
}

async fn list(query: Query<ListQuery>, host: Data<Host>) -> Answer<AgentList> {
    let store = host.registry.store();
    let agents = store.agents(query.read()?).await?;
    let agents = agents.iter().map(AgentView::listed).collect();
    Ok(Success::of(AgentList { agents, total: store.census().await?.total() }))
}

async fn show(who: Path<Who>, host: Data<Host>) -> Answer<AgentView> {
    let record = who.find(&host.registry).await?;
    let status = host.registry.status(record.id).await?;
    Ok(Success::of(AgentView::shown(&record, &status)))
}

async fn resume(who: Path<Who>, host: Data<Host>) -> Answer<AgentView> {
    let record = who.find(&host.registry).await?;
    let lifecycle = host.registry.ask(record.id, Change::to(Command::Resume)).await?;
    Ok(Success::of(AgentView::after(&record, &lifecycle)))
}

/// Makes an agent the one that clients mean which know only one; it stays what it is.
async fn make_primary(who: Path<Who>, host: Data<Host>) -> Answer<AgentView> {
    let record = who.find(&host.registry).await?;
    let record = host.primary.adopt(record.id).await?;
    Ok(Success::of(AgentView::listed(&record)))
}
