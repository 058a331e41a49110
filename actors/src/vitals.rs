//! What the runtime counts of itself: cheap on the hot path, read by whoever watches.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::liveness::Finding;
use crate::runs::Usage;

/// The runtime's own figures since it started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vitals {
    /// Agents that are hosted.
    pub hosted: u64,
    /// Runs in flight.
    pub runs_in_flight: u64,
    /// Ticks that came due and were taken.
    pub ticks: u64,
    /// Ticks that came due while a run was in flight.
    pub ticks_skipped: u64,
    /// Runs that completed.
    pub runs_completed: u64,
    /// Runs that failed, timed out or were cancelled.
    pub runs_failed: u64,
    /// Crashes that agents were rebuilt after.
    pub crashes: u64,
    /// Agents that were left after too many crashes.
    pub gave_up: u64,
    /// Messages that were refused because a mailbox was full.
    pub refused: u64,
    /// What was found to be wrong with agents, and mended as far as it can be.
    pub findings: [(Finding, u64); Finding::ALL.len()],
    /// Firings of triggers that a run has done.
    pub firings_ran: u64,
    /// Firings of triggers whose run failed or was cut off.
    pub firings_failed: u64,
    /// Slots of triggers that were missed.
    pub firings_missed: u64,
    /// Slots of triggers that were skipped.
    pub firings_skipped: u64,
    /// Tokens that models read.
    pub input_tokens: u64,
    /// Tokens that models wrote.
    pub output_tokens: u64,
    /// What models cost, in millionths of a US dollar.
    pub cost_micros: u64,
    /// Calls of models that a budget had no room for.
    pub refused_by_budget: u64,
    /// What each model was used for: so many as have a place of their own, then `other`.
    pub models: Vec<ModelTotals>,
    /// How late ticks were, half of them at most.
    pub tick_lateness_p50: Duration,
    /// How late ticks were, 99 of a hundred at most.
    pub tick_lateness_p99: Duration,
}

/// What one model was used for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelTotals {
    /// The model, as its provider calls it.
    pub model: String,
    /// Calls that came to an end.
    pub calls: u64,
    /// Tokens that it read.
    pub input_tokens: u64,
    /// Tokens that it wrote.
    pub output_tokens: u64,
    /// What that counts against budgets, in millionths of a US dollar.
    pub cost_micros: u64,
}

/// What each model was used for.
#[derive(Debug, Default)]
pub(crate) struct Models(Mutex<BTreeMap<String, ModelTotals>>);

impl Models {
    /// Models that have a place of their own.
    const MAX: usize = 24;

    /// The place of all others.
    const OTHER: &str = "other";

    pub(crate) fn add(&self, model: &str, usage: &Usage, cost_micros: u64) {
        // Each addition stands alone, whatever a panic interrupted.
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has_place = models.contains_key(model) || models.len() < Self::MAX;
        let model = if has_place { model } else { Self::OTHER };
        let totals = models
            .entry(model.to_owned())
            .or_insert_with(|| ModelTotals { model: model.to_owned(), ..ModelTotals::default() });
        let add = |sum: &mut u64, by| *sum = sum.saturating_add(by);
        add(&mut totals.calls, 1);
        add(&mut totals.input_tokens, usage.input_tokens);
        add(&mut totals.output_tokens, usage.output_tokens);
        add(&mut totals.cost_micros, cost_micros);
    }

    fn snapshot(&self) -> Vec<ModelTotals> {
        let models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        models.values().cloned().collect()
    }
}

