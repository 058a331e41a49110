//! What the kernel tells of this process, where it is Linux.

use std::fs;

/// Memory of the process and of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemoryUse {
    /// KiB that the process has in memory.
    resident_kib: u32,
    /// KiB that the machine has.
    total_kib: u32,
}

impl MemoryUse {
    /// As it is now; zeros where the kernel does not say.
    pub(crate) fn now() -> Self {
        // Both are made by the kernel as they are read: no disk is waited for.
        let read = |file: &str, key: &str| kib(&fs::read_to_string(file).ok()?, key);
        Self {
            resident_kib: read("/proc/self/status", "VmRSS:").unwrap_or_default(),
            total_kib: read("/proc/meminfo", "MemTotal:").unwrap_or_default(),
        }
    }

    pub(crate) fn used_bytes(self) -> u64 {
        u64::from(self.resident_kib) * 1024
    }

    pub(crate) fn total_bytes(self) -> u64 {
        u64::from(self.total_kib) * 1024
    }

    /// Of the machine's memory, in per cent.
    pub(crate) fn percentage(self) -> f64 {
        f64::from(self.resident_kib) / f64::from(self.total_kib.max(1)) * 100.0
    }
}

/// The number of a line such as `VmRSS:   12345 kB`.
fn kib(text: &str, key: &str) -> Option<u32> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_kernel_are_read() {
        let text = "Name:\tx\nVmRSS:\t   12345 kB\nThreads:\t1\n";
        assert_eq!(kib(text, "VmRSS:"), Some(12345));
        assert_eq!(kib(text, "VmSwap:"), None);
        assert_eq!(kib(text, "Threads:"), None);
        let memory = MemoryUse { resident_kib: 256, total_kib: 1024 };
        assert_eq!((memory.used_bytes(), memory.total_bytes()), (262_144, 1_048_576));
        assert_eq!(memory.percentage(), 25.0);
        assert_eq!(MemoryUse::default().percentage(), 0.0);
    }
}
