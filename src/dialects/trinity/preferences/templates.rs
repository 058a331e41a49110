//! The repositories that agents are offered to be made from.

use actix_web::web::Json;
use actix_web::{delete, get, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::preferences::Preferences;

/// The preference that lists them, as JSON.
const KEY: &str = "github_templates";

pub(super) fn routes(at: &mut Mount) {
    at.service(show).service(change).service(remove);
}

/// A repository, and what it is called.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub(in crate::dialects::trinity) struct Repository {
    /// `owner/repo`.
    pub(in crate::dialects::trinity) github_repo: String,
    #[serde(default)]
    #[schema(max_length = 200)]
    display_name: String,
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub(in crate::dialects::trinity) description: String,
}

impl Repository {
    /// What it is shown as.
    pub(in crate::dialects::trinity) fn shown(&self) -> String {
        if !self.display_name.is_empty() {
            return self.display_name.clone();
        }
        self.github_repo.rsplit('/').next().unwrap_or_default().to_owned()
    }
}

/// The repositories that are offered; what is kept and is no list of them offers none.
pub(in crate::dialects::trinity) fn offered(preferences: &Preferences) -> Vec<Repository> {
    let kept = preferences.text(KEY);
    let kept = kept.and_then(|text| serde_json::from_str::<Vec<Repository>>(&text).ok());
    let fits = |one: &Repository| is_repository(&one.github_repo);
    kept.unwrap_or_default().into_iter().filter(fits).collect()
}

/// A repository as it is listed.
#[derive(Serialize, ToSchema)]
struct ListedRepository {
    github_repo: String,
    display_name: String,
    description: String,
    /// What it is shown as.
    resolved_name: String,
    resolved_description: String,
}

/// The repositories that agents are offered to be made from.
#[derive(Serialize, ToSchema)]
struct Repositories {
    /// `settings`, or `defaults`, of which there are none.
    source: &'static str,
    templates: Vec<ListedRepository>,
}

/// The repositories that agents are offered to be made from (administrators).
#[utoipa::path(tag = "Settings", responses((status = 200, body = Repositories)))]
#[get("/api/settings/github-templates")]
async fn show(call: Call) -> Answer<Repositories> {
    call.admin()?;
    let preferences = &call.shared.host.preferences;
    let source = if preferences.find(KEY).is_some() { "settings" } else { "defaults" };
    let templates = offered(preferences).into_iter().map(|one| ListedRepository {
        resolved_name: one.shown(),
        resolved_description: one.description.clone(),
        github_repo: one.github_repo,
        display_name: one.display_name,
        description: one.description,
    });
    Ok(Json(Repositories { source, templates: templates.collect() }))
}

/// Which repositories are to be offered.
#[derive(Deserialize, ToSchema)]
struct NewRepositories {
    #[schema(max_items = 200)]
    templates: Vec<Repository>,
}

/// How many are offered now.
#[derive(Serialize, ToSchema)]
struct RepositoriesSet {
    /// Always true.
    success: bool,
    count: usize,
}

/// Sets which repositories are offered (administrators).
#[utoipa::path(
    tag = "Settings", request_body = NewRepositories,
    responses((status = 200, body = RepositoriesSet))
)]
#[put("/api/settings/github-templates")]
async fn change(call: Call<NewRepositories>) -> Answer<RepositoriesSet> {
    call.governing()?;
    let templates = call.fields()?.templates;
    for Repository { github_repo, .. } in &templates {
        if !is_repository(github_repo) {
            let told = format!("Invalid repository format: '{github_repo}'. Expected 'owner/repo'");
            return Err(TrinityError::bad(told));
        }
    }
    let kept = serde_json::to_string(&templates).map_err(TrinityError::inside)?;
    call.shared.host.preferences.set(vec![(KEY.to_owned(), kept)]).await?;
    super::noted(&call, "settings_change", KEY).await;
    Ok(Json(RepositoriesSet { success: true, count: templates.len() }))
}

/// That they are offered no longer.
#[derive(Serialize, ToSchema)]
struct RepositoriesReset {
    /// Always true.
    success: bool,
    deleted: bool,
    message: &'static str,
}

/// Forgets what was set (administrators).
#[utoipa::path(tag = "Settings", responses((status = 200, body = RepositoriesReset)))]
#[delete("/api/settings/github-templates")]
async fn remove(call: Call) -> Answer<RepositoriesReset> {
    call.governing()?;
    let deleted = super::forgotten(&call, KEY).await?;
    let message = "GitHub templates reset to defaults";
    Ok(Json(RepositoriesReset { success: true, deleted, message }))
}

/// Whether it is `owner/repo`, and nothing that leads elsewhere.
fn is_repository(text: &str) -> bool {
    let is_name = |name: &str| {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        (1..=100).contains(&name.len()) && !name.starts_with('.') && name.chars().all(is_plain)
    };
    text.split_once('/').is_some_and(|(owner, repo)| is_name(owner) && is_name(repo))
}
