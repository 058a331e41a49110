//! The process' figures, in the text format of Prometheus.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::web::Data;
use metrics::{Unit, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::host::Host;

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

/// The recorder, installed at the first call.
pub(crate) fn recorder() -> &'static PrometheusHandle {
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
    describe_gauge!("greenroom_up_seconds", Unit::Seconds, "Time since the process began to serve");
}

/// Brings the gauges up to date.
async fn observe(host: &Host) {
    recorder();
    let now = greenroom_actors::ports::Clock::now(&greenroom_actors::ports::SystemClock);
    gauge!("greenroom_up_seconds").set(now.since(host.started_at).as_secs_f64());
}
