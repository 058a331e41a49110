//! Signals: the first asks for an orderly end, the second ends at once.

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::host::Stopper;

/// How long after the first signal another is still the same wish: wrappers signal both their child
/// and its group.
const SAME_WISH: Duration = Duration::from_secs(1);

/// Heeds SIGTERM and SIGINT from now on, for as long as the process lives.
///
/// # Errors
/// If the system lets no handler be installed.
pub(super) fn heed(stop: Stopper) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let (name, _) = either(&mut terminate, &mut interrupt).await;
        tracing::info!(signal = name, "draining; a second signal ends at once");
        stop.request();
        let first = Instant::now();
        loop {
            let (name, code) = either(&mut terminate, &mut interrupt).await;
            if first.elapsed() >= SAME_WISH {
                tracing::warn!(signal = name, "ending at once");
                std::process::exit(code);
            }
        }
    });
    Ok(())
}

/// The next signal, with the code that a process killed by it ends with.
async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = terminate.recv() => ("SIGTERM", 143),
        _ = interrupt.recv() => ("SIGINT", 130),
    }
}
