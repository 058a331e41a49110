//! What an elizaOS server answered, replayed against ours. See `data/golden/elizaos/README.md` for
//! the recordings, and `data/golden/differences.toml` for every difference and its reason.

mod binder;
mod compare;
mod decisions;
mod line;
mod replay;
mod socket;
mod sse;
mod timeline;

use std::collections::BTreeMap;
use std::path::PathBuf;

use decisions::Decisions;
use line::Line;
use replay::Outcome;
use timeline::Scenario;

/// The recordings that are replayed.
const FILES: [&str; 9] =
    ["agents", "memory", "system", "errors", "jobs", "media", "audio", "sessions", "messaging"];

/// The recording of sockets, which has a form of its own.
const SOCKETS: &str = "socketio";

/// The line that shows all headers.
const REFERENCE: &str = "system-001-01";

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden").join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_answers_as_recorded_or_as_decided() {
    let decisions = Decisions::read(&data("differences.toml"));
    let files = FILES.map(|name| (name, Line::all(&data(&format!("elizaos/{name}.jsonl")))));
    let mut all = files.iter().flat_map(|(_, lines)| lines);
    let reference = all.find(|line| line.id == REFERENCE).unwrap().response.headers.clone();

    let sockets = Scenario::all(&data(&format!("elizaos/{SOCKETS}.jsonl")));

    // Side by side: some of the sockets wait for long.
    let requests = async {
        let mut all = Vec::new();
        for (name, lines) in &files {
            all.push((*name, replay::file(lines, &reference, &decisions).await));
        }
        all
    };
    let sockets = socket::file(&sockets, &reference, &decisions);
    let (mut all, sockets) = tokio::join!(requests, sockets);
    all.push((SOCKETS, sockets));

    let mut unexplained = Vec::new();
    let mut reasons = BTreeMap::<String, usize>::new();
    let mut table = format!(
        "{:<9} {:>6} {:>8} {:>8} {:>8} {:>12}\n",
        "file", "lines", "matched", "by rule", "skipped", "unexplained"
    );
    for (name, outcomes) in all {
        let count = |kind: fn(&Outcome) -> bool| outcomes.iter().filter(|(_, o)| kind(o)).count();
        table += &format!(
            "{name:<9} {:>6} {:>8} {:>8} {:>8} {:>12}\n",
            outcomes.len(),
            count(|outcome| matches!(outcome, Outcome::Matched)),
            count(|outcome| matches!(outcome, Outcome::Decided(_))),
            count(|outcome| matches!(outcome, Outcome::Skipped(_))),
            count(|outcome| matches!(outcome, Outcome::Unexplained(_))),
        );
        for (line, outcome) in outcomes {
            match outcome {
                Outcome::Matched => {}
                Outcome::Decided(rules) => {
                    rules.into_iter().for_each(|rule| *reasons.entry(rule).or_default() += 1);
                }
                Outcome::Skipped(reason) => {
                    *reasons.entry(reason).or_default() += 1;
                }
                Outcome::Unexplained(found) => {
                    unexplained.extend(found.into_iter().map(|found| format!("{line} {found}")));
                }
            }
        }
    }
    println!("{table}");
    for rule in decisions.everywhere() {
        println!(" all lines: {rule}");
    }
    for (reason, lines) in reasons {
        println!("{lines:>4} lines: {reason}");
    }
    let unused = decisions.unused();
    assert!(
        unexplained.is_empty() && unused.is_empty(),
        "unexplained differences:\n{}\n\nentries that explain nothing:\n{}",
        unexplained.join("\n"),
        unused.join("\n")
    );
}
