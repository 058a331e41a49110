//! How many agents people of each role may own.

use std::collections::BTreeMap;

use actix_web::web::Json;
use actix_web::{get, put};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::ops::KnownSetting;
use crate::accounts::QUOTAS;
use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;

/// The preference by which earlier releases had one number for everybody.
const LEGACY: &str = "max_agents_per_user";

pub(super) fn routes(at: &mut Mount) {
    at.service(show).service(change);
}

/// How many agents people of each role may own.
#[derive(Serialize, ToSchema)]
struct Quotas {
    quotas: BTreeMap<&'static str, KnownSetting>,
    /// Always true: administrators own as many as they like.
    admin_unlimited: bool,
    /// What an earlier release was told; it has no effect.
    legacy_setting: Option<String>,
}

/// How many agents people of each role may own (administrators).
#[utoipa::path(tag = "Settings", responses((status = 200, body = Quotas)))]
#[get("/api/settings/agent-quotas")]
async fn show(call: Call) -> Answer<Quotas> {
    call.admin()?;
    let preferences = &call.shared.host.preferences;
    let quotas = QUOTAS.iter().map(|quota| {
        let value = preferences.number(quota.key, quota.default);
        let is_default = value == quota.default;
        let (value, default) = (value.to_string(), quota.default.to_string());
        (quota.key, KnownSetting { value, default, description: quota.description, is_default })
    });
    let legacy_setting = preferences.text(LEGACY);
    Ok(Json(Quotas { quotas: quotas.collect(), admin_unlimited: true, legacy_setting }))
}

/// Numbers, or texts that are numbers; what is absent stays.
#[derive(Deserialize, ToSchema)]
struct NewQuotas {
    max_agents_creator: Option<Value>,
    max_agents_operator: Option<Value>,
    max_agents_user: Option<Value>,
}

/// Which of them were set.
#[derive(Serialize, ToSchema)]
struct QuotasChanged {
    /// Always true.
    success: bool,
    updated: Vec<&'static str>,
}

/// Sets how many agents people of each role may own (administrators).
#[utoipa::path(
    tag = "Settings", request_body = NewQuotas, responses((status = 200, body = QuotasChanged))
)]
#[put("/api/settings/agent-quotas")]
async fn change(call: Call<NewQuotas>) -> Answer<QuotasChanged> {
    call.governing()?;
    let NewQuotas { max_agents_creator, max_agents_operator, max_agents_user } = call.fields()?;
    let said = [
        ("max_agents_creator", max_agents_creator),
        ("max_agents_operator", max_agents_operator),
        ("max_agents_user", max_agents_user),
    ];
    let mut set = Vec::new();
    for (key, said) in said {
        if let Some(said) = said.filter(|said| !said.is_null()) {
            set.push((key, number(key, &said)?.to_string()));
        }
    }
    let updated: Vec<_> = set.iter().map(|(key, _)| *key).collect();
    if !set.is_empty() {
        let set = set.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        call.shared.host.preferences.set(set).await?;
        super::noted(&call, "settings_change", &updated.join(",")).await;
    }
    Ok(Json(QuotasChanged { success: true, updated }))
}

/// That a preference that is a quota is set to a number.
pub(super) fn check(key: &str, value: &str) -> Result<(), TrinityError> {
    if QUOTAS.iter().any(|quota| quota.key == key) {
        number(key, &Value::String(value.to_owned()))?;
    }
    Ok(())
}

fn number(key: &str, said: &Value) -> Result<u32, TrinityError> {
    let number = match said {
        Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.ok_or_else(|| TrinityError::bad(format!("{key} must be a non-negative integer")))
}
