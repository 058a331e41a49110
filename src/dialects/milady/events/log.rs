//! The newest envelopes, in the order of their numbers.

use std::collections::VecDeque;
use std::sync::Arc;

use greenroom_actors::time::UnixMillis;

use super::envelope::{Draft, Envelope};

/// Envelopes that are kept, in the reference server's number.
const KEPT_MAX: usize = 1_500;

/// Bytes of those: what clients post may be large.
const KEPT_MAX_BYTES: usize = 16 * 1024 * 1024;

/// The newest envelopes.
#[derive(Debug)]
pub(in super::super) struct EventLog {
    next: u64,
    kept: VecDeque<Arc<Envelope>>,
    bytes: usize,
}

/// Which of them are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// Those after this one; from the beginning if it is not among them.
    pub(super) after: Option<String>,
    /// Those of this run.
    pub(super) run: Option<String>,
    /// Those of a run from this number on.
    pub(super) from_seq: Option<u64>,
    /// So many at most, the oldest first.
    pub(super) limit: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Selected {
    pub(super) envelopes: Vec<Arc<Envelope>>,
    /// How many there are, whatever was seen and however many were asked for.
    pub(super) total: usize,
}

impl EventLog {
    /// No envelopes yet; the first will have the number after the time of the process' start. So no
    /// number comes twice: a page that outlives the process takes none for one it has seen.
    pub(in super::super) fn since(start: UnixMillis) -> Self {
        let next = u64::try_from(start.0).unwrap_or(0).saturating_add(1);
        Self { next, kept: VecDeque::new(), bytes: 0 }
    }

    /// Keeps one more, and answers with it.
    pub(in super::super) fn append(&mut self, draft: Draft) -> Arc<Envelope> {
        let envelope = Arc::new(Envelope::new(self.next, draft));
        self.next = self.next.saturating_add(1);
        self.bytes = self.bytes.saturating_add(envelope.text.len());
        self.kept.push_back(Arc::clone(&envelope));
        while self.kept.len() > KEPT_MAX || (self.bytes > KEPT_MAX_BYTES && self.kept.len() > 1) {
            let dropped = self.kept.pop_front().map_or(0, |oldest| oldest.text.len());
            self.bytes = self.bytes.saturating_sub(dropped);
        }
        envelope
    }

    /// The newest so many, oldest first.
    pub(in super::super) fn newest(&self, count: usize) -> Vec<Arc<Envelope>> {
        self.kept.iter().skip(self.kept.len().saturating_sub(count)).cloned().collect()
    }

    /// Those that are asked for.
    pub(super) fn select(&self, selection: &Selection) -> Selected {
        let Selection { after, run, from_seq, limit } = selection;
        let run_of = |envelope: &Envelope| envelope.place.map(|place| place.run.to_string());
        let seq_of = |envelope: &Envelope| envelope.place.map(|place| place.seq);
        let found: Vec<&Arc<Envelope>> = self
            .kept
            .iter()
            .filter(|envelope| run.is_none() || run_of(envelope) == *run)
            .filter(|envelope| from_seq.is_none_or(|from| seq_of(envelope) >= Some(from)))
            .collect();
        let total = found.len();
        let seen = after.as_ref().and_then(|id| found.iter().position(|one| one.id == *id));
        let skipped = seen.map_or(0, |seen| seen.saturating_add(1));
        let envelopes = found.into_iter().skip(skipped).take(*limit).cloned().collect();
        Selected { envelopes, total }
    }

    /// When the agent last thought something that is kept.
    pub(in super::super) fn thought_at(&self) -> Option<UnixMillis> {
        self.kept.iter().rev().find_map(|envelope| envelope.thought_at())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};
    use uuid::Uuid;

    use super::*;
    use crate::dialects::milady::events::envelope::{Place, Sort, Stream};

    const LIMIT: usize = 1_000;

