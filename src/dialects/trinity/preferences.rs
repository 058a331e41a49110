//! Preferences: what administrators set over this API.

mod addresses;
mod ops;
mod provider_keys;
mod quotas;
mod slack;
pub(super) mod templates;
mod whitelist;

use actix_web::web::Json;
use actix_web::{delete, get, put};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::times;
use crate::preferences::{OPS, Preference, Preferences, is_secret};

pub(super) fn routes(at: &mut Mount) {
    // Words before names of preferences.
    at.configure(ops::routes)
        .configure(provider_keys::routes)
        .configure(quotas::routes)
        .configure(addresses::routes)
        .configure(templates::routes)
        .configure(slack::routes)
        .configure(whitelist::routes)
        .service(list)
        .service(show)
        .service(change)
        .service(remove);
}

/// A preference.
#[derive(Serialize, ToSchema)]
struct Setting {
    key: String,
    /// Of a secret, its end.
    value: String,
    updated_at: String,
}

impl Setting {
    fn of(preferences: &Preferences, preference: Preference) -> Self {
        let value = preference.value.unwrap_or_else(|| masked_of(preferences, &preference.key));
        Self { key: preference.key, value, updated_at: times::iso(preference.updated_at) }
    }
}

/// That something was removed.
#[derive(Serialize, ToSchema)]
struct Removed {
    /// Always true.
    success: bool,
    /// Whether it was there.
    deleted: bool,
}

/// Every preference that is set (administrators).
#[utoipa::path(tag = "Settings", responses((status = 200, body = [Setting])))]
#[get("/api/settings")]
async fn list(call: Call) -> Answer<Vec<Setting>> {
    call.admin()?;
    let preferences = &call.shared.host.preferences;
    let all = preferences.all().into_iter();
    Ok(Json(all.map(|preference| Setting::of(preferences, preference)).collect()))
}

/// One preference (administrators).
#[utoipa::path(
    tag = "Settings", params(("key" = String, Path)), responses((status = 200, body = Setting))
)]
#[get("/api/settings/{key}")]
async fn show(call: Call) -> Answer<Setting> {
    call.admin()?;
    let key = call.segment("key");
    let preferences = &call.shared.host.preferences;
    let found = preferences.find(&key);
    let found =
        found.ok_or_else(|| TrinityError::not_found(format!("Setting '{key}' not found")))?;
    Ok(Json(Setting::of(preferences, found)))
}

/// What a preference is to say.
#[derive(Deserialize, ToSchema)]
struct NewSetting {
    value: String,
}

/// Sets a preference (administrators).
#[utoipa::path(
    tag = "Settings", params(("key" = String, Path)), request_body = NewSetting,
    responses((status = 200, body = Setting))
)]
#[put("/api/settings/{key}")]
async fn change(call: Call<NewSetting>) -> Answer<Setting> {
    call.governing()?;
    let (key, value) = (call.segment("key"), call.fields()?.value);
    if let Some(known) = OPS.iter().find(|known| known.key == key) {
        known.check(&value).map_err(TrinityError::bad)?;
    }
    quotas::check(&key, &value)?;
    let preferences = &call.shared.host.preferences;
    // A page that sends back what it was shown means that nothing changes.
    let is_shown = is_secret(&key) && value == masked_of(preferences, &key);
    let before = preferences.find(&key).filter(|_| is_shown);
    let set = match before {
        Some(before) => before,
        None => {
            let set = preferences.set(vec![(key.clone(), value)]).await?;
            noted(&call, "settings_change", &key).await;
            set.into_iter().next().ok_or_else(|| TrinityError::inside("nothing was set"))?
        }
    };
    Ok(Json(Setting::of(preferences, set)))
}

/// Removes a preference (administrators).
#[utoipa::path(
    tag = "Settings", params(("key" = String, Path)), responses((status = 200, body = Removed))
)]
#[delete("/api/settings/{key}")]
async fn remove(call: Call) -> Answer<Removed> {
    call.governing()?;
    let deleted = forgotten(&call, &call.segment("key")).await?;
    Ok(Json(Removed { success: true, deleted }))
}

/// Removes one preference; whether it was set.
async fn forgotten<B>(call: &Call<B>, key: &str) -> Result<bool, TrinityError> {
    let removed = call.shared.host.preferences.remove(vec![key.to_owned()]).await?;
    if removed > 0 {
        noted(call, "settings_delete", key).await;
    }
    Ok(removed > 0)
}

/// Which preference changed, and never what it says.
async fn noted<B>(call: &Call<B>, action: &'static str, key: &str) {
    call.note_with("configuration", action, ("setting", key), [("setting", json!(key))]).await;
}

/// What is shown of a secret.
fn masked(secret: &str) -> String {
    let length = secret.chars().count();
    if length < 8 {
        return "****".to_owned();
    }
    let end: String = secret.chars().skip(length.saturating_sub(4)).collect();
    format!("...{end}")
}

fn masked_of(preferences: &Preferences, key: &str) -> String {
    preferences.secret(key).map_or_else(|| "****".to_owned(), |secret| masked(&secret))
}
