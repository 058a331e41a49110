//! How an agent comes into being, and how it ends.

use std::sync::Arc;

use actix_web::http::StatusCode;
use greenroom_actors::agent::Change;
use greenroom_actors::character::Character;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::Command;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::accounts::{Scope, User};
use crate::credentials::ENV;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::names;
use crate::host::Host;
use crate::roster::{Entry, Folders, Known, Recorded, Resources};
use crate::templates::{Fetched, Template};
use crate::workspace::glob;

/// The least port that may be asked for.
const PORT_MIN: i64 = 1_024;

/// The image that is meant where none is named.
const BASE_IMAGE: &str = "trinity-agent-base:latest";

/// Processors that may be asked for.
pub(in crate::dialects::trinity) const CPUS: [&str; 5] = ["1", "2", "4", "8", "16"];

/// Memory that may be asked for.
pub(in crate::dialects::trinity) const MEMORIES: [&str; 7] =
    ["1g", "2g", "4g", "8g", "16g", "32g", "64g"];

/// What carries out runs.
const RUNTIMES: [&str; 3] = ["claude-code", "gemini-cli", "greenroom"];

/// An agent to be created.
#[derive(Default, Deserialize, ToSchema)]
pub(in crate::dialects::trinity) struct NewAgent {
    name: String,
    r#type: Option<String>,
    template: Option<String>,
    runtime: Option<String>,
    /// The model that answers, by its name in the host's configuration.
    runtime_model: Option<String>,
    /// `cpu` one of 1, 2, 4, 8, 16; `memory` one of 1g, 2g, 4g, 8g, 16g, 32g, 64g.
    resources: Option<Value>,
    /// What the model is told before anything else.
    custom_instructions: Option<String>,
    github_repo: Option<String>,
    base_image: Option<String>,
    /// Of no effect: what an agent may do, its character says.
    #[allow(dead_code, reason = "judged by its shape alone")]
    tools: Option<Vec<String>>,
    /// Of no effect: they come with `.mcp.json` or the character.
    #[allow(dead_code, reason = "judged by its shape alone")]
    mcp_servers: Option<Vec<String>>,
    /// 1024 to 65535; absent: the lowest that is free.
    port: Option<i64>,
    /// Of no effect: the host has one token for all repositories.
    #[allow(dead_code, reason = "judged by its shape alone")]
    github_credential_id: Option<String>,
    /// The branch of a template `github:` that names none.
    source_branch: Option<String>,
    /// Of no effect: repositories are copied once.
    #[allow(dead_code, reason = "judged by its shape alone")]
    source_mode: Option<bool>,
    /// Recorded, and of no effect: there is no container to give them to.
    full_capabilities: Option<bool>,
}

impl NewAgent {
    /// An agent of that name, from that template if one is named.
    pub(in crate::dialects::trinity) fn named(name: String, template: Option<String>) -> Self {
        Self { name, template, ..Self::default() }
    }

    /// What it is to be made from, with the branch where that is said apart.
    fn source(&self) -> Option<String> {
        let template = self.template.as_deref()?;
        let branch = self.source_branch.as_deref().filter(|branch| !branch.is_empty());
        let is_bare = template.starts_with("github:") && !template.contains('@');
        Some(match branch.filter(|_| is_bare) {
            Some(branch) => format!("{template}@{branch}"),
            None => template.to_owned(),
        })
    }

    /// The same, which may use that and is told that before anything else.
    pub(in crate::dialects::trinity) fn with(
        self,
        resources: Option<Value>,
        custom_instructions: Option<String>,
    ) -> Self {
        Self { resources, custom_instructions, ..self }
    }
}

/// Creates the agent and starts it; answers once it runs.
pub(super) async fn create(call: &Call<NewAgent>, wanted: NewAgent) -> Result<Known, TrinityError> {
    let host = &call.shared.host;
    // Before anything is fetched for it, or whoever may have no further agent would have the host fetch.
    // It is looked at again once nobody else creates one.
    let name = names::for_creation(&wanted.name)?;
    may_create(call, &name, wanted.base_image.as_deref()).await?;
    let fetched = match wanted.source() {
        Some(template) => {
            let token = host.common_github_token();
            host.templates.fetch(&template, token.as_ref().map(|token| token.as_str())).await?
        }
        None => None,
    };
    create_from(call, wanted, fetched.as_ref(), None).await
}

