//! Signals: the first asks for an orderly end, the second ends at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::host::Stopper;

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
        let (name, code) = either(&mut terminate, &mut interrupt).await;
        tracing::warn!(signal = name, "ending at once");
        std::process::exit(code);
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
