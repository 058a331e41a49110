//! The process' figures, in the text format of Prometheus.
//!
//! Labels are drawn from small sets: never an agent, a path or anything else that a request can make
//! more of. Models have a label each up to a bound; all beyond it share one.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::web::Data;
use greenroom_actors::ports::ApprovalQuery;
use greenroom_actors::registry::Registry;
use greenroom_actors::vitals::{ModelTotals, Vitals};
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::host::Host;
use crate::store::Sizes;

/// The media type of the text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The one recorder of the process.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Answers `GET /metrics`.
pub async fn metrics_page(host: Data<Host>) -> HttpResponse {
    observe(&host).await;
    HttpResponse::Ok().content_type(TEXT_FORMAT).body(render())
}

/// All figures as they stand, in the text format.
#[must_use]
pub fn render() -> String {
    recorder().render()
}

/// Lets the recorder tidy up. To be called every few seconds.
pub(crate) fn tidy() {
    recorder().run_upkeep();
}

/// One more socket of a client, or one less.
pub(crate) fn count_sockets(more: bool) {
    recorder();
    let sockets = gauge!("greenroom_sockets");
    if more { sockets.increment(1.0) } else { sockets.decrement(1.0) }
}

/// A socket was closed because its client did not keep up.
pub(crate) fn count_slow_socket() {
    recorder();
    counter!("greenroom_sockets_dropped_total", "reason" => "slow").increment(1);
}

/// The recorder, installed at the first call.
fn recorder() -> &'static PrometheusHandle {
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // An embedder that records elsewhere keeps its recorder; ours then shows nothing.
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics is installed; /metrics stays empty");
        }
        describe();
        handle
    })
}

fn describe() {
    for (name, what) in [
        ("greenroom_build_info", "Always 1; the label tells the version"),
        ("greenroom_agents", "Agents that the store holds, by state"),
        ("greenroom_agents_hosted", "Agents that are hosted"),
        ("greenroom_booting", "1 while some agents are not hosted yet"),
        ("greenroom_halted", "1 while the whole fleet is halted"),
        ("greenroom_runs_in_flight", "Runs that have begun and not ended"),
        ("greenroom_triggers_overdue", "1 while something is due and nothing fires"),
        ("greenroom_approvals_waiting", "Calls that wait for a person's yes"),
        ("greenroom_sockets", "Sockets of clients that are open"),
        ("greenroom_dead_letters", "Messages to agents that were given up and are kept"),
        ("greenroom_budget_reservations", "Calls that something is reserved for"),
    ] {
        describe_gauge!(name, what);
    }
    describe_gauge!("greenroom_store_bytes", Unit::Bytes, "Bytes of the store's files");
    describe_gauge!("greenroom_store_waiting_writes", "Writes that wait for the store");
    describe_gauge!("greenroom_up_seconds", Unit::Seconds, "Time since the process began to serve");
    describe_gauge!(
        "greenroom_tick_lateness_seconds",
        Unit::Seconds,
        "How late ticks were at most, by quantile, since the process began"
    );
    for (name, what) in [
        ("greenroom_ticks_total", "Ticks that came due, by whether they were taken or skipped"),
        ("greenroom_runs_total", "Runs that ended, by outcome"),
        ("greenroom_firings_total", "Slots of triggers, by what came of them"),
        ("greenroom_crashes_total", "Crashes that agents were rebuilt after"),
        ("greenroom_gave_up_total", "Agents that were left after too many crashes"),
        ("greenroom_findings_total", "What was wrong with agents and was mended, by finding"),
        ("greenroom_refused_total", "Messages refused because a mailbox was full"),
        ("greenroom_sockets_dropped_total", "Sockets closed by the host, by reason"),
        ("greenroom_tokens_total", "Tokens that models read and wrote"),
        ("greenroom_budget_refused_total", "Calls of models that a budget had no room for"),
        ("greenroom_model_calls_total", "Calls of models, by model"),
        ("greenroom_model_tokens_total", "Tokens that models read and wrote, by model"),
        (
            "greenroom_model_cost_micros_total",
            "What that counts against budgets, in millionths of a US dollar, by model",
        ),
        ("greenroom_store_writes_total", "Writes that the store has carried out"),
        ("greenroom_store_commits_total", "Commits that carried them"),
        ("greenroom_cost_micros_total", "What models cost, in millionths of a US dollar"),
    ] {
        describe_counter!(name, what);
    }
}

/// Brings the figures up to date.
async fn observe(host: &Host) {
    recorder();
    let registry = &host.registry;
    let up = registry.clock().now().since(host.started_at);
    gauge!("greenroom_up_seconds").set(up.as_secs_f64());
    gauge!("greenroom_build_info", "version" => host.version).set(1.0);
    gauge!("greenroom_booting").set(flag(registry.is_booting()));
    gauge!("greenroom_halted").set(flag(registry.is_halted()));
    gauge!("greenroom_triggers_overdue").set(flag(!registry.scheduler_health().is_well()));
    observe_agents(registry).await;
    observe_letters(registry).await;
    observe_reservations(registry).await;
    observe_approvals(registry).await;
    if let Some(vault) = &host.vault {
        observe_store(&vault.sizes());
    }
    observe_vitals(&registry.vitals());
}

