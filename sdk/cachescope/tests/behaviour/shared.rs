//! A cache on a shared store: two caches of one name act as two processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::metrics::{
    LoadTrigger, MissReason, Operation, RejectionReason, RequestOutcome, RequestResult, StoreErrorKind, WaitOutcome,
};
use cachescope::store::{MokaStore, NoMemory, TieredStore};
use cachescope::{Builder, Cached, Clock, ManualClock, Moka, Shared, Stats, Tiered, cached, try_cached};
use cachescope_testing::{Fault, InMemory};
use futures_util::FutureExt;
use tokio::sync::Semaphore;

use crate::balance::assert_balanced as balances;

const SECOND: Duration = Duration::from_secs(1);

/// Several processes with one store, whose loads are numbered and take one permit each.
struct Fleet {
    clock: Clock,
    hands: ManualClock,
    store: InMemory,
    loads: Arc<AtomicU64>,
    gate: Arc<Semaphore>,
}

type Process = Cached<u64, u64, std::convert::Infallible, NoMemory>;

impl Fleet {
    fn new() -> Self {
        let (clock, hands) = Clock::manual();
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { store: InMemory::new(clock.clone()), clock, hands, loads: Arc::default(), gate }
    }

    fn wrapped(&self, name: &str) -> Builder<u64, u64, std::convert::Infallible> {
        let (loads, gate) = (Arc::clone(&self.loads), Arc::clone(&self.gate));
        let load = move |_: u64| {
            let (number, gate) = (loads.fetch_add(1, Ordering::Relaxed) + 1, Arc::clone(&gate));
            async move {
                gate.acquire().await.expect("open").forget();
                number
            }
        };
        cached(name, load).stale_after(10 * SECOND).clock(self.clock.clone())
    }

    fn process(&self, name: &str) -> Process {
        self.wrapped(name).store(Shared::new(self.store.clone())).build()
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if what() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came");
}

fn shared_hits(stats: &Stats) -> u64 {
    stats.ended(RequestOutcome::new(RequestResult::Hit).served_by_shared_store())
}

#[tokio::test]
async fn value_loaded_by_one_process_is_hit_by_another() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process("shared.pair"), fleet.process("shared.pair"));
    assert_eq!((one.call(7).await, other.call(7).await, one.call(7).await), (1, 1, 1));
    let (first, second) = (one.metrics().stats(), other.metrics().stats());
    assert_eq!((first.misses(), shared_hits(&first), shared_hits(&second)), (1, 1, 1));
    assert_eq!(first.ended(RequestOutcome::miss(MissReason::Unknown)), 1);
    balances(&first);
    balances(&second);

    fleet.hands.advance(10 * SECOND);
    assert_eq!(other.call(7).await, 2, "it is fresh for ten seconds in every process");
    assert_eq!(one.call(7).await, 2);
}

#[tokio::test]
async fn caches_of_other_name_or_version_share_no_entry() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process("shared.one"), fleet.process("shared.other"));
    assert_eq!((one.call(7).await, other.call(7).await), (1, 2));
    let later = fleet.wrapped("shared.one").store(Shared::new(fleet.store.clone()).version(2)).build();
    assert_eq!((later.call(7).await, one.call(7).await), (3, 1));
}

