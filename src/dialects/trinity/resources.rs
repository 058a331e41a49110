//! What an agent may use, put in the place of what it was created with.

use actix_web::web::Json;
use actix_web::{get, put};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Answer;
use super::agents::{CPUS, memory_of, one_of};
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use crate::roster::Limits;

pub(super) fn routes(at: &mut Mount) {
    at.service(show_limits).service(set_limits);
}

#[derive(Serialize, ToSchema)]
struct LimitsShown {
    /// What was put in place; null: what it was created with.
    memory: Option<String>,
    cpu: Option<String>,
    current_memory: String,
    current_cpu: String,
}

/// What is absent stays; null is what it was created with.
#[derive(Deserialize, ToSchema)]
struct NewLimits {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Value>)]
    memory: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Value>)]
    cpu: Option<Value>,
}

#[derive(Serialize, ToSchema)]
struct LimitsSet {
    message: &'static str,
    memory: Option<String>,
    cpu: Option<String>,
    restart_needed: Option<bool>,
}

/// What the agent may use, and what is in force.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), responses((status = 200, body = LimitsShown)))]
#[get("/api/agents/{name}/resources")]
async fn show_limits(call: Call) -> Answer<LimitsShown> {
    let agent = call.permitted_or("Access denied").await?;
    let entry = &agent.entry;
    let Limits { cpu, memory } = entry.limits.clone();
    let in_force = &entry.limits_in_force;
    let current = |limit: &Option<String>, made: &String| limit.as_ref().unwrap_or(made).clone();
    Ok(Json(LimitsShown {
        memory,
        cpu,
        current_memory: current(&in_force.memory, &entry.resources.memory),
        current_cpu: current(&in_force.cpu, &entry.resources.cpu),
    }))
}

/// Sets what the agent may use from its next start on.
#[utoipa::path(
    tag = "Configuration",
    params(("name" = String, Path)),
    request_body = NewLimits,
    responses((status = 200, body = LimitsSet))
)]
#[put("/api/agents/{name}/resources")]
async fn set_limits(call: Call<NewLimits>) -> Answer<LimitsSet> {
    let wanted = call.fields()?;
    let agent = call.owning_or("Only owners can change resource limits").await?;
    let cpu = wanted.cpu.map(|cpu| limit(&cpu, |cpu| one_of("cpu", &CPUS, cpu))).transpose()?;
    let memory =
        wanted.memory.map(|memory| limit(&memory, |it| memory_of("memory", it))).transpose()?;
    let changed = call.shared.host.roster.amend::<_, TrinityError>(agent.id, |entry| {
        if let Some(cpu) = cpu {
            entry.limits.cpu = cpu;
        }
        if let Some(memory) = memory {
            entry.limits.memory = memory;
        }
        Ok((entry.limits.clone(), entry.limits != entry.limits_in_force))
    });
    let (Limits { cpu, memory }, is_pending) = changed.await?;
    let restart_needed = Some(is_pending && agent.is_running());
    let message = "Resource limits updated; they apply from the agent's next start on. Memory bounds \
                   the programs that work for the agent; processors are shown and not bounded";
    Ok(Json(LimitsSet { message, memory, cpu, restart_needed }))
}

fn limit(
    said: &Value,
    read: impl FnOnce(&Value) -> Result<String, TrinityError>,
) -> Result<Option<String>, TrinityError> {
    if said.is_null() { Ok(None) } else { read(said).map(Some) }
}

/// What is given, null included; absent otherwise.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}
