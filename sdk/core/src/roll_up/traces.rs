//! All traces that have begun in this process.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use opentelemetry::trace::TraceId;

use super::SpanKey;
use super::tally::Tally;
use super::trace::Trace;

/// Traces lie on as many locks.
const SHARDS: usize = 64;

/// The most spans that are remembered below the later roots of all traces, which are told apart. About 40 B each.
const SPANS: usize = 100_000;

type Shard = HashMap<TraceId, Trace, RandomState>;

/// Traces by their ids; of too many the oldest go, for their roots may never end.
pub(super) struct Traces {
    shards: [Mutex<Shard>; SHARDS],
    /// The most a shard holds.
    shard_limit: usize,
    hasher: RandomState,
    /// How many there are: of none, nothing is looked up.
    live: AtomicUsize,
    /// How many spans they remember: of none, nothing is looked up as a span starts.
    remembered: AtomicUsize,
    begun: AtomicU64,
}

impl Traces {
    /// Room for about so many.
    pub(super) fn up_to(traces: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            shard_limit: traces.div_ceil(SHARDS),
            hasher: RandomState::default(),
            live: AtomicUsize::new(0),
            remembered: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
        }
    }

    fn shard(&self, trace: TraceId) -> MutexGuard<'_, Shard> {
        // The table takes its places from the low bits.
        let index = (self.hasher.hash_one(trace) >> 32) as usize % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, root: SpanKey) {
        let mut shard = self.shard(root.trace);
        if let Some(trace) = shard.get_mut(&root.trace) {
            self.remember(trace, |trace, room| trace.begin(root.span, room));
            return;
        }
        if shard.len() >= self.shard_limit {
            let oldest = shard.iter().min_by_key(|(_, trace)| trace.number).map(|(id, _)| *id);
            let oldest = oldest.and_then(|oldest| shard.remove(&oldest));
            oldest.iter().for_each(|oldest| self.left(oldest));
        }
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        shard.insert(root.trace, Trace::new(number, root.span));
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn started(&self, parent: SpanKey, span: SpanKey) {
        if self.remembered.load(Ordering::Relaxed) > 0
            && let Some(trace) = self.shard(span.trace).get_mut(&span.trace)
        {
            self.remember(trace, |trace, room| trace.started(parent.span, span.span, room));
        }
    }

    /// Has a trace remember what it is to, if there is room.
    fn remember(&self, trace: &mut Trace, told: impl FnOnce(&mut Trace, bool)) {
        let before = trace.remembered();
        told(trace, self.remembered.load(Ordering::Relaxed) < SPANS);
        self.remembered.fetch_add(trace.remembered() - before, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn add(&self, within: SpanKey, more: Tally) {
        if self.live.load(Ordering::Relaxed) > 0
            && let Some(trace) = self.shard(within.trace).get_mut(&within.trace)
        {
            trace.add(within.span, more);
        }
    }

    pub(super) fn end(&self, root: SpanKey) -> Option<Tally> {
        let mut shard = self.shard(root.trace);
        let trace = shard.get_mut(&root.trace)?;
        let tally = trace.end(root.span);
        if trace.is_over()
            && let Some(trace) = shard.remove(&root.trace)
        {
            self.left(&trace);
        }
        tally
    }

    fn left(&self, trace: &Trace) {
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

    fn one() -> Tally {
        Tally { requests: 1, ..Tally::default() }
    }

    #[test]
    fn what_has_not_begun_is_not_counted_and_nothing_is_left_of_what_ended() {
        let traces = Traces::up_to(LIMIT);
        traces.add(key(1, 1), one());
        traces.begin(key(1, 1));
        traces.add(key(1, 5), one());
        traces.add(key(2, 5), one());
        assert_eq!(traces.end(key(1, 1)), Some(one()));
        assert_eq!((traces.end(key(1, 1)), traces.end(key(2, 5)), traces.live()), (None, None, 0));
        assert!(traces.shards.iter().all(|shard| shard.lock().unwrap().is_empty()));
    }

    #[test]
    fn roots_that_never_end_leave_in_their_order_and_new_ones_are_counted() {
        let traces = Traces::up_to(LIMIT);
        for trace in 1..=100_000 {
            traces.begin(key(trace, 1));
            traces.begin(key(trace, 2));
        }
        let held: Vec<usize> = traces.shards.iter().map(|shard| shard.lock().unwrap().len()).collect();
        assert_eq!(
            (held.iter().sum(), traces.remembered.load(Ordering::Relaxed)),
            (traces.live(), traces.live()),
            "each has two roots"
        );
        assert!(held.iter().all(|held| *held <= LIMIT / SHARDS), "{held:?}");
        traces.add(key(100_000, 1), one());
        assert_eq!((traces.end(key(100_000, 1)), traces.end(key(1, 1))), (Some(one()), None));
    }

    #[test]
    fn spans_of_a_root_that_never_ends_are_bounded_and_go_with_it() {
        let traces = Traces::up_to(LIMIT);
        traces.begin(key(1, 1));
        traces.begin(key(1, 2));
        (3..200_000).for_each(|span| traces.started(key(1, 2), key(1, span)));
        assert_eq!(traces.remembered.load(Ordering::Relaxed), SPANS);
        assert_eq!((traces.end(key(1, 1)), traces.end(key(1, 2))), (Some(Tally::default()), Some(Tally::default())));
        assert_eq!((traces.remembered.load(Ordering::Relaxed), traces.live()), (0, 0));
    }

    #[test]
    fn traces_of_several_threads_do_not_mix() {
        let traces = Traces::up_to(LIMIT);
        std::thread::scope(|scope| {
            for thread in 1..=4_u128 {
                let traces = &traces;
                scope.spawn(move || {
                    for round in 0..1_000 {
                        let trace = thread << 64 | round;
                        traces.begin(key(trace, 1));
                        (0..thread).for_each(|_| traces.add(key(trace, 9), one()));
                        assert_eq!(traces.end(key(trace, 1)).unwrap().requests as u128, thread);
                    }
                });
            }
        });
        assert_eq!(traces.live(), 0);
    }
}
