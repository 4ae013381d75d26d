//! A thundering herd: a thousand requests for one cold key, on several threads at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::metrics::{LoadOutcome, RequestResult, WaitOutcome};
use cachescope::{Builder, Cached, Clock, Stats, cached};
use cachescope_tests::results;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, yield_now};

const REQUESTS: u64 = 1_000;
const KEY: u64 = 7;

/// A cache whose loads wait for a permit each, and return their numbers.
fn gated(name: &str) -> (Builder<u64, u64, std::convert::Infallible>, Arc<Semaphore>) {
    let (gate, loads) = (Arc::new(Semaphore::new(0)), AtomicU64::new(0));
    let permits = Arc::clone(&gate);
    let load = move |_: u64| {
        let (number, gate) = (loads.fetch_add(1, Ordering::Relaxed) + 1, Arc::clone(&gate));
        async move {
            gate.acquire().await.expect("open").forget();
            number
        }
    };
    (cached(name, load), permits)
}

fn ask(cache: &Cached<u64, u64>, requests: u64) -> Vec<JoinHandle<u64>> {
    let one = || {
        let cache = cache.clone();
        tokio::spawn(async move { cache.call(KEY).await })
    };
    (0..requests).map(|_| one()).collect()
}

/// Lets other tasks run until `so` returns `true` for the stats. Fails after a minute.
async fn until(cache: &Cached<u64, u64>, so: impl Fn(&Stats) -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(60), async {
        while !so(&cache.metrics().stats()) {
            yield_now().await;
        }
    });
    assert!(patience.await.is_ok(), "the condition never became true: {:?}", cache.metrics().stats());
}

async fn answers(calls: Vec<JoinHandle<u64>>) -> Vec<u64> {
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.expect("no panic"));
    }
    answers
}

/// Checks that no request is in flight, and that the results are exactly these.
fn assert_ended(stats: &Stats, expected: &[(RequestResult, u64)]) {
    let mut counted = results(stats);
    counted.retain(|_, count| *count > 0);
    assert_eq!(counted.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!((stats.in_flight(), stats.loads_active(), stats.waits_active()), (0, 0, 0));
    assert_eq!(stats.requests(), REQUESTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_a_thousand_requests_loads_and_all_get_its_value() {
    let (builder, gate) = gated("stampede.one");
    let cache = builder.build();
    let calls = ask(&cache, REQUESTS);
    until(&cache, |stats| stats.waits_active() == REQUESTS - 1).await;
    gate.add_permits(REQUESTS as usize);
    assert_eq!(answers(calls).await, vec![1; REQUESTS as usize]);

    let stats = cache.metrics().stats();
    assert_ended(&stats, &[(RequestResult::Miss, 1), (RequestResult::Coalesced, REQUESTS - 1)]);
    assert_eq!((stats.loads(LoadOutcome::Loaded), stats.load_duration().count()), (1, 1));
    assert_eq!(stats.waits(WaitOutcome::Shared), REQUESTS - 1);
    assert_eq!(cache.call(KEY).await, 1, "it was stored");
    assert_eq!(cache.metrics().stats().hits(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_load_themselves_after_the_wait_timeout_and_the_first_value_is_stored() {
    const LOAD: Duration = Duration::from_secs(10);
    let (clock, hands) = Clock::manual();
    let (builder, gate) = gated("stampede.impatient");
    let cache = builder.clock(clock).wait_for_load_timeout(LOAD / 2).build();
    let calls = ask(&cache, REQUESTS);
    until(&cache, |stats| stats.waits_active() == REQUESTS - 1).await;
    assert_eq!(cache.metrics().stats().loads_active(), 1);

    // Half of the load's time is over: all followers stop waiting.
    hands.advance(LOAD / 2);
    until(&cache, |stats| stats.loads_active() == REQUESTS).await;
    let stats = cache.metrics().stats();
    assert_eq!((stats.waits(WaitOutcome::Timeout), stats.waits_active()), (REQUESTS - 1, 0));
    assert_eq!(stats.wait_duration(WaitOutcome::Timeout).max(), LOAD / 2);
    assert_eq!(stats.usage().entries, 0);

    // One load ends, and the cache keeps its value, also after the other loads end.
    gate.add_permits(1);
    until(&cache, |stats| stats.usage().entries == 1).await;
    let first = cache.call(KEY).await;
    hands.advance(LOAD / 2);
    gate.add_permits(REQUESTS as usize - 1);
    let mut numbers = answers(calls).await;
    assert!(numbers.contains(&first));
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=REQUESTS).collect::<Vec<_>>(), "each its own");
    assert_eq!(cache.call(KEY).await, first);

    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.loads(LoadOutcome::Loaded)), (REQUESTS, REQUESTS));
    assert_eq!((stats.hits(), stats.coalesced(), stats.cancelled()), (2, 0, 0));
    assert_eq!((stats.requests(), stats.in_flight(), stats.loads_active()), (REQUESTS + 2, 0, 0));
    assert_eq!(stats.evictions(cachescope::metrics::EvictionReason::Replaced), 0, "stored once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_follower_leads_after_the_leader_is_aborted() {
    let (builder, gate) = gated("stampede.takeover");
    let cache = builder.build();
    let leader = ask(&cache, 1).remove(0);
    until(&cache, |stats| stats.loads_active() == 1).await;
    let followers = ask(&cache, REQUESTS - 1);
    until(&cache, |stats| stats.waits_active() == REQUESTS - 1).await;

    leader.abort();
    assert!(leader.await.expect_err("aborted").is_cancelled());
    // All followers saw the leader fail; one of them loads, and the others wait for it.
    until(&cache, |stats| stats.waits(WaitOutcome::LeaderFailed) == REQUESTS - 1).await;
    until(&cache, |stats| (stats.loads_active(), stats.waits_active()) == (1, REQUESTS - 2)).await;
    gate.add_permits(REQUESTS as usize);
    assert_eq!(answers(followers).await, vec![2; REQUESTS as usize - 1], "of the second load");

    let stats = cache.metrics().stats();
    let expected = [(RequestResult::Miss, 1), (RequestResult::Coalesced, REQUESTS - 2), (RequestResult::Cancelled, 1)];
    assert_ended(&stats, &expected);
    assert_eq!((stats.loads(LoadOutcome::Cancelled), stats.loads(LoadOutcome::Loaded)), (1, 1));
    assert_eq!(stats.waits(WaitOutcome::Shared), REQUESTS - 2);
}