#[tokio::test]
async fn stampede_over_processes_is_one_load() {
    let fleet = Fleet::new();
    fleet.gate.forget_permits(Semaphore::MAX_PERMITS);
    let processes: Vec<_> = (0..4).map(|_| fleet.process("shared.stampede")).collect();
    let requests: Vec<_> = processes
        .iter()
        .flat_map(|process| (0..50).map(|_| process.clone()))
        .map(|process| tokio::spawn(async move { process.call(7).await }))
        .collect();
    until(|| processes.iter().map(|process| process.metrics().stats().waits_active()).sum::<u64>() == 199).await;
    fleet.gate.add_permits(1);
    let done = async {
        for request in requests {
            assert_eq!(request.await.unwrap(), 1);
        }
    };
    let moving = async {
        loop {
            fleet.hands.advance(Duration::from_millis(2));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { () = done => {}, () = moving => {} }
    assert_eq!(fleet.loads(), 1);
    let stats: Vec<_> = processes.iter().map(|process| process.metrics().stats()).collect();
    let all = |result| stats.iter().map(|stats| stats.result(result)).sum::<u64>();
    assert_eq!((all(RequestResult::Miss), all(RequestResult::Coalesced), all(RequestResult::Hit)), (1, 199, 0));
    let waited: u64 = stats.iter().map(|stats| stats.store_waits(WaitOutcome::Shared)).sum();
    assert_eq!(waited, 3, "one request of each other process waits for the store");
    stats.iter().for_each(balances);
}

#[tokio::test]
async fn dead_loader_is_waited_for_until_its_lease_ends() {
    let fleet = Fleet::new();
    fleet.gate.forget_permits(Semaphore::MAX_PERMITS);
    let (dead, alive) = (fleet.process("shared.dead"), fleet.process("shared.dead"));
    let mut dying = Box::pin(dead.call(7));
    assert!(dying.as_mut().now_or_never().is_none());
    // Like a killed process: nothing is dropped, nothing is released.
    std::mem::forget(dying);
    let waiting = tokio::spawn({
        let alive = alive.clone();
        async move { alive.call(7).await }
    });
    until(|| alive.metrics().stats().waits_active() == 1).await;
    // One permit is taken by the dead process's load, which is still queued.
    fleet.gate.add_permits(2);
    for _ in 0..90 {
        fleet.hands.advance(SECOND / 10);
        tokio::task::yield_now().await;
    }
    assert_eq!(fleet.loads(), 1, "nine seconds are less than a lease");
    fleet.hands.advance(2 * SECOND);
    assert_eq!(waiting.await.unwrap(), 2);
    assert_eq!(alive.metrics().stats().store_waits(WaitOutcome::LeaderFailed), 1);
}

#[tokio::test]
async fn request_dropped_during_load_releases_lease() {
    let fleet = Fleet::new();
    fleet.gate.forget_permits(Semaphore::MAX_PERMITS);
    let (one, other) = (fleet.process("shared.dropped"), fleet.process("shared.dropped"));
    assert_eq!(one.call(7).now_or_never(), None);
    tokio::task::yield_now().await;
    fleet.gate.add_permits(1);
    assert_eq!(other.call(7).await, 2);
    assert_eq!(other.metrics().stats().store_waits(WaitOutcome::Shared), 0);
    assert_eq!(one.metrics().stats().cancelled(), 1);
}

#[tokio::test]
async fn load_overtaken_by_remote_invalidation_is_stored_nowhere() {
    let fleet = Fleet::new();
    fleet.gate.forget_permits(Semaphore::MAX_PERMITS);
    let (one, other) = (fleet.process("shared.overtaken"), fleet.process("shared.overtaken"));
    let loading = tokio::spawn({
        let one = one.clone();
        async move { one.call(7).await }
    });
    until(|| one.metrics().stats().loads_active() == 1).await;
    other.invalidate(&7);
    other.flush().await.unwrap();
    fleet.gate.add_permits(2);
    assert_eq!(loading.await.unwrap(), 1, "the earlier request gets it");
    assert_eq!(one.metrics().stats().rejections(RejectionReason::Overtaken), 1);
    assert_eq!((other.call(7).await, one.call(7).await), (2, 2));
}

#[tokio::test]
async fn writes_and_removals_take_effect_for_all_processes() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process("shared.all"), fleet.process("shared.all"));
    one.insert(7, 70);
    one.flush().await.unwrap();
    assert_eq!(other.call(7).await, 70);
    assert_eq!(other.request(7).overwrite().await, 1);
    assert_eq!(one.call(7).await, 1);
    one.invalidate(&7);
    assert_eq!(one.call(7).await, 2, "this process never sees an invalidated entry again, delivered or not");
    other.call(8).await;
    other.clear();
    other.flush().await.unwrap();
    assert_eq!((one.call(7).await, one.call(8).await), (4, 5));
    assert_eq!(one.invalidate_if(|_, _| false), 0);
    assert_eq!(one.call(7).await, 6, "a store that can't be asked for what matches drops all");
}

#[tokio::test]
async fn foreign_bytes_are_a_miss_with_reason_corrupt() {
    let fleet = Fleet::new();
    let cache = fleet.process("shared.corrupt");
    cache.call(7).await;
    fleet.store.corrupt_entries(|bytes| bytes.truncate(20));
    assert_eq!(cache.call(7).await, 2);
    fleet.store.corrupt_entries(|bytes| *bytes = b"something else altogether, and longer than an envelope is".to_vec());
    assert_eq!((cache.call(7).await, cache.call(7).await), (3, 3));
    let stats = cache.metrics().stats();
    assert_eq!((stats.ended(RequestOutcome::miss(MissReason::Corrupt)), shared_hits(&stats)), (2, 1));
}

