//! The system's table of processes, and what is in their environments.

#[cfg(target_os = "linux")]
pub(super) use linux::kill_those_with;

/// Kills every other process in whose environment an entry begins like one of those; answers with how
/// many it found.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill_those_with(_: &[String]) -> usize {
    // Nothing is known of the environments of others.
    0
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::io::{self, Read};
    use std::process;

    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    /// Bytes of an environment: the system takes no more.
    const ENVIRONMENT_MAX_BYTES: u64 = 8 * 1024 * 1024;

    /// Kills every other process in whose environment an entry begins like one of those; answers with
    /// how many it found.
    ///
    /// One that is over has no environment any more, and those of other users cannot be read.
    pub(in crate::programs) fn kill_those_with(entries: &[String]) -> usize {
        let Ok(table) = fs::read_dir("/proc") else { return 0 };
        let mut environment = Vec::new();
        let mut found = 0;
        for process in table.flatten() {
            let id = process.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
            let Some(id) = id.filter(|id| u32::try_from(*id) != Ok(process::id())) else {
                continue;
            };
            if !has_one(id, entries, &mut environment).unwrap_or(false) {
                continue;
            }
            let Some(id) = Pid::from_raw(id) else { continue };
            // Held first and looked at again: its number may be another's by now.
            let Ok(held) = pidfd_open(id, PidfdFlags::empty()) else { continue };
            let id = id.as_raw_nonzero().get();
            if has_one(id, entries, &mut environment).unwrap_or(false) {
                found += 1;
                // Refused where it is gone already.
                let _gone = pidfd_send_signal(held, Signal::KILL);
            }
        }
        found
    }

    fn has_one(process: i32, entries: &[String], environment: &mut Vec<u8>) -> io::Result<bool> {
        environment.clear();
        let file = File::open(format!("/proc/{process}/environ"))?;
        file.take(ENVIRONMENT_MAX_BYTES).read_to_end(environment)?;
        Ok(environment
            .split_inclusive(|byte| *byte == 0)
            .any(|variable| entries.iter().any(|entry| variable.starts_with(entry.as_bytes()))))
    }
}
