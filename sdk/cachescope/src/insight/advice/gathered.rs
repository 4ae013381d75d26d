//! The evidence there is about a cache.

use std::time::Duration;

use cachescope_core::{
    Ending, EvictionReason, Failure, LoadTrigger, MissReason, Operation, RejectionReason, RequestResult, WaitOutcome,
};

use super::evidence::{EntrySizes, Evidence, StoreBehind};
use super::traffic::dominant;
use super::{Advice, advise};
use crate::insight::{Behind, Insight, Memory};
use crate::metrics::{Stats, Window};

/// What to change about a cache, by the last hour.
pub(crate) fn advice(insight: &Insight<'_>) -> Vec<Advice> {
    let stats = insight.cache.numbers().window(Window::Hour);
    let memory = insight.cache.memory();
    let (curve, lifetimes) = (insight.curve(), insight.lifetimes());
    let (hot_keys, amplification) = (insight.unnamed_hot_keys(), insight.amplification());
    // Names take a look at every entry, and only this one is told.
    let hot_keys = if dominant(&hot_keys).is_some() { insight.named(hot_keys) } else { hot_keys };
    advise(&Evidence {
        curve: curve.as_ref(),
        lifetimes: lifetimes.as_ref(),
        hot_keys: Some(&hot_keys),
        amplification: amplification.as_ref(),
        ..numbers(&stats, &memory)
    })
}

/// What was counted.
fn numbers<'a>(stats: &Stats, memory: &Memory) -> Evidence<'a> {
    let results = [
        RequestResult::Hit,
        RequestResult::Stale,
        RequestResult::Miss,
        RequestResult::Coalesced,
        RequestResult::Absent,
    ];
    let sizes = stats.entry_size();
    let refreshes = stats.load_duration_by(LoadTrigger::Refresh);
    // For loads of others, and not for a place to load in.
    let waits = WaitOutcome::ALL.into_iter().filter(|outcome| *outcome != WaitOutcome::Admitted);
    let total = |times: &mut dyn Iterator<Item = Duration>| times.fold(Duration::ZERO, Duration::saturating_add);
    Evidence {
        store: memory.kind,
        covers: stats.covers(),
        requests: results.map(|result| stats.result(result)).iter().sum(),
        request_time: total(&mut results.into_iter().map(|result| time_of(stats, result))),
        hit_rate: stats.hit_rate(),
        remembered_errors: stats.ended(Ending::of(RequestResult::Hit).with_failure(Failure::Error)),
        coalesced: stats.coalesced(),
        misses: stats.misses(),
        expired: stats.misses_because(MissReason::Expired),
        wait_time: total(&mut waits.map(|outcome| stats.wait_duration(outcome).sum())),
        loads: stats.load_duration().count(),
        load_time: stats.load_duration().sum(),
        longest_load: stats.load_duration().max().max(refreshes.max()),
        refreshes: refreshes.count(),
        load_time_saved: stats.load_time_saved(),
        caching_time: stats.caching_time(),
        ttl: memory.life,
        expires: memory.expires,
        entries: memory.levels.entries,
        bytes: memory.levels.bytes,
        evicted: stats.evictions(EvictionReason::Size),
        too_large: stats.rejections(RejectionReason::TooLarge),
        sizes: (sizes.count() > 0).then(|| EntrySizes {
            count: sizes.count(),
            mean: sizes.mean(),
            p99: sizes.p99().unwrap_or_default(),
            largest: sizes.max(),
        }),
        shared: memory.behind.map(|behind| behind_it(stats, behind)),
        ..Evidence::default()
    }
}

/// What its shared store did.
fn behind_it(stats: &Stats, behind: Behind) -> StoreBehind {
    let [gets, puts] = [Operation::Get, Operation::Put].map(|operation| stats.store_operation(operation));
    StoreBehind {
        gets: gets.count(),
        get_time: gets.sum(),
        put_time: puts.sum(),
        coding_time: behind.coding.map(|times| gets.sum().saturating_add(puts.sum()).mul_f64(times)),
        lease: behind.lease,
        timeouts: stats.store_waits(WaitOutcome::Timeout),
        patience: behind.patience,
        overtaken: stats.rejections(RejectionReason::Overtaken),
    }
}

/// How long requests with this result took; of hits as far as they were timed, times how rarely that was.
fn time_of(stats: &Stats, result: RequestResult) -> Duration {
    let taken = stats.latency(result);
    match result {
        RequestResult::Hit => taken.sum().mul_f64(stats.hit_timing_interval().max(1.0)),
        _ => taken.sum(),
    }
}
