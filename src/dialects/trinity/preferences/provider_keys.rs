//! Keys of providers that agents use: kept sealed, and never shown again.

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::masked;
use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::{ErrorBody, TrinityError};
use crate::dialects::trinity::mount::Mount;
use crate::preferences::Preferences;

/// A provider, and how its keys are known.
struct Provider {
    /// The preference that holds the key.
    key: &'static str,
    /// The variable of the host that holds one otherwise.
    variable: &'static str,
    /// What its keys begin with.
    starts: &'static [&'static str],
    /// What is said of others.
    refusal: &'static str,
}

const ANTHROPIC: Provider = Provider {
    key: "anthropic_api_key",
    variable: "ANTHROPIC_API_KEY",
    starts: &["sk-ant-"],
    refusal: "Invalid API key format. Anthropic keys start with 'sk-ant-'",
};

const GITHUB: Provider = Provider {
    key: "github_pat",
    variable: "GITHUB_PAT",
    starts: &["ghp_", "github_pat_", "gho_", "ghs_", "ghu_"],
    refusal: "Invalid PAT format. GitHub PATs start with 'ghp_' or 'github_pat_'",
};

pub(super) fn routes(at: &mut Mount) {
    at.service(show)
        .service(set_anthropic)
        .service(remove_anthropic)
        .service(test_anthropic)
        .service(set_github)
        .service(remove_github)
        .service(test_github);
}

/// Whether there is a key, and where it comes from.
#[derive(Serialize, ToSchema)]
struct KeyStatus {
    configured: bool,
    /// Its end.
    masked: Option<String>,
    /// `settings`, `env` or null.
    source: Option<&'static str>,
}

impl KeyStatus {
    fn of(preferences: &Preferences, provider: &Provider) -> Self {
        if let Some(key) = preferences.secret(provider.key) {
            let masked = Some(masked(&key));
            return Self { configured: true, masked, source: Some("settings") };
        }
        let key = of_environment(provider);
        let source = key.as_ref().map(|_| "env");
        Self { configured: key.is_some(), masked: key.as_deref().map(masked), source }
    }
}

fn of_environment(provider: &Provider) -> Option<String> {
    std::env::var(provider.variable).ok().filter(|key| !key.is_empty())
}

/// Which providers have a key.
#[derive(Serialize, ToSchema)]
struct KeyStatuses {
    anthropic: KeyStatus,
    github: KeyStatus,
}

/// Which providers have a key (administrators).
#[utoipa::path(tag = "Settings", responses((status = 200, body = KeyStatuses)))]
#[get("/api/settings/api-keys")]
async fn show(call: Call) -> Answer<KeyStatuses> {
    call.admin()?;
    let preferences = &call.shared.host.preferences;
    Ok(Json(KeyStatuses {
        anthropic: KeyStatus::of(preferences, &ANTHROPIC),
        github: KeyStatus::of(preferences, &GITHUB),
    }))
}

/// A provider's key.
#[derive(Deserialize, ToSchema)]
struct ProviderKey {
    #[schema(max_length = 4096)]
    api_key: String,
}

/// That it is kept.
#[derive(Serialize, ToSchema)]
struct KeyKept {
    /// Always true.
    success: bool,
    masked: String,
}

/// Keeps Anthropic's key (administrators).
#[utoipa::path(
    tag = "Settings", request_body = ProviderKey, responses((status = 200, body = KeyKept))
)]
#[put("/api/settings/api-keys/anthropic")]
async fn set_anthropic(call: Call<ProviderKey>) -> Answer<KeyKept> {
    keep(&call, &ANTHROPIC).await
}

/// Keeps GitHub's token (administrators).
#[utoipa::path(
    tag = "Settings", request_body = ProviderKey, responses((status = 200, body = KeyKept))
)]
#[put("/api/settings/api-keys/github")]
async fn set_github(call: Call<ProviderKey>) -> Answer<KeyKept> {
    keep(&call, &GITHUB).await
}

async fn keep(call: &Call<ProviderKey>, provider: &Provider) -> Answer<KeyKept> {
    call.governing()?;
    let key = call.fields()?.api_key.trim().to_owned();
    if !is_one(provider, &key) {
        return Err(TrinityError::bad(provider.refusal));
    }
    let masked = masked(&key);
    call.shared.host.preferences.set(vec![(provider.key.to_owned(), key)]).await?;
    super::noted(call, "settings_change", provider.key).await;
    Ok(Json(KeyKept { success: true, masked }))
}

/// That it is kept no longer.
#[derive(Serialize, ToSchema)]
struct KeyForgotten {
    /// Always true.
    success: bool,
    deleted: bool,
    /// Whether the host's environment has one.
    fallback_configured: bool,
}

/// Forgets Anthropic's key (administrators).
#[utoipa::path(tag = "Settings", responses((status = 200, body = KeyForgotten)))]
#[delete("/api/settings/api-keys/anthropic")]
async fn remove_anthropic(call: Call) -> Answer<KeyForgotten> {
    forget(&call, &ANTHROPIC).await
}

/// Forgets GitHub's token (administrators).
#[utoipa::path(tag = "Settings", responses((status = 200, body = KeyForgotten)))]
#[delete("/api/settings/api-keys/github")]
async fn remove_github(call: Call) -> Answer<KeyForgotten> {
    forget(&call, &GITHUB).await
}

async fn forget(call: &Call, provider: &Provider) -> Answer<KeyForgotten> {
    call.governing()?;
    let deleted = super::forgotten(call, provider.key).await?;
    let fallback_configured = of_environment(provider).is_some();
    Ok(Json(KeyForgotten { success: true, deleted, fallback_configured }))
}

/// What is wrong with a key.
#[derive(Serialize, ToSchema)]
struct KeyTested {
    valid: bool,
    error: Option<&'static str>,
}

/// Whether a text can be Anthropic's key (administrators). The provider is not asked: 501 for what looks
/// like one.
#[utoipa::path(
    tag = "Settings", request_body = ProviderKey,
    responses((status = 200, body = KeyTested), (status = 501, body = ErrorBody))
)]
#[post("/api/settings/api-keys/anthropic/test")]
async fn test_anthropic(call: Call<ProviderKey>) -> Answer<KeyTested> {
    test(&call, &ANTHROPIC)
}

/// Whether a text can be GitHub's token (administrators). GitHub is not asked: 501 for what looks like
/// one.
#[utoipa::path(
    tag = "Settings", request_body = ProviderKey,
    responses((status = 200, body = KeyTested), (status = 501, body = ErrorBody))
)]
#[post("/api/settings/api-keys/github/test")]
async fn test_github(call: Call<ProviderKey>) -> Answer<KeyTested> {
    test(&call, &GITHUB)
}

fn test(call: &Call<ProviderKey>, provider: &Provider) -> Answer<KeyTested> {
    call.admin()?;
    if !is_one(provider, call.fields()?.api_key.trim()) {
        return Ok(Json(KeyTested { valid: false, error: Some(provider.refusal) }));
    }
    Err(TrinityError::not_here(
        "The key has the right form; this host does not try keys out at the provider",
    ))
}

fn is_one(provider: &Provider, key: &str) -> bool {
    let is_plain = key.chars().all(|letter| letter.is_ascii_graphic());
    is_plain
        && provider.starts.iter().any(|start| key.len() > start.len() && key.starts_with(start))
}