#[tokio::test]
async fn failing_hanging_or_panicking_store_costs_no_answer() {
    let faults = [
        (Fault::Fails(StoreErrorKind::Unreachable), StoreErrorKind::Unreachable),
        (Fault::Hangs, StoreErrorKind::Timeout),
        (Fault::Panics, StoreErrorKind::Other),
    ];
    for (fault, kind) in faults {
        let fleet = Fleet::new();
        let cache = fleet.process("shared.faults");
        cache.call(7).await;
        fleet.store.set_fault(Some(fault));
        let asking = tokio::spawn({
            let cache = cache.clone();
            async move { cache.call(7).await }
        });
        while !asking.is_finished() {
            fleet.hands.advance(SECOND / 10);
            tokio::task::yield_now().await;
        }
        assert_eq!(asking.await.unwrap(), 2);
        let stats = cache.metrics().stats();
        assert_eq!(stats.ended(RequestOutcome::miss(MissReason::StoreError)), 1);
        assert_eq!(stats.store_errors(Operation::Get, kind), 1, "{fault:?}");
        balances(&stats);
    }
}

#[tokio::test]
async fn circuit_breaker_opens_on_repeated_failure_and_closes_later() {
    let fleet = Fleet::new();
    let cache =
        fleet.wrapped("shared.breaker").store(Shared::new(fleet.store.clone()).circuit_breaker(3, SECOND)).build();
    cache.call(7).await;
    fleet.store.set_fault(Some(Fault::Fails(StoreErrorKind::Unreachable)));
    for _ in 0..10 {
        cache.call(7).await;
    }
    let stats = cache.metrics().stats();
    let errors = |kind| stats.store_errors(Operation::Get, kind);
    assert_eq!((errors(StoreErrorKind::Unreachable), errors(StoreErrorKind::Suspended)), (3, 7));
    fleet.store.set_fault(None);
    assert_eq!(cache.call(7).await, 12, "not yet");
    fleet.hands.advance(SECOND);
    assert_eq!(cache.call(7).await, 1);
}

#[tokio::test]
async fn invalidation_during_store_outage_is_effective_after_it() {
    let fleet = Fleet::new();
    let (cache, other) = (fleet.process("shared.away"), fleet.process("shared.away"));
    cache.call(7).await;
    cache.call(8).await;
    fleet.store.set_fault(Some(Fault::Fails(StoreErrorKind::Other)));
    cache.invalidate(&7);
    cache.insert(8, 80);
    assert_eq!(cache.flush().await.unwrap_err().kind(), StoreErrorKind::Other);
    assert_eq!(cache.call(7).await, 3, "it can't be known that the store has dropped it");
    fleet.store.set_fault(None);
    assert_eq!(cache.call(7).await, 4);
    assert_eq!(other.call(7).await, 4);
    cache.flush().await.unwrap();
    assert_eq!(other.call(8).await, 5, "what couldn't be stored then is dropped");
}

#[tokio::test]
async fn stale_shared_entry_is_served_and_refreshed_by_one_process() {
    let fleet = Fleet::new();
    let build = || {
        let builder = fleet.wrapped("shared.stale").serve_stale_for(5 * SECOND);
        builder.store(Shared::new(fleet.store.clone())).build()
    };
    let (one, other) = (build(), build());
    one.call(7).await;
    fleet.hands.advance(12 * SECOND);
    assert_eq!((one.call(7).await, other.call(7).await), (1, 1));
    until(|| fleet.loads() == 2).await;
    until(|| one.metrics().stats().loads_active() + other.metrics().stats().loads_active() == 0).await;
    assert_eq!((one.call(7).await, other.call(7).await), (2, 2));
    assert_eq!(fleet.loads(), 2);
    let stats = other.metrics().stats();
    assert_eq!(stats.ended(RequestOutcome::new(RequestResult::Stale).served_by_shared_store()), 1);
    let refreshes = |cache: &Process| cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count();
    assert_eq!(refreshes(&one) + refreshes(&other), 1);
}

#[tokio::test]
async fn stale_shared_value_answers_for_failed_load() {
    let fleet = Fleet::new();
    let fails = Arc::new(AtomicU64::new(0));
    let load = {
        let fails = Arc::clone(&fails);
        move |_: u64| {
            let fails = fails.load(Ordering::Relaxed) > 0;
            async move { if fails { Err("on purpose") } else { Ok(1) } }
        }
    };
    let cache = try_cached("shared.last_good", load)
        .stale_after(SECOND)
        .serve_stale_on_error(10 * SECOND)
        .clock(fleet.clock.clone())
        .store(Shared::new(fleet.store.clone()))
        .build();
    assert_eq!(cache.try_call(7).await, Ok(1));
    fails.store(1, Ordering::Relaxed);
    fleet.hands.advance(2 * SECOND);
    assert_eq!(cache.try_call(7).await, Ok(1));
    fleet.hands.advance(20 * SECOND);
    assert!(cache.try_call(7).await.is_err());
}

