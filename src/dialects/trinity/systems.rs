//! Systems: several agents that a manifest describes, made and looked at together.

mod manifest;

use std::collections::btree_map::Entry::Vacant;
use std::collections::{BTreeMap, BTreeSet};

use actix_web::web::Json;
use actix_web::{HttpResponse, get, post};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::agents::birth::{self, NewAgent};
use super::agents::status;
use super::call::Call;
use super::error::{ErrorBody, TrinityError};
use super::mount::Mount;
use super::{Answer, system_views};
use crate::accounts::Role;
use crate::roster::{Entry, Folders, Known};
use crate::templates::Fetched;

use manifest::{Manifest, Member};

/// Names that are tried for one agent of a system.
const NAMES_TRIED: u32 = 100;

pub(super) fn routes(at: &mut Mount) {
    at.service(deploy_system)
        .service(show_systems)
        .service(system_manifest)
        .service(restart_system);
    at.service(show_system);
}

#[derive(Deserialize, ToSchema)]
struct NewSystem {
    /// What the system is, as YAML.
    manifest: String,
    /// Whether nothing is to be made.
    dry_run: Option<bool>,
}

/// What was made of a manifest, or would be.
#[derive(Serialize, ToSchema)]
struct SystemDeployed {
    /// `deployed` or `valid`.
    status: &'static str,
    system_name: String,
    agents_created: Vec<String>,
    /// What a trial run would make.
    agents_to_create: Vec<AgentToCreate>,
    prompt_updated: bool,
    permissions_configured: usize,
    schedules_created: usize,
    tags_configured: usize,
    system_view_created: Option<String>,
    warnings: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct AgentToCreate {
    name: String,
    short_name: String,
    template: String,
}

#[derive(Serialize, ToSchema)]
struct Systems {
    systems: Vec<SystemItem>,
}

#[derive(Serialize, ToSchema)]
struct SystemItem {
    name: String,
    agent_count: usize,
    agents: Vec<SystemAgent>,
    created_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct SystemAgent {
    name: String,
    status: &'static str,
    r#type: String,
    template: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct SystemRestarted {
    restarted: Vec<String>,
    failed: Vec<String>,
}

/// Makes the agents of a system, and starts them.
#[utoipa::path(
    tag = "Systems",
    request_body = NewSystem,
    responses(
        (status = 200, body = SystemDeployed),
        (status = 501, description = "There is no git here to fetch a template with", body = ErrorBody),
        (status = 502, description = "A template could not be fetched", body = ErrorBody)
    )
)]
#[post("/api/systems/deploy")]
async fn deploy_system(call: Call<NewSystem>) -> Answer<SystemDeployed> {
    call.at_least(Role::Creator)?;
    let wanted = call.fields()?;
    let manifest = Manifest::read(&wanted.manifest).map_err(TrinityError::bad)?;
    let mut members = Vec::new();
    for (short, member) in &manifest.agents {
        let name = free_name(&call, &manifest.name, short, &members).await?;
        members.push((name, short.clone(), member));
    }
    let mut told = SystemDeployed {
        status: "valid",
        system_name: manifest.name.clone(),
        agents_created: Vec::new(),
        agents_to_create: Vec::new(),
        prompt_updated: false,
        permissions_configured: manifest.permissions.values().map(BTreeSet::len).sum(),
        schedules_created: 0,
        tags_configured: 0,
        system_view_created: None,
        warnings: Vec::new(),
    };
    let host = &call.shared.host;
    if wanted.dry_run == Some(true) {
        // Those that are elsewhere are asked for where they are to be used.
        let templates = members.iter().map(|(_, _, member)| member.template.as_str());
        for template in templates.filter(|template| template.starts_with("local:")) {
            host.templates.fetch(template, None).await?;
        }
        told.agents_to_create = members
            .into_iter()
            .map(|(name, short_name, member)| AgentToCreate {
                name,
                short_name,
                template: member.template.clone(),
            })
            .collect();
        return Ok(Json(told));
    }
    // All of them or none, and nothing is fetched for agents that there is no room for.
    birth::has_room(&call, members.len())?;
    // All templates first, each once: where one is missing, no agent is made.
    let mut fetched = BTreeMap::new();
    let token = host.common_github_token();
    let token = token.as_ref().map(|token| token.as_str());
    for (_, _, member) in &members {
        if let Vacant(place) = fetched.entry(member.template.as_str()) {
            place.insert(host.templates.fetch(&member.template, token).await?);
        }
    }
    let mut made = BTreeMap::new();
    for (name, short, member) in &members {
        let fetched = fetched.get(member.template.as_str()).and_then(Option::as_ref);
        let agent = make(&call, &manifest, name, member, fetched).await?;
        told.schedules_created += add_schedules(&call, agent.id, member).await?;
        told.tags_configured += agent.entry.tags.len();
        told.agents_created.push(agent.name.clone());
        made.insert(short.clone(), agent.id);
    }
    permit(&call, &manifest, &made).await?;
    // Each of its agents is told it.
    told.prompt_updated = manifest.prompt.is_some();
    if let Some(view) = manifest.view {
        // The agents are there: a view that cannot be made is no reason to say otherwise.
        match call.shared.host.organisation.make_view(&call.principal.user, view).await {
            Ok(view) => told.system_view_created = Some(system_views::told_id(&view)),
            Err(error) => told.warnings.push(format!("system_view was not made: {error}")),
        }
    }
    told.status = "deployed";
    Ok(Json(told))
}

/// The systems whose agents the caller may see.
#[utoipa::path(tag = "Systems", responses((status = 200, body = Systems)))]
#[get("/api/systems")]
async fn show_systems(call: Call) -> Answer<Systems> {
    let mut grouped: BTreeMap<String, Vec<Known>> = BTreeMap::new();
    for agent in call.shared.host.roster.visible_to(&call.principal).await? {
        if let Some(system) = &agent.entry.system {
            grouped.entry(system.clone()).or_default().push(agent);
        }
    }
    let systems = grouped.into_iter().map(|(name, agents)| item(name, &agents)).collect();
    Ok(Json(Systems { systems }))
}

/// One system.
#[utoipa::path(tag = "Systems", params(("system" = String, Path)), responses((status = 200, body = SystemItem)))]
#[get("/api/systems/{system}")]
async fn show_system(call: Call) -> Answer<SystemItem> {
    let name = call.segment("system");
    let agents = members(&call, &name).await?;
    Ok(Json(item(name, &agents)))
}

/// Stops and starts the agents of a system that the caller owns.
#[utoipa::path(tag = "Systems", params(("system" = String, Path)), responses((status = 200, body = SystemRestarted)))]
#[post("/api/systems/{system}/restart")]
async fn restart_system(call: Call) -> Answer<SystemRestarted> {
    let agents = members(&call, &call.segment("system")).await?;
    let host = &call.shared.host;
    let mut told = SystemRestarted { restarted: Vec::new(), failed: Vec::new() };
    for agent in agents.iter().filter(|agent| call.relation(agent).may_own()) {
        let list = match host.start_anew(agent.id).await {
            Ok(_) => &mut told.restarted,
            Err(error) => {
                tracing::warn!(agent = %agent.id, %error, "an agent was not restarted");
                &mut told.failed
            }
        };
        list.push(agent.name.clone());
    }
    Ok(Json(told))
}

/// The manifest that would make such a system, as YAML.
#[utoipa::path(
    tag = "Systems",
    params(("system" = String, Path)),
    responses((status = 200, description = "The manifest", body = String, content_type = "application/x-yaml"))
)]
#[get("/api/systems/{system}/manifest")]
async fn system_manifest(call: Call) -> Result<HttpResponse, TrinityError> {
    let name = call.segment("system");
    let agents = members(&call, &name).await?;
    let short = |agent: &Known| {
        let rest = agent.name.strip_prefix(&name).and_then(|rest| rest.strip_prefix('-'));
        rest.unwrap_or(&agent.name).to_owned()
    };
    let names: BTreeMap<AgentId, String> =
        agents.iter().map(|agent| (agent.id, short(agent))).collect();
    let described: BTreeMap<String, Value> = agents
        .iter()
        .map(|agent| {
            let entry = &agent.entry;
            let described = json!({
                "template": entry.template,
                "resources": {"cpu": entry.resources.cpu, "memory": entry.resources.memory},
                "folders": {"expose": entry.folders.exposes, "consume": entry.folders.consumes},
                "tags": entry.tags,
            });
            (short(agent), described)
        })
        .collect();
    let explicit: BTreeMap<&String, Vec<&String>> = agents
        .iter()
        .filter_map(|agent| {
            let targets: Vec<_> =
                agent.entry.permits.iter().filter_map(|target| names.get(target)).collect();
            (!targets.is_empty()).then_some((names.get(&agent.id)?, targets))
        })
        .collect();
    let manifest =
        json!({"name": name, "agents": described, "permissions": {"explicit": explicit}});
    let text = serde_saphyr::to_string(&manifest).map_err(TrinityError::inside)?;
    let sort = "application/x-yaml; charset=utf-8";
    Ok(HttpResponse::Ok().insert_header(("content-type", sort)).body(text))
}