    fn draft(place: Option<Place>) -> Draft {
        Draft {
            sort: Sort::AgentEvent,
            at: UnixMillis(1),
            place,
            stream: Some(Stream::System),
            agent: None,
            room: None,
            payload: Map::new(),
        }
    }

    fn run(id: u128, seq: u64) -> Option<Place> {
        Some(Place { run: Uuid::from_u128(id), seq })
    }

    fn ids(selected: &Selected) -> Vec<&str> {
        selected.envelopes.iter().map(|envelope| envelope.id.as_str()).collect()
    }

    #[test]
    fn the_newest_are_kept_and_numbers_go_on() {
        let mut log = EventLog::since(UnixMillis(100));
        for _ in 0..KEPT_MAX + 5 {
            log.append(draft(None));
        }
        assert_eq!(log.kept.len(), KEPT_MAX);
        assert_eq!(log.kept.front().unwrap().id, "evt-106");
        assert_eq!(log.append(draft(None)).id, format!("evt-{}", 100 + KEPT_MAX + 6));
        assert_eq!(log.newest(2).len(), 2);
        assert_eq!(log.newest(2)[1].id, format!("evt-{}", 100 + KEPT_MAX + 6));
        assert_eq!(log.newest(LIMIT * 2).len(), KEPT_MAX);
    }

    #[test]
    fn large_ones_leave_room_for_fewer() {
        let mut log = EventLog::since(UnixMillis(0));
        for _ in 0..40 {
            let mut large = draft(None);
            large.payload.insert("text".to_owned(), json!("a".repeat(1_000_000)));
            log.append(large);
        }
        assert!(log.bytes <= KEPT_MAX_BYTES);
        assert_eq!(log.kept.len(), 16);
        assert_eq!(log.bytes, log.kept.iter().map(|one| one.text.len()).sum::<usize>());
    }

    #[test]
    fn what_is_asked_for_is_filtered_first() {
        let mut log = EventLog::since(UnixMillis(0));
        for place in [run(1, 1), None, run(2, 1), run(1, 2), run(1, 3), run(2, 2)] {
            log.append(draft(place));
        }
        let (one, id) = (Uuid::from_u128(1).to_string(), |id: &str| Some(id.to_owned()));
        let all = Selection { limit: LIMIT, ..Selection::default() };
        let of_one = Selection { run: Some(one.clone()), ..all.clone() };
        for (selection, expected, total) in [
            (all.clone(), &["evt-1", "evt-2", "evt-3", "evt-4", "evt-5", "evt-6"][..], 6),
            (Selection { limit: 2, ..all.clone() }, &["evt-1", "evt-2"], 6),
            (Selection { after: id("evt-4"), ..all.clone() }, &["evt-5", "evt-6"], 6),
            (Selection { after: id("evt-6"), ..all.clone() }, &[], 6),
            (Selection { after: id("evt-9"), limit: 1, ..all.clone() }, &["evt-1"], 6),
            (of_one.clone(), &["evt-1", "evt-4", "evt-5"], 3),
            (Selection { after: id("evt-4"), ..of_one.clone() }, &["evt-5"], 3),
            // It is kept, and not of the run.
            (Selection { after: id("evt-2"), ..of_one.clone() }, &["evt-1", "evt-4", "evt-5"], 3),
            (Selection { from_seq: Some(2), ..of_one.clone() }, &["evt-4", "evt-5"], 2),
            (Selection { from_seq: Some(2), ..all.clone() }, &["evt-4", "evt-5", "evt-6"], 3),
            (
                Selection { from_seq: Some(0), ..all.clone() },
                &["evt-1", "evt-3", "evt-4", "evt-5", "evt-6"],
                5,
            ),
            (Selection { run: Some("x".to_owned()), ..all.clone() }, &[], 0),
        ] {
            let found = log.select(&selection);
            assert_eq!(ids(&found), expected, "{selection:?}");
            assert_eq!(found.total, total, "{selection:?}");
        }
    }
}