#[tokio::test]
async fn get_many_reads_shared_store_and_loads_once() {
    let fleet = Fleet::new();
    let build = || {
        let loads = Arc::clone(&fleet.loads);
        let all = move |keys: Vec<u64>| {
            loads.fetch_add(1, Ordering::Relaxed);
            async move { keys.into_iter().map(|key| (key, key * 10)).collect::<Vec<_>>() }
        };
        fleet.wrapped("shared.many").batch_load(all).store(Shared::new(fleet.store.clone())).build()
    };
    let (one, other) = (build(), build());
    assert_eq!(one.get_many([1, 2]).await.len(), 2);
    let all = other.get_many([1, 2, 3, 4]).await;
    assert_eq!((all[&1], all[&4], fleet.loads()), (10, 40, 2));
    let stats = other.metrics().stats();
    assert_eq!((shared_hits(&stats), stats.misses(), stats.coalesced()), (2, 1, 1));
    balances(&stats);
    assert_eq!(one.get_many([3, 4]).await[&3], 30);
    assert_eq!(fleet.loads(), 2);
}

#[tokio::test]
async fn only_if_cached_reads_shared_store_and_changes_nothing() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process("shared.looking"), tiered(&fleet, "shared.looking"));
    assert_eq!(other.request(7).only_if_cached().await, None);
    one.call(7).await;
    assert_eq!(other.request(7).only_if_cached().await, Some(1));
    assert_eq!(other.get_if_present(&7), None, "it stays where it is");
    fleet.hands.advance(5 * SECOND);
    assert_eq!(other.request(7).max_age(4 * SECOND).only_if_cached().await, None, "older than it wants");
    fleet.store.set_fault(Some(Fault::Fails(StoreErrorKind::Unreachable)));
    assert_eq!(other.request(7).only_if_cached().await, None);
    fleet.store.set_fault(None);
    fleet.hands.advance(5 * SECOND);
    assert_eq!(other.request(7).only_if_cached().await, None, "it is over");
    let stats = other.metrics().stats();
    assert_eq!((shared_hits(&stats), stats.hits(), stats.result(RequestResult::Absent)), (1, 1, 5));
    assert_eq!(stats.store_errors(Operation::Get, StoreErrorKind::Unreachable), 1);
    balances(&stats);
    assert_eq!(fleet.loads(), 1);
}

#[test]
fn only_if_cached_returns_stale_entry_without_runtime() {
    let fleet = Fleet::new();
    let builder = fleet.wrapped("shared.lookers").serve_stale_for(20 * SECOND);
    let cache = builder.store(Shared::new(fleet.store.clone())).build();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(cache.call(7)), 1);
    fleet.hands.advance(15 * SECOND);
    assert_eq!(cache.request(7).only_if_cached().into_future().now_or_never(), Some(Some(1)));
    assert_eq!(cache.metrics().stats().result(RequestResult::Stale), 1);
}

type InTiers = Cached<u64, u64, std::convert::Infallible, TieredStore<MokaStore<u64, u64>>>;

fn tiered(fleet: &Fleet, name: &str) -> InTiers {
    let store = Tiered::new(Moka::with_capacity(100), Shared::new(fleet.store.clone())).memory_ttl(SECOND);
    fleet.wrapped(name).store(store).build()
}

#[tokio::test]
async fn memory_answers_for_its_memory_ttl() {
    let fleet = Fleet::new();
    let (one, other) = (tiered(&fleet, "shared.tiers"), tiered(&fleet, "shared.tiers"));
    one.call(7).await;
    other.call(7).await;
    for _ in 0..10 {
        assert_eq!(other.call(7).await, 1);
    }
    let stats = other.metrics().stats();
    assert_eq!((shared_hits(&stats), stats.hits()), (1, 11));
    // A store without announcements: only the memory TTL bounds the delay.
    fleet.store.disconnect_listeners();
    one.insert(7, 70);
    one.flush().await.unwrap();
    fleet.hands.advance(SECOND);
    assert_eq!((one.call(7).await, other.call(7).await), (70, 70));
    assert_eq!(fleet.loads(), 1);
}

#[tokio::test]
async fn invalidation_removes_entry_from_other_processes_memory() {
    let fleet = Fleet::new();
    let (one, other) = (tiered(&fleet, "shared.notices"), tiered(&fleet, "shared.notices"));
    one.call(7).await;
    other.call(7).await;
    tokio::task::yield_now().await;
    // The listener has started, and has cleared memory.
    other.call(7).await;
    assert_eq!(other.call(7).now_or_never(), Some(1), "from memory");
    one.invalidate(&7);
    one.flush().await.unwrap();
    until(|| other.call(7).now_or_never() != Some(1)).await;
    assert_eq!((other.call(7).await, one.call(7).await), (2, 2));
    one.clear();
    one.flush().await.unwrap();
    until(|| other.peek(&7).is_none()).await;
}

