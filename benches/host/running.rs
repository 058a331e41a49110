//! A fleet that ticks, each tick one durable event.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::System;
use anyhow::Result;
use greenroom::store::{SqliteStore, StoreSettings};
use greenroom_actors::lifecycle::Autonomy;

use crate::figure::{Sample, Unit, Wanted, millis, tell};
use crate::options::Options;
use crate::process::{Usage, have_child};
use crate::{fleet, hosting};

/// Between two ticks of one agent.
const PERIOD: Duration = Duration::from_secs(60);

pub(crate) fn measure(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let path = folder.path().to_str().unwrap_or_default().to_owned();
    have_child(&["lay", &path, &options.agents.to_string()])?;
    System::new().block_on(async {
        let began = Instant::now();
        let store = SqliteStore::open(&StoreSettings::within(folder.path()))?;
        let registry = hosting::host(Arc::new(store.clone()), hosting::settings()).await?;
        let whose = format!("{} agents, 60 s tick", options.agents);
        let boot = format!("{whose}: boot to all scheduled");
        tell(&boot, began.elapsed().as_secs_f64(), Unit::Seconds, Wanted::AtMost(15.0));
        let usage = Usage::own()?;
        let begun_ticks = registry.vitals().ticks;
        let (mut asks, mut most) = (Sample::default(), 0.0_f64);
        let mut number = 0;
        while began.elapsed() < Duration::from_secs(options.seconds.into()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
            number = (number + 7_919) % options.agents.max(1);
            let asked = Instant::now();
            let agent = fleet::agent(number);
            registry.status(agent).await?;
            registry.record(agent).await?;
            asks.add(millis(asked.elapsed()));
            most = most.max(Usage::own()?.resident);
        }
        let (spent, watched) = (Usage::own()?, began.elapsed().as_secs_f64());
        let vitals = registry.vitals();
        tell(&format!("{whose}: resident at most"), most / 1e6, Unit::Megabytes, Wanted::AtMost(400.0));
        for (word, lateness, wanted) in [
            ("p50", vitals.tick_lateness_p50, Wanted::Nothing),
            ("p99", vitals.tick_lateness_p99, Wanted::AtMost(1_000.0)),
        ] {
            let what = format!("{whose}: tick lateness {word}");
            tell(&what, millis(lateness), Unit::Milliseconds, wanted);
        }
        let ticks = vitals.ticks - begun_ticks;
        let ticks = f64::from(u32::try_from(ticks).unwrap_or(u32::MAX));
        tell(&format!("{whose}: ticks"), ticks / watched, Unit::PerSecond, Wanted::Nothing);
        let cores = (spent.processor - usage.processor).as_secs_f64() / watched;
        tell(&format!("{whose}: cores used"), cores, Unit::Times, Wanted::Nothing);
        for (word, share, wanted) in
            [("p50", 0.5, Wanted::Nothing), ("p99", 0.99, Wanted::AtMost(50.0))]
        {
            let what = format!("{whose}: status and record meanwhile, {word}");
            tell(&what, asks.quantile(share), Unit::Milliseconds, wanted);
        }
        hosting::end(registry).await;
        store.close();
        Ok(())
    })
}

/// Lays a fleet into a new database.
pub(crate) fn lay(folder: &str, agents: u32) -> Result<()> {
    let store = SqliteStore::open(&StoreSettings::within(folder))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(fleet::lay(&store, agents, Some(Autonomy::every(PERIOD))))?;
    store.close();
    Ok(())
}