/// The same, from a template at hand: what that says counts. Its environment is that one, if there is one.
pub(in crate::dialects::trinity) async fn create_from<B>(
    call: &Call<B>,
    mut wanted: NewAgent,
    fetched: Option<&Fetched>,
    environment: Option<Zeroizing<String>>,
) -> Result<Known, TrinityError> {
    let host = &call.shared.host;
    let folders = fetched.map(|fetched| overlay(&mut wanted, fetched.template()));
    let name = names::for_creation(&wanted.name)?;
    let resources = resources(wanted.resources.as_ref())?;
    let runtime = wanted.runtime.unwrap_or_else(|| Entry::RUNTIME.to_owned());
    if !RUNTIMES.contains(&runtime.as_str()) {
        let told = format!("Unknown runtime '{runtime}': must be one of {}", RUNTIMES.join(", "));
        return Err(TrinityError::bad(told));
    }
    let port = wanted.port.map(port).transpose()?;
    let owner = &call.principal.user;
    // One after the other, or two at once would both find room in the quota.
    let creating = Arc::clone(&call.shared.creating).lock_owned().await;
    may_create(call, &name, wanted.base_image.as_deref()).await?;
    let id = AgentId(Uuid::new_v4());
    let entry = Entry {
        owner: owner.username.clone(),
        kind: wanted.r#type.unwrap_or_else(|| Entry::KIND.to_owned()),
        template: wanted.template,
        runtime,
        container_id: container_id(),
        resources,
        github_repo: wanted.github_repo,
        // Nobody else, until its owner says so.
        permits_decide: true,
        folders: folders.unwrap_or_default(),
        recorded: Recorded { full_capabilities: wanted.full_capabilities == Some(true) },
        ..Entry::default()
    };
    let character = character(id, &name, &entry, wanted.custom_instructions, wanted.runtime_model)?;
    let (owner, fetched) = (Arc::clone(owner), fetched.cloned());
    let birth = Birth { id, name, character, owner, fetched, environment };
    let born = tokio::spawn(birth.carry_out(host.clone(), entry, port, creating)).await;
    born.unwrap_or_else(|error| Err(TrinityError::inside(error)))?;
    host.roster.get(id).await?.ok_or_else(TrinityError::no_agent)
}

/// Whether the caller may have an agent of that name, from that image.
async fn may_create<B>(
    call: &Call<B>,
    name: &str,
    base_image: Option<&str>,
) -> Result<(), TrinityError> {
    let host = &call.shared.host;
    if host.roster.find(name).await?.is_some() {
        return Err(taken());
    }
    has_room(call, 1)?;
    check_base_image(host, base_image.unwrap_or(BASE_IMAGE))
}

/// Whether the caller may have so many more agents.
pub(in crate::dialects::trinity) fn has_room<B>(
    call: &Call<B>,
    more: usize,
) -> Result<(), TrinityError> {
    let host = &call.shared.host;
    let owner = &call.principal.user;
    let owned = host.roster.owned_by(&owner.username);
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Ok(host.accounts.check_quota_for(owner, number(owned), number(more))?)
}

/// An agent that may come into being.
struct Birth {
    id: AgentId,
    name: String,
    character: Character,
    owner: Arc<User>,
    fetched: Option<Fetched>,
    environment: Option<Zeroizing<String>>,
}

impl Birth {
    /// Goes through with it, or leaves nothing of it that somebody could find; also where the caller
    /// leaves.
    async fn carry_out(
        self,
        host: Host,
        entry: Entry,
        port: Option<u16>,
        creating: OwnedMutexGuard<()>,
    ) -> Result<(), TrinityError> {
        let id = self.id;
        // First, so that nobody ever sees the agent as anybody else's. What is said of one that did not
        // come into being is forgotten.
        let Some(_) = host.roster.enter(id, entry, port).await? else {
            return Err(TrinityError::conflict("Port is already in use by another agent"));
        };
        drop(creating);
        if let Err(error) = self.begin(&host).await {
            host.registry.remove(id, false).await.or_else(gone_already)?;
            host.forget_agent(id).await?;
            return Err(error);
        }
        Ok(())
    }

    async fn begin(self, host: &Host) -> Result<(), TrinityError> {
        let Self { id, name, character, owner, fetched, environment } = self;
        host.accounts.make_agent_key(id, &name, &owner, Scope::Agent).await?;
        // Everything that is its own is there before the agent is: what a crash leaves of one that never
        // came into being is found at the next start, and removed.
        host.furnish(id, fetched.as_ref()).await?;
        match host.registry.create_as(character, &name).await {
            Ok(_) => {}
            Err(CoreError::HandleTaken { .. } | CoreError::AlreadyExists(_)) => return Err(taken()),
            Err(error) => return Err(error.into()),
        }
        if let Some(environment) = environment {
            let file = (ENV.to_owned(), environment.as_bytes().to_vec());
            host.credentials.inject(id, vec![file], None).await?;
        }
        host.registry.ask(id, Change::insisting(Command::Start)).await?;
        Ok(())
    }
}

