//! What the agents cost, what is wrong with them, and how they pay.

use std::collections::BTreeMap;

use actix_web::get;
use actix_web::web::Json;
use greenroom_actors::budget::UsageQuery;
use greenroom_actors::ids::AgentId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::monitoring::Alert;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::{Answer, numbers, times};
use crate::host::Host;
use crate::models::doctor;

/// Rows of usage that are added up.
const ROWS_MAX: u32 = 100_000;

pub(super) fn routes(at: &mut Mount) {
    at.service(costs).service(all_alerts).service(auth_report);
}

#[derive(Serialize, ToSchema)]
struct Costs {
    /// Always: usage is always counted.
    enabled: bool,
    timestamp: String,
    summary: CostSummary,
    cost_by_model: Vec<ModelCost>,
}

#[derive(Serialize, ToSchema)]
struct CostSummary {
    total_cost: f64,
    total_tokens: u64,
    total_calls: u64,
}

#[derive(Serialize, ToSchema)]
struct ModelCost {
    model: String,
    cost: f64,
    input_tokens: u64,
    output_tokens: u64,
    calls: u64,
}

/// What models were used for, as long as that is kept.
#[utoipa::path(tag = "Fleet", responses((status = 200, body = Costs)))]
#[get("/api/ops/costs")]
async fn costs(call: Call) -> Answer<Costs> {
    call.admin()?;
    let query = UsageQuery { limit: ROWS_MAX, ..UsageQuery::default() };
    let rows = call.shared.host.registry.store().usage(query).await?;
    let mut models: BTreeMap<String, (u64, u64, u64, u64)> = BTreeMap::new();
    for row in rows {
        let (cost, input, output, calls) = models.entry(row.model).or_default();
        *cost = cost.saturating_add(row.cost_micros);
        *input = input.saturating_add(row.input_tokens);
        *output = output.saturating_add(row.output_tokens);
        *calls = calls.saturating_add(row.calls);
    }
    let sum =
        |of: fn(&(u64, u64, u64, u64)) -> u64| models.values().map(of).fold(0, u64::saturating_add);
    let summary = CostSummary {
        total_cost: numbers::dollars(sum(|of| of.0)),
        total_tokens: sum(|of| of.1.saturating_add(of.2)),
        total_calls: sum(|of| of.3),
    };
    let models = models.into_iter().map(|(model, (cost, input_tokens, output_tokens, calls))| {
        ModelCost { model, cost: numbers::dollars(cost), input_tokens, output_tokens, calls }
    });
    Ok(Json(Costs {
        enabled: true,
        timestamp: times::iso(call.shared.now()),
        summary,
        cost_by_model: models.collect(),
    }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = FleetAlerts)]
struct Alerts {
    timestamp: String,
    count: usize,
    alerts: Vec<Alert>,
}

/// What was found to be wrong with agents of late, newest first.
#[utoipa::path(tag = "Fleet", responses((status = 200, body = Alerts)))]
#[get("/api/ops/alerts")]
async fn all_alerts(call: Call) -> Answer<Alerts> {
    call.admin()?;
    let alerts = Alert::all(&call).await?;
    let timestamp = times::iso(call.shared.now());
    Ok(Json(Alerts { timestamp, count: alerts.len(), alerts }))
}

#[derive(Serialize, ToSchema)]
struct AuthReport {
    timestamp: String,
    summary: AuthSummary,
    agents: Vec<AuthOfAgent>,
}

#[derive(Default, Serialize, ToSchema)]
struct AuthSummary {
    total: u64,
    api_key: u64,
    subscription: u64,
    not_configured: u64,
}

#[derive(Serialize, ToSchema)]
struct AuthOfAgent {
    agent_name: String,
    /// `api_key` where a provider answers for it, `not_configured` where the built-in model does.
    auth_mode: &'static str,
    model: String,
}

/// Which agents a provider answers for.
#[utoipa::path(tag = "Fleet", responses((status = 200, body = AuthReport)))]
#[get("/api/ops/auth-report")]
async fn auth_report(call: Call) -> Answer<AuthReport> {
    call.admin()?;
    let host = &call.shared.host;
    let mut summary = AuthSummary::default();
    let mut agents = Vec::new();
    for agent in host.roster.visible_to(&call.principal).await? {
        let Some((auth_mode, model)) = payment(host, agent.id).await else { continue };
        summary.total += 1;
        match auth_mode {
            "api_key" => summary.api_key += 1,
            _ => summary.not_configured += 1,
        }
        agents.push(AuthOfAgent { agent_name: agent.name, auth_mode, model });
    }
    Ok(Json(AuthReport { timestamp: times::iso(call.shared.now()), summary, agents }))
}

/// How an agent pays, in a word, and the model that answers for it.
pub(in crate::dialects::trinity) async fn payment(
    host: &Host,
    agent: AgentId,
) -> Option<(&'static str, String)> {
    let record = host.registry.record(agent).await.ok()?;
    let offers = host.models.offers();
    let wanted = record.character.model();
    let offer = offers.iter().find(|offer| match wanted {
        Some(name) => offer.name == name,
        None => offer.is_default,
    });
    // A model that the host does not know is answered for by the default one.
    let offer = offer.or_else(|| offers.iter().find(|offer| offer.is_default));
    let has_provider = offer.is_some_and(|offer| offer.provider != doctor::NAME);
    let mode = if has_provider { "api_key" } else { "not_configured" };
    Some((mode, offer.map(|offer| offer.model.clone()).unwrap_or_default()))
}