/// The agents of a system that the caller may see.
async fn members(call: &Call, system: &str) -> Result<Vec<Known>, TrinityError> {
    let mut agents = call.shared.host.roster.visible_to(&call.principal).await?;
    agents.retain(|agent| agent.entry.system.as_deref() == Some(system));
    if agents.is_empty() {
        return Err(TrinityError::not_found(format!("System '{system}' not found")));
    }
    agents.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(agents)
}

fn item(name: String, agents: &[Known]) -> SystemItem {
    let agent = |agent: &Known| SystemAgent {
        name: agent.name.clone(),
        status: status(agent.state),
        r#type: agent.entry.kind.clone(),
        template: agent.entry.template.clone(),
    };
    SystemItem {
        name,
        agent_count: agents.len(),
        agents: agents.iter().map(agent).collect(),
        created_at: agents.iter().map(|agent| agent.created_at).min().map(super::times::iso),
    }
}

/// `{system}-{short}`, or with `_2`, `_3` and so on behind it where that is taken.
async fn free_name(
    call: &Call<NewSystem>,
    system: &str,
    short: &str,
    taken: &[(String, String, &Member)],
) -> Result<String, TrinityError> {
    for number in 1..=NAMES_TRIED {
        let wanted = match number {
            1 => format!("{system}-{short}"),
            _ => format!("{system}-{short}_{number}"),
        };
        let name = super::names::for_creation(&wanted)?;
        let is_taken = taken.iter().any(|(other, _, _)| *other == name);
        if !is_taken && call.shared.host.roster.find(&name).await?.is_none() {
            return Ok(name);
        }
    }
    Err(TrinityError::conflict(format!("There are too many agents named {system}-{short}")))
}

