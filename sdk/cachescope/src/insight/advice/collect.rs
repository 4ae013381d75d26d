//! Collects the evidence about a cache.

use std::time::Duration;

use cachescope_core::{
    EvictionReason, Failure, LoadTrigger, MissReason, Operation, RejectionReason, RequestOutcome, RequestResult,
    WaitOutcome,
};

use super::evidence::{EntrySizes, Evidence, L2Evidence};
use super::rules::traffic::dominant;
use super::{Advice, advise};
use crate::insight::{Insight, L2View, MemoryView};
use crate::metrics::{Stats, Window};

/// Returns the advice on a cache, based on the last hour.
pub(crate) fn advice(insight: &Insight<'_>) -> Vec<Advice> {
    let stats = insight.cache.metrics().window(Window::Hour);
    let memory = insight.cache.memory();
    let (curve, ttl_curve) = (insight.curve(), insight.ttl_curve());
    let (hot_keys, wasted_loads) = (insight.unnamed_hot_keys(), insight.wasted_loads());
    // Names cost a visit to every entry, and only a dominant key is reported.
    let hot_keys = if dominant(&hot_keys).is_some() { insight.named(hot_keys) } else { hot_keys };
    advise(&Evidence {
        curve: curve.as_ref(),
        ttl_curve: ttl_curve.as_ref(),
        hot_keys: Some(&hot_keys),
        wasted_loads: wasted_loads.as_ref(),
        ..numbers(&stats, &memory)
    })
}

/// Collects the counted numbers.
fn numbers<'a>(stats: &Stats, memory: &MemoryView) -> Evidence<'a> {
    let results = [
        RequestResult::Hit,
        RequestResult::Stale,
        RequestResult::Miss,
        RequestResult::Coalesced,
        RequestResult::Absent,
    ];
    let sizes = stats.entry_size();
    let refreshes = stats.load_duration_by(LoadTrigger::Refresh);
    // Only waits for the loads of others, not for a free load slot.
    let waits = WaitOutcome::ALL.into_iter().filter(|outcome| *outcome != WaitOutcome::Admitted);
    let total = |times: &mut dyn Iterator<Item = Duration>| times.fold(Duration::ZERO, Duration::saturating_add);
    Evidence {
        store: memory.kind,
        period: stats.covers(),
        requests: results.map(|result| stats.result(result)).iter().sum(),
        request_time: total(&mut results.into_iter().map(|result| time_of(stats, result))),
        hit_rate: stats.hit_rate(),
        cached_errors: stats.ended(RequestOutcome::new(RequestResult::Hit).with_failure(Failure::Error)),
        coalesced: stats.coalesced(),
        misses: stats.misses(),
        expired_misses: stats.misses_because(MissReason::Expired),
        wait_time: total(&mut waits.map(|outcome| stats.wait_duration(outcome).sum())),
        loads: stats.load_duration().count(),
        load_time: stats.load_duration().sum(),
        longest_load: stats.load_duration().max().max(refreshes.max()),
        refreshes: refreshes.count(),
        load_time_saved: stats.load_time_saved(),
        caching_time: stats.caching_time(),
        ttl: memory.ttl,
        expires: memory.expires,
        entries: memory.usage.entries,
        bytes: memory.usage.bytes,
        evicted: stats.evictions(EvictionReason::Size),
        too_large: stats.rejections(RejectionReason::TooLarge),
        sizes: (sizes.count() > 0).then(|| EntrySizes {
            count: sizes.count(),
            mean: sizes.mean(),
            p99: sizes.p99().unwrap_or_default(),
            largest: sizes.max(),
        }),
        shared: memory.l2.map(|l2| l2_evidence(stats, l2)),
        ..Evidence::default()
    }
}

/// Collects the numbers of the shared store.
fn l2_evidence(stats: &Stats, l2: L2View) -> L2Evidence {
    let [gets, puts] = [Operation::Get, Operation::Put].map(|operation| stats.store_operation(operation));
    L2Evidence {
        gets: gets.count(),
        get_time: gets.sum(),
        put_time: puts.sum(),
        coding_time: l2.coding_ratio.map(|times| gets.sum().saturating_add(puts.sum()).mul_f64(times)),
        lease: l2.lease,
        wait_timeouts: stats.store_waits(WaitOutcome::Timeout),
        wait_timeout: l2.wait_timeout,
        overtaken: stats.rejections(RejectionReason::Overtaken),
    }
}

/// Returns the total time of requests with this result. For hits: the timed ones, scaled up by the timing interval.
fn time_of(stats: &Stats, result: RequestResult) -> Duration {
    let taken = stats.latency(result);
    match result {
        RequestResult::Hit => taken.sum().mul_f64(stats.hit_timing_interval().max(1.0)),
        _ => taken.sum(),
    }
}
