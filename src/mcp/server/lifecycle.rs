//! Commands to agents: start, pause, resume, stop, restart.

use std::future::Future;
use std::time::Duration;

use greenroom_actors::agent::Change;
use greenroom_actors::lifecycle::{Autonomy, Command};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::http::operator::{OperatorError, Who};

use super::operation::{About, Effect, Operation};
use super::shown::AgentView;

/// Seconds between two ticks at most: a year.
const EVERY_MAX_S: u32 = 31_536_000;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            &About {
                name: "start_agent",
                title: "Start an agent",
                description: "Lets a stopped or failed agent run: it answers messages, and acts by \
                              itself where that is asked for.",
                effect: Effect::Sets,
            },
            start,
        ),
        command(
            &About {
                name: "pause_agent",
                title: "Pause an agent",
                description: "Cuts off what a running agent does and holds it there.",
                effect: Effect::Ends,
            },
            |host, named| act(host, named, Command::Pause),
        ),
        command(
            &About {
                name: "resume_agent",
                title: "Resume an agent",
                description: "Lets a paused agent go on.",
                effect: Effect::Sets,
            },
            |host, named| act(host, named, Command::Resume),
        ),
        command(
            &About {
                name: "stop_agent",
                title: "Stop an agent",
                description: "Cuts off what an agent does and stops it until it is started again.",
                effect: Effect::Ends,
            },
            |host, named| act(host, named, Command::Stop),
        ),
        command(
            &About {
                name: "restart_agent",
                title: "Restart an agent",
                description: "Cuts off what an agent does and starts it anew, from any state.",
                effect: Effect::EndsEachTime,
            },
            |host, named| act(host, named, Command::Restart),
        ),
    ]
}

fn command<F>(about: &About, act: fn(Host, Named) -> F) -> Operation
where
    F: Future<Output = Result<Changed, OperatorError>> + Send + 'static,
{
    Operation::new(about, act)
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct Named {
    /// The agent: its id, its handle or its name.
    agent: Who,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct Start {
    /// The agent: its id, its handle or its name.
    agent: Who,
    /// Seconds from one tick to the next, at which it acts by itself. 0: it acts only when it is
    /// spoken to. Absent: as it was before.
    #[schemars(range(max = 31_536_000))]
    autonomy_every_s: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Changed {
    /// The agent as it is now.
    agent: AgentView,
}

async fn start(host: Host, wish: Start) -> Result<Changed, OperatorError> {
    if wish.autonomy_every_s > Some(EVERY_MAX_S) {
        let reason = format!("must be at most {EVERY_MAX_S}");
        return Err(OperatorError::Invalid { field: "autonomy_every_s", reason });
    }
    let every = |seconds: u32| Autonomy::every(Duration::from_secs(seconds.into()));
    let autonomy = wish.autonomy_every_s.map(|s| (s > 0).then(|| every(s)));
    let change = Change { autonomy, ..Change::to(Command::Start) };
    carry_out(&host, &wish.agent, change).await
}

async fn act(host: Host, named: Named, command: Command) -> Result<Changed, OperatorError> {
    carry_out(&host, &named.agent, Change::to(command)).await
}

async fn carry_out(host: &Host, who: &Who, change: Change) -> Result<Changed, OperatorError> {
    let record = who.find(&host.registry).await?;
    let lifecycle = host.registry.ask(record.id, change).await?;
    let state = lifecycle.state();
    Ok(Changed { agent: AgentView::of(&record, &lifecycle, state) })
}