async fn make(
    call: &Call<NewSystem>,
    manifest: &Manifest,
    name: &str,
    member: &Member,
    fetched: Option<&Fetched>,
) -> Result<Known, TrinityError> {
    let new = NewAgent::named(name.to_owned(), Some(member.template.clone()))
        .with(member.resources.clone(), manifest.prompt.clone());
    let agent = birth::create_from(call, new, fetched, None).await?;
    let said = |entry: &mut Entry| {
        entry.system = Some(manifest.name.clone());
        entry.tags.extend(manifest.default_tags.iter().chain(&member.tags).cloned());
        let Folders { exposes, consumes } = entry.folders;
        entry.folders = Folders {
            exposes: member.exposes.unwrap_or(exposes),
            consumes: member.consumes.unwrap_or(consumes),
        };
        Ok::<_, CoreError>(())
    };
    let host = &call.shared.host;
    host.roster.amend(agent.id, said).await?;
    host.roster.get(agent.id).await?.ok_or_else(TrinityError::no_agent)
}

async fn add_schedules(
    call: &Call<NewSystem>,
    agent: AgentId,
    member: &Member,
) -> Result<usize, TrinityError> {
    let registry = &call.shared.host.registry;
    for schedule in member.schedules.iter().cloned() {
        let trigger = schedule.made(&call.principal.user.username)?;
        registry.add_trigger(agent, trigger).await?;
    }
    Ok(member.schedules.len())
}

/// Lets the agents call one another as the manifest says, and see one another's folders at once: they
/// have just begun.
async fn permit(
    call: &Call<NewSystem>,
    manifest: &Manifest,
    made: &BTreeMap<String, AgentId>,
) -> Result<(), TrinityError> {
    let host = &call.shared.host;
    for (source, targets) in &manifest.permissions {
        let Some(id) = made.get(source) else { continue };
        let targets: Vec<AgentId> =
            targets.iter().filter_map(|target| made.get(target)).copied().collect();
        let permitted = |entry: &mut Entry| {
            entry.permits.extend(targets);
            Ok::<_, CoreError>(())
        };
        host.roster.amend(*id, permitted).await?;
    }
    for id in made.values() {
        if let Err(error) = host.share_folders(*id).await {
            tracing::warn!(agent = %id, %error, "the folders of an agent are not shared");
        }
    }
    Ok(())
}