#[tokio::test]
async fn listener_starts_for_cache_used_by_get_many_only() {
    let fleet = Fleet::new();
    let one = tiered(&fleet, "shared.batches");
    let all = |keys: Vec<u64>| async move { keys.into_iter().map(|key| (key, key * 10)).collect::<Vec<_>>() };
    let store = Tiered::new(Moka::with_capacity(100), Shared::new(fleet.store.clone())).memory_ttl(SECOND);
    let other = fleet.wrapped("shared.batches").batch_load(all).store(store).build();
    other.get_many([7]).await;
    tokio::task::yield_now().await;
    other.get_many([7]).await;
    assert!(other.peek(&7).is_some());
    one.invalidate(&7);
    one.flush().await.unwrap();
    until(|| other.peek(&7).is_none()).await;
}

#[tokio::test]
async fn memory_answers_during_store_outage_only_if_enabled() {
    let fleet = Fleet::new();
    let build = |outlives| {
        let store = Tiered::new(Moka::with_capacity(100), Shared::new(fleet.store.clone()));
        let store = store.memory_ttl(SECOND).serve_memory_on_store_error(outlives);
        fleet.wrapped(if outlives { "shared.outlives" } else { "shared.ends" }).store(store).build()
    };
    let (outlives, ends) = (build(true), build(false));
    assert_eq!((outlives.call(7).await, ends.call(7).await), (1, 2));
    tokio::task::yield_now().await;
    assert_eq!((outlives.call(7).await, ends.call(7).await), (1, 2));
    fleet.store.set_fault(Some(Fault::Fails(StoreErrorKind::Unreachable)));
    fleet.hands.advance(2 * SECOND);
    let from_store = shared_hits(&outlives.metrics().stats());
    assert_eq!((outlives.call(7).await, ends.call(7).await), (1, 3));
    assert_eq!(shared_hits(&outlives.metrics().stats()), from_store, "it was memory that answered");
    fleet.hands.advance(20 * SECOND);
    assert_eq!(outlives.call(7).await, 4, "its own TTL has ended");
}

#[tokio::test]
async fn maintenance_sweeps_expired_entries_and_measures_size() {
    let fleet = Fleet::new();
    let builder = fleet.wrapped("shared.upkeep").cleanup_interval(5 * SECOND);
    let cache = builder.store(Shared::new(fleet.store.clone())).build();
    for key in 0..5 {
        cache.call(key).await;
    }
    tokio::task::yield_now().await;
    fleet.hands.advance(5 * SECOND);
    until(|| cache.metrics().stats().usage().entries == 5).await;
    let size = cache.shared_size().await.unwrap();
    assert_eq!((size.entries, size.exact), (Some(5), true));
    fleet.hands.advance(5 * SECOND);
    until(|| cache.metrics().stats().usage().entries == 0).await;
    assert_eq!(cache.shared_size().await.unwrap().entries, Some(0), "they were removed, not only expired");
}

#[test]
fn invalid_shared_configuration_names_the_fix() {
    let fleet = Fleet::new();
    let refused = |shared: Shared<InMemory>| {
        let error = fleet.wrapped("shared.refused").store(shared).try_build().unwrap_err();
        error.to_string()
    };
    let shared = || Shared::new(fleet.store.clone());
    assert!(refused(shared().namespace("")).contains("must not be empty"));
    assert!(refused(shared().timeout(Duration::ZERO)).contains("must be greater than zero, got 0"));
    assert!(refused(shared().circuit_breaker(0, SECOND)).contains("must be at least 1, got 0"));
    assert!(refused(shared().lease(Duration::from_millis(1))).contains("must be at least 10 ms, got 1ms"));
    #[cfg(feature = "sync")]
    {
        let blocking = cachescope::sync::cached("shared.blocking", |n: u64| n).store(shared());
        assert!(blocking.try_build().unwrap_err().to_string().contains("wrap an async function"));
    }
}

#[tokio::test]
async fn byte_store_given_directly_uses_defaults() {
    let fleet = Fleet::new();
    let (one, other) =
        (fleet.wrapped("shared.plain").store(fleet.store.clone()).build(), fleet.process("shared.plain"));
    assert_eq!((one.call(7).await, other.call(7).await), (1, 1));
}