/// Puts what a template says in the place of what was asked for, but for resources; answers what it says
/// of folders.
fn overlay(wanted: &mut NewAgent, template: &Template) -> Folders {
    if let Some(kind) = &template.kind {
        wanted.r#type = Some(kind.clone());
    }
    if !template.resources.is_empty() {
        // What was asked for goes before it, each for itself.
        let mut resources = template.resources.clone();
        match wanted.resources.take() {
            Some(Value::Object(asked)) => {
                resources.extend(asked.into_iter().filter(|(_, value)| !value.is_null()));
                wanted.resources = Some(Value::Object(resources));
            }
            None | Some(Value::Null) => wanted.resources = Some(Value::Object(resources)),
            // To be refused.
            said => wanted.resources = said,
        }
    }
    if let Some(runtime) = &template.runtime {
        wanted.runtime = Some(runtime.kind.clone());
        wanted.runtime_model = runtime.model.clone().or(wanted.runtime_model.take());
    }
    let said = template.shared_folders;
    Folders { exposes: said.expose, consumes: said.consume }
}

/// What is to be gone may be so already.
fn gone_already(error: CoreError) -> Result<(), CoreError> {
    if matches!(error, CoreError::AgentNotFound(_)) { Ok(()) } else { Err(error) }
}

/// Removes an agent with everything that is its own.
pub(super) async fn end(host: &Host, agent: &Known) -> Result<(), TrinityError> {
    host.registry.remove(agent.id, false).await?;
    host.forget_agent(agent.id).await?;
    Ok(())
}

/// Whether an agent may be made from that image, of which nothing but its name counts here.
fn check_base_image(host: &Host, image: &str) -> Result<(), TrinityError> {
    let allowed = host.preferences.base_images();
    if allowed.iter().any(|pattern| glob::matches(pattern, image)) {
        return Ok(());
    }
    let told = format!("Base image '{image}' is not allowed; allowed: {}", allowed.join(", "));
    Err(TrinityError::forbidden(told))
}

fn taken() -> TrinityError {
    TrinityError::conflict("Agent already exists")
}

/// Tells the agent from all others that ever were.
pub(in crate::dialects::trinity) fn container_id() -> String {
    rand::random::<[u8; 32]>().map(|byte| format!("{byte:02x}")).concat()
}

fn character(
    id: AgentId,
    name: &str,
    entry: &Entry,
    instructions: Option<String>,
    model: Option<String>,
) -> Result<Character, TrinityError> {
    let settings =
        json!({"owner": entry.owner, "model": model, "runtime": {"type": entry.runtime}});
    let Value::Object(mut settings) = settings else {
        return Err(TrinityError::inside("settings are no object"));
    };
    settings.retain(|_, value| !value.is_null());
    Ok(Character {
        id: Some(id),
        system: instructions.filter(|text| !text.trim().is_empty()),
        settings: Some(settings),
        ..Character::named(name)
    })
}

fn port(port: i64) -> Result<u16, TrinityError> {
    let found = u16::try_from(port).ok().filter(|_| port >= PORT_MIN);
    found.ok_or_else(|| {
        TrinityError::bad(format!("port must be an integer from {PORT_MIN} to {}", u16::MAX))
    })
}

/// What the agent may use; what is not named is as always.
fn resources(wanted: Option<&Value>) -> Result<Resources, TrinityError> {
    let mut found = Resources::default();
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_null()) else { return Ok(found) };
    let Some(wanted) = wanted.as_object() else {
        return Err(TrinityError::bad("resources must be an object with cpu and memory"));
    };
    if let Some(cpu) = wanted.get("cpu").filter(|cpu| !cpu.is_null()) {
        found.cpu = one_of("resources.cpu", &CPUS, cpu)?;
    }
    if let Some(memory) = wanted.get("memory").filter(|memory| !memory.is_null()) {
        found.memory = memory_of("resources.memory", memory)?;
    }
    Ok(found)
}

/// Memory in any of the forms that it is written in.
pub(in crate::dialects::trinity) fn memory_of(
    field: &str,
    said: &Value,
) -> Result<String, TrinityError> {
    let text = said.as_str().unwrap_or_default();
    let plain = text.strip_suffix('i').unwrap_or(text).to_ascii_lowercase();
    one_of(field, &MEMORIES, &if said.is_string() { plain.into() } else { said.clone() })
}

/// One of the values allowed, given as text or as a number.
pub(in crate::dialects::trinity) fn one_of(
    field: &str,
    allowed: &[&str],
    said: &Value,
) -> Result<String, TrinityError> {
    let text = match said {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    if allowed.contains(&text.as_str()) {
        return Ok(text);
    }
    let told = format!("{field} must be one of {}", allowed.join(", "));
    Err(TrinityError::new(StatusCode::BAD_REQUEST, told))
}
