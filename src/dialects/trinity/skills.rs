//! Skills: the playbooks in an agent's workspace, and the host's library, of which there is none.

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::files::HOME;
use super::metrics::read;
use super::mount::Mount;
use super::{Answer, files};
use crate::templates::yaml;
use crate::workspace::{Kind, Workspace, WorkspaceError};

/// Where an agent's playbooks are, in its workspace.
const PLAYBOOKS: &str = ".claude/skills";

/// Playbooks of an agent that are looked at.
const PLAYBOOKS_MAX: usize = 200;

pub(super) fn routes(at: &mut Mount) {
    at.service(library_status).service(library_sync).service(show_library).service(library_skill);
    at.service(show_playbooks).service(inject_skills).service(agent_skills).service(set_skills);
    at.service(add_skill).service(remove_skill);
}

/// The library of skills, of which this host has none.
#[derive(Serialize, ToSchema)]
struct Library {
    configured: bool,
    url: Option<String>,
    branch: Option<String>,
    cloned: bool,
    last_sync: Option<String>,
    commit_sha: Option<String>,
    skill_count: usize,
}

/// A skill of the library.
#[derive(Serialize, ToSchema)]
struct Skill {
    name: String,
    description: Option<String>,
    path: String,
}

/// That an agent has a skill of the library.
#[derive(Serialize, ToSchema)]
struct AgentSkill {
    id: i64,
    agent_name: String,
    skill_name: String,
    assigned_by: String,
    assigned_at: String,
}

