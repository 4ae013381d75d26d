//! All open traces of this process.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use opentelemetry::trace::TraceId;

use super::SpanKey;
use super::open_trace::OpenTrace;
use super::trace_totals::TraceTotals;

/// The number of shards, each with its own lock.
const SHARDS: usize = 64;

/// The maximum number of remembered spans below later roots, over all traces. About 40 B each.
const MAX_SPANS: usize = 100_000;

type Shard = HashMap<TraceId, OpenTrace, RandomState>;

/// The open traces by id. If there are too many, the oldest are dropped, because their roots may never end.
pub(super) struct OpenTraces {
    shards: [Mutex<Shard>; SHARDS],
    /// The maximum number of traces in a shard.
    shard_limit: usize,
    hasher: RandomState,
    /// The number of open traces. If it is zero, nothing is looked up.
    live: AtomicUsize,
    /// The number of remembered spans. If it is zero, nothing is looked up when a span starts.
    remembered: AtomicUsize,
    next_number: AtomicU64,
}

impl OpenTraces {
    /// Creates a table for at most about `traces` traces.
    pub(super) fn with_limit(traces: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            shard_limit: traces.div_ceil(SHARDS),
            hasher: RandomState::default(),
            live: AtomicUsize::new(0),
            remembered: AtomicUsize::new(0),
            next_number: AtomicU64::new(0),
        }
    }

    fn shard(&self, trace: TraceId) -> MutexGuard<'_, Shard> {
        // The hash map uses the low bits.
        let index = (self.hasher.hash_one(trace) >> 32) as usize % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn root_started(&self, root: SpanKey) {
        let mut shard = self.shard(root.trace);
        if let Some(trace) = shard.get_mut(&root.trace) {
            self.remember(trace, |trace, has_capacity| trace.root_started(root.span, has_capacity));
            return;
        }
        if shard.len() >= self.shard_limit {
            let oldest = shard.iter().min_by_key(|(_, trace)| trace.number).map(|(id, _)| *id);
            let oldest = oldest.and_then(|oldest| shard.remove(&oldest));
            oldest.iter().for_each(|oldest| self.forget(oldest));
        }
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        shard.insert(root.trace, OpenTrace::new(number, root.span));
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn child_started(&self, parent: SpanKey, span: SpanKey) {
        if self.remembered.load(Ordering::Relaxed) > 0
            && let Some(trace) = self.shard(span.trace).get_mut(&span.trace)
        {
            self.remember(trace, |trace, has_capacity| trace.child_started(parent.span, span.span, has_capacity));
        }
    }

    /// Applies a change to a trace, and passes whether another span may be remembered.
    fn remember(&self, trace: &mut OpenTrace, change: impl FnOnce(&mut OpenTrace, bool)) {
        let before = trace.remembered();
        change(trace, self.remembered.load(Ordering::Relaxed) < MAX_SPANS);
        self.remembered.fetch_add(trace.remembered() - before, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn add(&self, within: SpanKey, more: TraceTotals) {
        if self.live.load(Ordering::Relaxed) > 0
            && let Some(trace) = self.shard(within.trace).get_mut(&within.trace)
        {
            trace.add(within.span, more);
        }
    }

    pub(super) fn root_ended(&self, root: SpanKey) -> Option<TraceTotals> {
        let mut shard = self.shard(root.trace);
        let trace = shard.get_mut(&root.trace)?;
        let totals = trace.root_ended(root.span);
        if trace.is_over()
            && let Some(trace) = shard.remove(&root.trace)
        {
            self.forget(&trace);
        }
        totals
    }

    fn forget(&self, trace: &OpenTrace) {
        self.live.fetch_sub(1, Ordering::Relaxed);
        self.remembered.fetch_sub(trace.remembered(), Ordering::Relaxed);
    }

    pub(super) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanId;

    use super::*;

    const LIMIT: usize = 640;

    fn key(trace: u128, span: u64) -> SpanKey {
        SpanKey { trace: TraceId::from(trace), span: SpanId::from(span) }
    }

    fn one() -> TraceTotals {
        TraceTotals { requests: 1, ..TraceTotals::default() }
    }

    #[test]
    fn trace_is_counted_only_while_it_is_open() {
        let traces = OpenTraces::with_limit(LIMIT);
        traces.add(key(1, 1), one());
        traces.root_started(key(1, 1));
        traces.add(key(1, 5), one());
        traces.add(key(2, 5), one());
        assert_eq!(traces.root_ended(key(1, 1)), Some(one()));
        assert_eq!((traces.root_ended(key(1, 1)), traces.root_ended(key(2, 5)), traces.live()), (None, None, 0));
        assert!(traces.shards.iter().all(|shard| shard.lock().unwrap().is_empty()));
    }

    #[test]
    fn oldest_traces_are_dropped_beyond_the_limit() {
        let traces = OpenTraces::with_limit(LIMIT);
        for trace in 1..=100_000 {
            traces.root_started(key(trace, 1));
            traces.root_started(key(trace, 2));
        }
        let held: Vec<usize> = traces.shards.iter().map(|shard| shard.lock().unwrap().len()).collect();
        assert_eq!(
            (held.iter().sum(), traces.remembered.load(Ordering::Relaxed)),
            (traces.live(), traces.live()),
            "each has two roots"
        );
        assert!(held.iter().all(|held| *held <= LIMIT / SHARDS), "{held:?}");
        traces.add(key(100_000, 1), one());
        assert_eq!((traces.root_ended(key(100_000, 1)), traces.root_ended(key(1, 1))), (Some(one()), None));
    }

    #[test]
    fn remembered_spans_are_bounded_and_freed_with_their_trace() {
        let traces = OpenTraces::with_limit(LIMIT);
        traces.root_started(key(1, 1));
        traces.root_started(key(1, 2));
        (3..200_000).for_each(|span| traces.child_started(key(1, 2), key(1, span)));
        assert_eq!(traces.remembered.load(Ordering::Relaxed), MAX_SPANS);
        assert_eq!(
            (traces.root_ended(key(1, 1)), traces.root_ended(key(1, 2))),
            (Some(TraceTotals::default()), Some(TraceTotals::default()))
        );
        assert_eq!((traces.remembered.load(Ordering::Relaxed), traces.live()), (0, 0));
    }

    #[test]
    fn traces_of_several_threads_are_separate() {
        let traces = OpenTraces::with_limit(LIMIT);
        std::thread::scope(|scope| {
            for thread in 1..=4_u128 {
                let traces = &traces;
                scope.spawn(move || {
                    for round in 0..1_000 {
                        let trace = thread << 64 | round;
                        traces.root_started(key(trace, 1));
                        (0..thread).for_each(|_| traces.add(key(trace, 9), one()));
                        assert_eq!(traces.root_ended(key(trace, 1)).unwrap().requests as u128, thread);
                    }
                });
            }
        });
        assert_eq!(traces.live(), 0);
    }
}
