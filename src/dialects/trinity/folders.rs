//! Folders that agents share with one another.

use actix_web::web::Json;
use actix_web::{get, put};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::agents::status;
use super::call::Call;
use super::error::TrinityError;
use super::files::HOME;
use super::mount::Mount;
use super::{Answer, shape};
use crate::roster::Known;
use crate::workspace::{SHARED_IN, SHARED_OUT};

pub(super) fn routes(at: &mut Mount) {
    at.service(show).service(change).service(show_available).service(show_consumers);
}

/// What an agent shares, as it is set and as it is.
#[derive(Serialize, ToSchema)]
struct Folders {
    agent_name: String,
    expose_enabled: bool,
    consume_enabled: bool,
    /// The name of what others see of it, where it lets them.
    exposed_volume: Option<String>,
    exposed_path: String,
    /// What it is to see of others.
    consumed_folders: Vec<Consumed>,
    /// Whether something of it takes effect only at the next start.
    restart_required: bool,
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Consumed {
    source_agent: String,
    mount_path: String,
    access_mode: &'static str,
    currently_mounted: bool,
}

#[derive(Deserialize, ToSchema)]
struct NewFolders {
    /// Whether others see its folder; absent: as it is.
    expose_enabled: Option<Value>,
    /// Whether it sees those of others; absent: as it is.
    consume_enabled: Option<Value>,
}

#[derive(Serialize, ToSchema)]
struct FoldersSet {
    status: &'static str,
    agent_name: String,
    expose_enabled: bool,
    consume_enabled: bool,
    restart_required: bool,
    message: String,
}

#[derive(Serialize, ToSchema)]
struct Available {
    agent_name: String,
    available_folders: Vec<AvailableFolder>,
    count: usize,
}

#[derive(Serialize, ToSchema)]
struct AvailableFolder {
    source_agent: String,
    volume_name: String,
    mount_path: String,
    source_status: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Consumers {
    source_agent: String,
    consumers: Vec<Consumer>,
    count: usize,
}

#[derive(Serialize, ToSchema)]
struct Consumer {
    agent_name: String,
    mount_path: String,
    status: &'static str,
}

/// What an agent shares with others.
#[utoipa::path(tag = "Shared folders", params(("name" = String, Path)), responses((status = 200, body = Folders)))]
#[get("/api/agents/{name}/folders")]
async fn show(call: Call) -> Answer<Folders> {
    let agent = call.permitted().await?;
    let host = &call.shared.host;
    let set = agent.entry.folders;
    let is_so = host.workspaces.sharing(agent.id);
    let sources = match set.consumes {
        true => host.roster.sources_of(agent.id).await?,
        false => Vec::new(),
    };
    let consumed = |source: &Known| Consumed {
        source_agent: source.name.clone(),
        mount_path: mounted_at(&source.name),
        access_mode: "rw",
        currently_mounted: is_so.sources.get(&source.name) == Some(&source.id),
    };
    let consumed_folders: Vec<_> = sources.iter().map(consumed).collect();
    let is_missing = consumed_folders.iter().any(|folder| !folder.currently_mounted);
    Ok(Json(Folders {
        expose_enabled: set.exposes,
        consume_enabled: set.consumes,
        exposed_volume: set.exposes.then(|| volume(&agent.name)),
        exposed_path: format!("{HOME}/{SHARED_OUT}"),
        restart_required: is_so.exposes != set.exposes || is_missing,
        consumed_folders,
        status: status(agent.state),
        agent_name: agent.name,
    }))
}

/// Says what an agent is to share from its next start; what it shares no longer ends at once.
#[utoipa::path(
    tag = "Shared folders",
    params(("name" = String, Path)),
    request_body = NewFolders,
    responses((status = 200, body = FoldersSet))
)]
#[put("/api/agents/{name}/folders")]
async fn change(call: Call<NewFolders>) -> Answer<FoldersSet> {
    let wanted = call.fields()?;
    let agent = call.owning("folder sharing").await?;
    let exposes = flag("expose_enabled", wanted.expose_enabled.as_ref())?;
    let consumes = flag("consume_enabled", wanted.consume_enabled.as_ref())?;
    let set = call.shared.host.organisation.set_folders(agent.id, exposes, consumes).await?;
    Ok(Json(FoldersSet {
        status: "updated",
        agent_name: agent.name,
        expose_enabled: set.exposes,
        consume_enabled: set.consumes,
        restart_required: true,
        message: "Folder sharing updated; what is new takes effect at the next start of the agent"
            .to_owned(),
    }))
}

/// The folders of others that an agent could see.
#[utoipa::path(tag = "Shared folders", params(("name" = String, Path)), responses((status = 200, body = Available)))]
#[get("/api/agents/{name}/folders/available")]
async fn show_available(call: Call) -> Answer<Available> {
    let agent = call.permitted().await?;
    let sources = call.shared.host.roster.sources_of(agent.id).await?;
    let available_folders: Vec<_> = sources
        .iter()
        .map(|source| AvailableFolder {
            source_agent: source.name.clone(),
            volume_name: volume(&source.name),
            mount_path: mounted_at(&source.name),
            source_status: status(source.state),
        })
        .collect();
    let count = available_folders.len();
    Ok(Json(Available { agent_name: agent.name, available_folders, count }))
}

/// The agents that see this one's folder, or will.
#[utoipa::path(tag = "Shared folders", params(("name" = String, Path)), responses((status = 200, body = Consumers)))]
#[get("/api/agents/{name}/folders/consumers")]
async fn show_consumers(call: Call) -> Answer<Consumers> {
    let agent = call.permitted().await?;
    let mount_path = mounted_at(&agent.name);
    let found = call.shared.host.roster.consumers_of(agent.id).await?;
    let consumers: Vec<_> = found
        .iter()
        .map(|consumer| Consumer {
            agent_name: consumer.name.clone(),
            mount_path: mount_path.clone(),
            status: status(consumer.state),
        })
        .collect();
    let count = consumers.len();
    Ok(Json(Consumers { source_agent: agent.name, consumers, count }))
}

fn flag(field: &str, said: Option<&Value>) -> Result<Option<bool>, TrinityError> {
    let Some(said) = said.filter(|said| !said.is_null()) else { return Ok(None) };
    let refused = || TrinityError::bad(format!("{field} must be true or false"));
    shape::truth(said).ok_or_else(refused).map(Some)
}

fn volume(agent: &str) -> String {
    format!("agent-{agent}-shared")
}

fn mounted_at(source: &str) -> String {
    format!("{HOME}/{SHARED_IN}/{source}")
}
