//! Answers in memory, for hosts that keep nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::ready;
use greenroom_actors::ports::StoreFuture;
use greenroom_actors::time::UnixMillis;

use super::{Answer, Answers, Found, Scope};

/// Answers that are gone with the process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryAnswers {
    rows: Arc<Mutex<Rows>>,
}

/// The keys in the order in which they came.
#[derive(Debug, Default)]
struct Rows {
    last: u64,
    kept: BTreeMap<u64, (Scope, UnixMillis, Found)>,
}

impl Rows {
    fn number(&self, scope: Scope) -> Option<u64> {
        self.kept.iter().find(|(_, (of, ..))| *of == scope).map(|(number, _)| *number)
    }

    fn find(&self, scope: Scope, since: UnixMillis) -> Option<Found> {
        let (_, at, found) = self.kept.get(&self.number(scope)?)?;
        (*at >= since).then(|| found.clone())
    }

    fn forget(&mut self, scope: Scope) {
        if let Some(number) = self.number(scope) {
            self.kept.remove(&number);
        }
    }
}

impl MemoryAnswers {
    fn with<T: Send + 'static>(&self, work: impl FnOnce(&mut Rows) -> T) -> StoreFuture<T> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        ready(Ok(work(&mut rows))).boxed()
    }
}

impl Answers for MemoryAnswers {
    fn find(&self, scope: Scope, since: UnixMillis) -> StoreFuture<Option<Found>> {
        self.with(|rows| rows.find(scope, since))
    }

    fn begin(
        &self,
        scope: Scope,
        now: UnixMillis,
        since: UnixMillis,
        kept_max: u64,
    ) -> StoreFuture<Option<Found>> {
        self.with(|rows| {
            let found = rows.find(scope, since);
            if found.is_none() {
                rows.forget(scope);
                rows.last = rows.last.saturating_add(1);
                rows.kept.insert(rows.last, (scope, now, Found::Begun));
                let oldest = rows.last.saturating_sub(kept_max);
                rows.kept.retain(|number, _| *number > oldest);
            }
            found
        })
    }

    fn settle(&self, scope: Scope, answer: Answer) -> StoreFuture<()> {
        self.with(|rows| {
            let number = rows.number(scope);
            if let Some((.., found)) = number.and_then(|number| rows.kept.get_mut(&number)) {
                *found = Found::Answered(Box::new(answer));
            }
        })
    }

    fn release(&self, scope: Scope) -> StoreFuture<()> {
        self.with(|rows| rows.forget(scope))
    }

    fn expire(&self, since: UnixMillis) -> StoreFuture<u64> {
        self.with(|rows| {
            let before = rows.kept.len();
            rows.kept.retain(|_, (_, at, _)| *at >= since);
            u64::try_from(before.saturating_sub(rows.kept.len())).unwrap_or(u64::MAX)
        })
    }
}