async fn observe_agents(registry: &Registry) {
    match registry.store().census().await {
        Ok(census) => {
            for (state, count) in [
                ("running", census.running),
                ("paused", census.paused),
                ("stopped", census.stopped),
                ("failed", census.failed),
            ] {
                gauge!("greenroom_agents", "state" => state).set(number(count));
            }
        }
        // The page still tells the rest, and old numbers would be worse than their absence.
        Err(error) => tracing::warn!(%error, "the agents could not be counted"),
    }
}

async fn observe_letters(registry: &Registry) {
    match registry.store().count_dead_letters(None).await {
        Ok(dead) => gauge!("greenroom_dead_letters").set(number(dead)),
        Err(error) => tracing::warn!(%error, "the dead letters could not be counted"),
    }
}

async fn observe_reservations(registry: &Registry) {
    match registry.store().open_reservations().await {
        Ok(open) => gauge!("greenroom_budget_reservations").set(number(open)),
        Err(error) => tracing::warn!(%error, "the reservations could not be counted"),
    }
}

async fn observe_approvals(registry: &Registry) {
    match registry.store().count_approvals(ApprovalQuery::waiting(None, 0)).await {
        Ok(waiting) => gauge!("greenroom_approvals_waiting").set(number(waiting)),
        Err(error) => tracing::warn!(%error, "the approvals could not be counted"),
    }
}

fn observe_store(sizes: &Sizes) {
    gauge!("greenroom_store_bytes", "file" => "database").set(number(sizes.database_bytes));
    gauge!("greenroom_store_bytes", "file" => "wal").set(number(sizes.wal_bytes));
    gauge!("greenroom_store_waiting_writes").set(number(sizes.waiting_writes));
    counter!("greenroom_store_writes_total").absolute(sizes.writes);
    counter!("greenroom_store_commits_total").absolute(sizes.groups);
}

fn observe_vitals(vitals: &Vitals) {
    gauge!("greenroom_agents_hosted").set(number(vitals.hosted));
    gauge!("greenroom_runs_in_flight").set(number(vitals.runs_in_flight));
    for (quantile, lateness) in
        [("0.5", vitals.tick_lateness_p50), ("0.99", vitals.tick_lateness_p99)]
    {
        gauge!("greenroom_tick_lateness_seconds", "quantile" => quantile)
            .set(lateness.as_secs_f64());
    }
    counter!("greenroom_ticks_total", "outcome" => "taken").absolute(vitals.ticks);
    counter!("greenroom_ticks_total", "outcome" => "skipped").absolute(vitals.ticks_skipped);
    counter!("greenroom_runs_total", "outcome" => "completed").absolute(vitals.runs_completed);
    counter!("greenroom_runs_total", "outcome" => "failed").absolute(vitals.runs_failed);
    for (outcome, count) in [
        ("ran", vitals.firings_ran),
        ("failed", vitals.firings_failed),
        ("missed", vitals.firings_missed),
        ("skipped", vitals.firings_skipped),
    ] {
        counter!("greenroom_firings_total", "outcome" => outcome).absolute(count);
    }
    counter!("greenroom_crashes_total").absolute(vitals.crashes);
    counter!("greenroom_gave_up_total").absolute(vitals.gave_up);
    counter!("greenroom_refused_total").absolute(vitals.refused);
    for (finding, count) in vitals.findings {
        counter!("greenroom_findings_total", "finding" => finding.as_str()).absolute(count);
    }
    counter!("greenroom_tokens_total", "direction" => "input").absolute(vitals.input_tokens);
    counter!("greenroom_tokens_total", "direction" => "output").absolute(vitals.output_tokens);
    counter!("greenroom_cost_micros_total").absolute(vitals.cost_micros);
    counter!("greenroom_budget_refused_total").absolute(vitals.refused_by_budget);
    for ModelTotals { model, calls, input_tokens, output_tokens, cost_micros } in &vitals.models {
        let labels = |direction| [("model", model.clone()), ("direction", direction)];
        let (input, output) = (labels("input".to_owned()), labels("output".to_owned()));
        counter!("greenroom_model_tokens_total", &input).absolute(*input_tokens);
        counter!("greenroom_model_tokens_total", &output).absolute(*output_tokens);
        counter!("greenroom_model_calls_total", "model" => model.clone()).absolute(*calls);
        counter!("greenroom_model_cost_micros_total", "model" => model.clone())
            .absolute(*cost_micros);
    }
}

fn flag(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

/// A count as a gauge holds it: exact up to 2^53.
#[allow(clippy::as_conversions, reason = "there is no other way, and the loss is far off")]
fn number(count: u64) -> f64 {
    count as f64
}
