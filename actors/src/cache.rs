//! A bounded cache of agents' records over the store, so that an idle agent need not hold its own.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::character::AgentRecord;
use crate::ids::AgentId;

/// The records that were used last.
pub(crate) struct RecordCache {
    inner: Mutex<Inner>,
}

struct Inner {
    records: LruCache<AgentId, Arc<AgentRecord>>,
    changes: u64,
}

impl RecordCache {
    pub(crate) fn new(capacity: u32) -> Self {
        let capacity = usize::try_from(capacity).ok().and_then(NonZeroUsize::new);
        let records = LruCache::new(capacity.unwrap_or(NonZeroUsize::MIN));
        Self { inner: Mutex::new(Inner { records, changes: 0 }) }
    }

    /// The record, if it is at hand; if not, what [`Self::fill`] has to be given.
    pub(crate) fn get(&self, id: AgentId) -> Result<Arc<AgentRecord>, Absent> {
        let mut inner = self.lock();
        let changes = inner.changes;
        inner.records.get(&id).cloned().ok_or(Absent { changes })
    }

    /// Keeps a record that was read after [`Self::get`] had missed it, unless any record has
    /// changed meanwhile: what was read may then be out of date.
    pub(crate) fn fill(&self, absent: Absent, record: &Arc<AgentRecord>) {
        let mut inner = self.lock();
        if inner.changes == absent.changes {
            inner.records.put(record.id, Arc::clone(record));
        }
    }

    /// Drops a record, because it has changed.
    pub(crate) fn drop_record(&self, id: AgentId) {
        let mut inner = self.lock();
        inner.changes = inner.changes.wrapping_add(1);
        inner.records.pop(&id);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a record was not at hand, and when that was.
pub(crate) struct Absent {
    changes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::character::Character;
    use crate::lifecycle::Lifecycle;
    use crate::time::UnixMillis;

    fn record(name: &str) -> Arc<AgentRecord> {
        let character = Character::named(name);
        Arc::new(AgentRecord {
            id: character.agent_id(),
            handle: name.to_owned(),
            character,
            enabled: true,
            lifecycle: Lifecycle::default(),
            created_at: UnixMillis(1),
            updated_at: UnixMillis(1),
        })
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let cache = RecordCache::new(2);
        let ada = record("ada");
        let absent = cache.get(ada.id).unwrap_err();
        cache.drop_record(ada.id);
        cache.fill(absent, &ada);
        let absent = cache.get(ada.id).unwrap_err();
        cache.fill(absent, &ada);
        assert_eq!(cache.get(ada.id).ok(), Some(ada));
    }

    #[test]
    fn it_holds_no_more_than_it_may() {
        let cache = RecordCache::new(2);
        let records: Vec<_> = ["a", "b", "c"].into_iter().map(record).collect();
        for record in &records {
            let absent = cache.get(record.id).unwrap_err();
            cache.fill(absent, record);
        }
        let held: Vec<_> = records.iter().map(|record| cache.get(record.id).is_ok()).collect();
        assert_eq!(held, [false, true, true]);
    }
}
