//! What an idle running agent costs, with and without the timer of an autonomous one.
//!
//! Over a store that keeps nothing, so that the memory is the runtime's alone: the actor, its context
//! and mailbox, its entry in the registry, its timer.

use std::sync::Arc;
use std::time::Duration;

use actix::System;
use anyhow::Result;
use greenroom_actors::lifecycle::Autonomy;
use greenroom_actors::registry::Registry;

use crate::blank::Blank;
use crate::figure::{Sample, Unit, Wanted, tell};
use crate::options::Options;
use crate::process::{Usage, have_child};
use crate::{fleet, hosting};

/// Seconds to the next tick: none comes due while the memory is read.
const IDLE_S: u32 = 100_000;

pub(crate) fn measure(options: &Options) -> Result<()> {
    for agents in [options.agents / 10, options.agents] {
        for (word, every_s) in [("no timer", 0), ("timer", IDLE_S)] {
            let (mut bytes, mut micros) = (Sample::default(), Sample::default());
            let (mut asked, mut asked_bytes) = (Sample::default(), Sample::default());
            for _ in 0..options.repeats {
                let said = have_child(&["footprint", &agents.to_string(), &every_s.to_string()])?;
                let figures: Vec<f64> =
                    said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
                if let [a, b, c, d] = figures.as_slice() {
                    bytes.add(*a);
                    micros.add(*b);
                    asked_bytes.add(*c);
                    asked.add(*d);
                }
            }
            let whose = format!("one of {agents} idle agents, {word}");
            tell(
                &format!("{whose}: resident"),
                bytes.median(),
                Unit::Bytes,
                Wanted::AtMost(2_048.0),
            );
            let after = format!("{whose}: resident, once asked");
            tell(&after, asked_bytes.median(), Unit::Bytes, Wanted::AtMost(2_048.0));
            let boot = format!("{whose}: processor time to host it");
            tell(&boot, micros.median(), Unit::Microseconds, Wanted::Nothing);
            let ask = format!("{whose}: processor time to ask it");
            tell(&ask, asked.median(), Unit::Microseconds, Wanted::Nothing);
        }
    }
    Ok(())
}

/// Hosts a fleet and prints, per agent: bytes, microseconds of processor time, and the same once
/// each was asked.
#[allow(clippy::print_stdout, reason = "this is how a child answers")]
pub(crate) fn child(agents: u32, every_s: u32) -> Result<()> {
    let autonomy = (every_s > 0).then(|| Autonomy::every(Duration::from_secs(every_s.into())));
    System::new().block_on(async {
        // Whatever the first use of anything costs is not an agent's.
        hosting::end(host(100, autonomy).await?).await;
        let before = Usage::own()?;
        let registry = host(agents, autonomy).await?;
        let hosted = Usage::own()?;
        let numbers: Vec<u32> = (0..agents).collect();
        for some in numbers.chunks(64) {
            let asked = some.iter().map(|number| registry.status(fleet::agent(*number)));
            futures::future::try_join_all(asked).await?;
        }
        let asked = Usage::own()?;
        let each = f64::from(agents.max(1));
        println!(
            "{} {} {} {}",
            (hosted.resident - before.resident) / each,
            (hosted.processor - before.processor).as_secs_f64() * 1e6 / each,
            (asked.resident - before.resident) / each,
            (asked.processor - hosted.processor).as_secs_f64() * 1e6 / each,
        );
        Ok(())
    })
}

async fn host(agents: u32, autonomy: Option<Autonomy>) -> Result<Registry> {
    let last = agents.checked_sub(1).map(fleet::agent);
    Ok(hosting::host(Arc::new(Blank { agents, autonomy }), hosting::settings(), last).await?)
}
