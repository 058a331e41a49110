//! What child processes use of the machine, as the system counts it.

use std::fs;
use std::time::Duration;

use rustix::process::Pid;

/// How much of a second the system counts by: on Linux a hundredth, whatever its own clock does.
const TICK: Duration = Duration::from_millis(10);

/// What a program and all that it started have used and hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ChildFigures {
    /// Time of processors.
    pub(super) cpu: Duration,
    /// Bytes in memory.
    pub(super) resident_bytes: u64,
}

/// What a process of the system's table says.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    group: i32,
    cpu: Duration,
}

/// What a group uses now, by the number of its leader. Waits for the disk, if only for that of the system
/// itself; nothing on a system without such a table.
pub(super) fn of(leader: Pid) -> ChildFigures {
    let leader = leader.as_raw_nonzero().get();
    let mut figures = ChildFigures::default();
    let Ok(table) = fs::read_dir("/proc") else { return figures };
    for process in table.flatten() {
        let name = process.file_name();
        let Some(name) = name.to_str().filter(|name| name.parse::<u32>().is_ok()) else { continue };
        let Some(row) = row(name).filter(|row| row.group == leader) else { continue };
        figures.cpu = figures.cpu.saturating_add(row.cpu);
        figures.resident_bytes = figures.resident_bytes.saturating_add(resident(name));
    }
    figures
}

/// What a process that is over and not yet reaped has used, with those that it had waited for.
pub(super) fn of_ended(process: Pid) -> Duration {
    row(&process.as_raw_nonzero().to_string()).map_or(Duration::ZERO, |row| row.cpu)
}

fn row(process: &str) -> Option<Row> {
    read_row(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// Reads a row; the name of the program, which may hold anything, stands in brackets.
fn read_row(text: &str) -> Option<Row> {
    let (_, rest) = text.rsplit_once(')')?;
    // What follows begins with the third column of the system's description.
    let columns: Vec<_> = rest.split_whitespace().collect();
    let ticks = columns.get(11..15)?.iter().filter_map(|ticks| ticks.parse::<u32>().ok());
    let ticks = ticks.fold(0_u32, u32::saturating_add);
    Some(Row { group: columns.get(2)?.parse().ok()?, cpu: TICK.saturating_mul(ticks) })
}

fn resident(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_the_systems_table_is_read() {
        let text = "42 (a) b)) S 1 40 40 0 -1 4194560 1 2 3 4 100 50 20 5 20 0 1 0 9 10 11";
        let expected = Row { group: 40, cpu: Duration::from_millis(1_750) };
        assert_eq!(read_row(text), Some(expected));
        assert_eq!(read_row("42 (a"), None);
        assert_eq!(read_row("42 (a) S 1"), None);
    }
}
