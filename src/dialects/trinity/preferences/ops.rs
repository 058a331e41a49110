//! How the fleet is governed.

use std::collections::BTreeMap;

use actix_web::web::Json;
use actix_web::{get, post, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::preferences::OPS;

pub(super) fn routes(at: &mut Mount) {
    at.service(show).service(change).service(reset);
}

/// A known preference, and what holds where it is not set.
#[derive(Serialize, ToSchema)]
pub(super) struct KnownSetting {
    pub(super) value: String,
    pub(super) default: String,
    pub(super) description: &'static str,
    pub(super) is_default: bool,
}

/// The preferences that govern the fleet, by name.
#[derive(Serialize, ToSchema)]
struct OpsConfig {
    settings: BTreeMap<&'static str, KnownSetting>,
}

/// The preferences that govern the fleet (administrators).
#[utoipa::path(tag = "Settings", responses((status = 200, body = OpsConfig)))]
#[get("/api/settings/ops/config")]
async fn show(call: Call) -> Answer<OpsConfig> {
    call.admin()?;
    let preferences = &call.shared.host.preferences;
    let settings = OPS.iter().map(|known| {
        let value = preferences.known(known);
        let is_default = value == known.default;
        let default = known.default.to_owned();
        (known.key, KnownSetting { value, default, description: known.description, is_default })
    });
    Ok(Json(OpsConfig { settings: settings.collect() }))
}

/// Some of them, with what they are to say.
#[derive(Deserialize, ToSchema)]
struct NewOpsConfig {
    settings: BTreeMap<String, String>,
}

/// Which of them were set.
#[derive(Serialize, ToSchema)]
struct OpsChanged {
    /// Always true.
    success: bool,
    updated: Vec<String>,
    /// Names that are none of them; null if all were.
    ignored: Option<Vec<String>>,
}

/// Sets some of them, all or none (administrators).
#[utoipa::path(
    tag = "Settings", request_body = NewOpsConfig, responses((status = 200, body = OpsChanged))
)]
#[put("/api/settings/ops/config")]
async fn change(call: Call<NewOpsConfig>) -> Answer<OpsChanged> {
    call.governing()?;
    let mut set = Vec::new();
    let mut ignored = Vec::new();
    for (key, value) in call.fields()?.settings {
        match OPS.iter().find(|known| known.key == key) {
            None => ignored.push(key),
            Some(known) => {
                known.check(&value).map_err(TrinityError::bad)?;
                set.push((key, value.trim().to_owned()));
            }
        }
    }
    let updated: Vec<String> = set.iter().map(|(key, _)| key.clone()).collect();
    if !set.is_empty() {
        call.shared.host.preferences.set(set).await?;
        super::noted(&call, "settings_change", &updated.join(",")).await;
    }
    let ignored = Some(ignored).filter(|ignored| !ignored.is_empty());
    Ok(Json(OpsChanged { success: true, updated, ignored }))
}

/// Which of them hold again as if nobody had set them.
#[derive(Serialize, ToSchema)]
struct OpsReset {
    /// Always true.
    success: bool,
    message: &'static str,
    reset: Vec<&'static str>,
}

/// Removes whatever was set of them (administrators).
#[utoipa::path(tag = "Settings", responses((status = 200, body = OpsReset)))]
#[post("/api/settings/ops/reset")]
async fn reset(call: Call) -> Answer<OpsReset> {
    call.governing()?;
    let preferences = &call.shared.host.preferences;
    let set = OPS.iter().map(|known| known.key).filter(|key| preferences.find(key).is_some());
    let reset: Vec<_> = set.collect();
    preferences.remove(reset.iter().map(|key| (*key).to_owned()).collect()).await?;
    super::noted(&call, "settings_reset", &reset.join(",")).await;
    Ok(Json(OpsReset { success: true, message: "Ops settings reset to defaults", reset }))
}