/// The counters behind [`Vitals`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hosted: AtomicU64,
    pub(crate) ticks: AtomicU64,
    pub(crate) ticks_skipped: AtomicU64,
    pub(crate) runs_completed: AtomicU64,
    pub(crate) runs_failed: AtomicU64,
    pub(crate) crashes: AtomicU64,
    pub(crate) gave_up: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) findings: [AtomicU64; Finding::ALL.len()],
    pub(crate) firings_ran: AtomicU64,
    pub(crate) firings_failed: AtomicU64,
    pub(crate) firings_missed: AtomicU64,
    pub(crate) firings_skipped: AtomicU64,
    pub(crate) input_tokens: AtomicU64,
    pub(crate) output_tokens: AtomicU64,
    pub(crate) cost_micros: AtomicU64,
    pub(crate) refused_by_budget: AtomicU64,
    pub(crate) models: Models,
    pub(crate) lateness: Lateness,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self, runs_in_flight: u64) -> Vitals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Vitals {
            hosted: read(&self.hosted),
            runs_in_flight,
            ticks: read(&self.ticks),
            ticks_skipped: read(&self.ticks_skipped),
            runs_completed: read(&self.runs_completed),
            runs_failed: read(&self.runs_failed),
            crashes: read(&self.crashes),
            gave_up: read(&self.gave_up),
            refused: read(&self.refused),
            findings: std::array::from_fn(|nth| {
                let count = self.findings.get(nth).map_or(0, read);
                (Finding::ALL.get(nth).copied().unwrap_or_default(), count)
            }),
            firings_ran: read(&self.firings_ran),
            firings_failed: read(&self.firings_failed),
            firings_missed: read(&self.firings_missed),
            firings_skipped: read(&self.firings_skipped),
            input_tokens: read(&self.input_tokens),
            output_tokens: read(&self.output_tokens),
            cost_micros: read(&self.cost_micros),
            refused_by_budget: read(&self.refused_by_budget),
            models: self.models.snapshot(),
            tick_lateness_p50: self.lateness.quantile(50),
            tick_lateness_p99: self.lateness.quantile(99),
        }
    }
}

/// A histogram of durations: four buckets to each doubling, from 1 ms to some 18 hours.
#[derive(Debug)]
pub(crate) struct Lateness {
    buckets: [AtomicU64; Self::BUCKETS],
}

impl Default for Lateness {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Lateness {
    const BUCKETS: usize = 104;

    pub(crate) fn note(&self, late: Duration) {
        let millis = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        let index = Self::bucket(millis).min(Self::BUCKETS - 1);
        if let Some(bucket) = self.buckets.get(index) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Below 4 ms a bucket each; then the doubling, and its quarter.
    fn bucket(millis: u64) -> usize {
        if millis < 4 {
            return usize::try_from(millis).unwrap_or(0);
        }
        let doubling = millis.ilog2();
        let quarter = (millis >> (doubling - 2)) & 3;
        usize::try_from(u64::from(doubling - 1) * 4 + quarter).unwrap_or(Self::BUCKETS)
    }

    /// The first duration beyond a bucket.
    fn bound(index: usize) -> u64 {
        let index = u64::try_from(index).unwrap_or(0);
        if index < 4 {
            return index + 1;
        }
        let (doubling, quarter) = (index / 4 + 1, index % 4);
        (4 + quarter + 1) << (doubling - 2)
    }

    /// The bound that `percent` of a hundred stay below; zero if there is nothing.
    fn quantile(&self, percent: u64) -> Duration {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let wanted = (total * percent).div_ceil(100);
        let mut seen = 0;
        for (index, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && wanted > 0 {
                return Duration::from_millis(Self::bound(index));
            }
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_lies_below_the_bound_of_its_bucket_and_near_it() {
        for millis in (0..20).chain([100, 999, 1_000, 60_000, 3_600_000]) {
            let bound = Lateness::bound(Lateness::bucket(millis));
            assert!(bound > millis, "{millis} {bound}");
            assert!(bound <= millis + millis / 4 + 1, "{millis} {bound}");
        }
    }

    #[test]
    fn models_beyond_their_places_are_counted_together() {
        let models = Models::default();
        let usage = Usage { input_tokens: 2, output_tokens: 1, ..Usage::default() };
        for number in 0..100 {
            models.add(&format!("model {number:03}"), &usage, 5);
        }
        models.add("model 000", &usage, 5);
        let totals = models.snapshot();
        assert_eq!(totals.len(), Models::MAX + 1);
        let of = |name: &str| totals.iter().find(|totals| totals.model == name).unwrap().clone();
        assert_eq!((of("model 000").calls, of("model 000").cost_micros), (2, 10));
        assert_eq!((of("other").calls, of("other").input_tokens), (76, 152));
    }

    #[test]
    fn quantiles_are_bounds() {
        let lateness = Lateness::default();
        (0..99).for_each(|_| lateness.note(Duration::from_millis(1)));
        lateness.note(Duration::from_secs(5));
        assert_eq!(lateness.quantile(50), Duration::from_millis(2));
        assert_eq!(lateness.quantile(99), Duration::from_millis(2));
        assert!(lateness.quantile(100) > Duration::from_secs(5));
    }
}