#[derive(Deserialize, ToSchema)]
struct NewSkills {
    skills: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct SkillsSet {
    success: bool,
    agent_name: String,
    skills_assigned: usize,
    skills: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct SkillsInjected {
    success: bool,
    agent_name: String,
    skills_injected: usize,
    skills_failed: usize,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Playbooks {
    skills: Vec<Playbook>,
    count: usize,
    skill_paths: Vec<String>,
}

/// A playbook, as its `SKILL.md` has it.
#[derive(Serialize, ToSchema)]
pub(super) struct Playbook {
    name: String,
    description: Option<String>,
    path: String,
    /// Whether people may ask for it by its name.
    user_invocable: bool,
    automation: Option<String>,
    allowed_tools: Option<Value>,
    argument_hint: Option<String>,
}

/// The skills of the library.
#[utoipa::path(tag = "Skills", responses((status = 200, body = [Skill])))]
#[get("/api/skills/library")]
async fn show_library(_call: Call) -> Answer<Vec<Skill>> {
    Ok(Json(Vec::new()))
}

/// How the library stands.
#[utoipa::path(tag = "Skills", responses((status = 200, body = Library)))]
#[get("/api/skills/library/status")]
async fn library_status(_call: Call) -> Answer<Library> {
    Ok(Json(Library {
        configured: false,
        url: None,
        branch: None,
        cloned: false,
        last_sync: None,
        commit_sha: None,
        skill_count: 0,
    }))
}

/// Brings the library up to date.
#[utoipa::path(tag = "Skills", responses((status = 400, body = super::error::ErrorBody)))]
#[post("/api/skills/library/sync")]
async fn library_sync(call: Call) -> Answer<Library> {
    call.admin()?;
    Err(TrinityError::bad("Skills library is not configured"))
}

/// One skill of the library.
#[utoipa::path(tag = "Skills", params(("skill" = String, Path)), responses((status = 200, body = Skill)))]
#[get("/api/skills/library/{skill}")]
async fn library_skill(call: Call) -> Answer<Skill> {
    Err(unknown(&call.segment("skill")))
}

/// The skills of the library that an agent has.
#[utoipa::path(tag = "Skills", params(("name" = String, Path)), responses((status = 200, body = [AgentSkill])))]
#[get("/api/agents/{name}/skills")]
async fn agent_skills(call: Call) -> Answer<Vec<AgentSkill>> {
    call.authorised().await?;
    Ok(Json(Vec::new()))
}

/// Says which skills of the library an agent has.
#[utoipa::path(
    tag = "Skills",
    params(("name" = String, Path)),
    request_body = NewSkills,
    responses((status = 200, body = SkillsSet))
)]
#[put("/api/agents/{name}/skills")]
async fn set_skills(call: Call<NewSkills>) -> Answer<SkillsSet> {
    let agent = call.owned().await?;
    match call.fields()?.skills.first() {
        Some(skill) => Err(unknown(skill)),
        None => Ok(Json(SkillsSet {
            success: true,
            agent_name: agent.name,
            skills_assigned: 0,
            skills: Vec::new(),
        })),
    }
}

/// Gives an agent a skill of the library.
#[utoipa::path(tag = "Skills", params(("name" = String, Path), ("skill" = String, Path)), responses((status = 404, body = super::error::ErrorBody)))]
#[post("/api/agents/{name}/skills/{skill}")]
async fn add_skill(call: Call) -> Answer<SkillsSet> {
    call.owned().await?;
    Err(unknown(&call.segment("skill")))
}

/// Takes a skill of the library from an agent.
#[utoipa::path(tag = "Skills", params(("name" = String, Path), ("skill" = String, Path)), responses((status = 404, body = super::error::ErrorBody)))]
#[delete("/api/agents/{name}/skills/{skill}")]
async fn remove_skill(call: Call) -> Answer<SkillsSet> {
    call.owned().await?;
    Err(unknown(&call.segment("skill")))
}

/// Writes an agent's skills of the library into its workspace.
#[utoipa::path(tag = "Skills", params(("name" = String, Path)), responses((status = 200, body = SkillsInjected)))]
#[post("/api/agents/{name}/skills/inject")]
async fn inject_skills(call: Call) -> Answer<SkillsInjected> {
    let agent = call.authorised().await?;
    if !agent.is_running() {
        return Err(TrinityError::bad("Agent is not running"));
    }
    let agent_name = agent.name;
    Ok(Json(SkillsInjected { success: true, agent_name, skills_injected: 0, skills_failed: 0 }))
}

/// The playbooks in an agent's workspace.
#[utoipa::path(tag = "Skills", params(("name" = String, Path)), responses((status = 200, body = Playbooks)))]
#[get("/api/agents/{name}/playbooks")]
async fn show_playbooks(call: Call) -> Answer<Playbooks> {
    let agent = call.authorised().await?;
    if !agent.is_running() {
        return Err(TrinityError::unavailable("Agent is not running"));
    }
    Ok(Json(playbooks(&call.shared.host.workspaces.free(agent.id)).await?))
}

/// The playbooks in a workspace.
pub(super) async fn playbooks(workspace: &Workspace) -> Result<Playbooks, TrinityError> {
    let skills = found(workspace).await?;
    let skill_paths = match skills.is_empty() {
        true => Vec::new(),
        false => vec![format!("{HOME}/{PLAYBOOKS}")],
    };
    Ok(Playbooks { count: skills.len(), skills, skill_paths })
}

async fn found(workspace: &Workspace) -> Result<Vec<Playbook>, TrinityError> {
    let wrong = |error| files::refused(error, PLAYBOOKS);
    let folder = PLAYBOOKS.parse().map_err(wrong)?;
    let listing = match workspace.list(folder, 0, PLAYBOOKS_MAX).await {
        Ok(listing) => listing,
        Err(
            WorkspaceError::Missing(_) | WorkspaceError::NotAFolder(_) | WorkspaceError::Special(_),
        ) => return Ok(Vec::new()),
        Err(error) => return Err(wrong(error)),
    };
    let mut playbooks = Vec::new();
    for entry in listing.entries.iter().filter(|entry| entry.kind == Kind::Folder) {
        let path = format!("{}/SKILL.md", entry.path);
        // What has a name that no path can have is no playbook either.
        let Ok(Some(text)) = read(workspace, &path).await else { continue };
        playbooks.push(playbook(entry.path.name().unwrap_or_default(), path, &text));
    }
    Ok(playbooks)
}

/// What stands between the dashes at the beginning of a `SKILL.md`.
fn playbook(folder: &str, path: String, text: &str) -> Playbook {
    let head = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---"));
    let head = head.and_then(|(head, _)| yaml::read(head).ok()).unwrap_or_default();
    let text = |key: &str| head.get(key).and_then(Value::as_str).map(str::to_owned);
    Playbook {
        name: text("name").unwrap_or_else(|| folder.to_owned()),
        description: text("description"),
        path,
        user_invocable: head.get("user-invocable").and_then(Value::as_bool).unwrap_or(true),
        automation: text("automation"),
        allowed_tools: head.get("allowed-tools").cloned(),
        argument_hint: text("argument-hint"),
    }
}

fn unknown(skill: &str) -> TrinityError {
    TrinityError::not_found(format!("Skill '{skill}' not found"))
}
