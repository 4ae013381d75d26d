//! A known mix of requests, whose results don't depend on the interleaving of tasks.

use std::task::{Context, Poll, Waker};

use cachescope::metrics::RequestResult;
use cachescope::{Builder, Cached, Stats, try_cached};
use futures_util::FutureExt;

/// The error of the loader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

/// The cache of the mix.
pub type Cache = Cached<u64, u64, Refused>;

/// The number of concurrent tasks.
pub const TASKS: u64 = 8;
const KEYS: u64 = 100;
const HITS_A_KEY: u64 = 15;
const FAILURES: u64 = 40;
const PAIRS: u64 = 60;
const DROPPED: u64 = 30;

/// The requests of the mix, by result, over all tasks.
pub const EXPECTED: [(RequestResult, u64); 4] = [
    (RequestResult::Hit, TASKS * KEYS * HITS_A_KEY),
    (RequestResult::Miss, TASKS * (KEYS + FAILURES + PAIRS)),
    (RequestResult::Coalesced, TASKS * PAIRS),
    (RequestResult::Cancelled, TASKS * DROPPED),
];
/// The number of misses that return an error.
pub const FAILED: u64 = TASKS * FAILURES;
/// The number of requests of the mix.
pub const REQUESTS: u64 = EXPECTED[0].1 + EXPECTED[1].1 + EXPECTED[2].1 + EXPECTED[3].1;

/// Returns a builder of a cache for the mix.
pub fn cache(name: &str) -> Builder<u64, u64, Refused> {
    try_cached(name, |key: u64| async move {
        // An await point, at which requests join and futures are dropped.
        tokio::task::yield_now().await;
        if key % 10 == 9 { Err(Refused) } else { Ok(key * key) }
    })
}

/// Runs the mix in [`TASKS`] tasks of the current tokio runtime.
///
/// # Errors
/// If a task panicked, or an answer was wrong.
pub async fn run(cache: &Cache) -> anyhow::Result<()> {
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(one_task(cache.clone(), task * 1_000_000))).collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Runs the mix of one task. Each task has its own keys, so that tasks don't affect each other.
async fn one_task(cache: Cache, base: u64) -> anyhow::Result<()> {
    for key in (0..KEYS).map(|n| base + n * 10) {
        for _ in 0..=HITS_A_KEY {
            anyhow::ensure!(cache.try_call(key).await == Ok(key * key), "a wrong value");
        }
    }
    for key in (0..FAILURES).map(|n| base + n * 10 + 9) {
        anyhow::ensure!(cache.try_call(key).await.is_err(), "an error was lost");
    }
    for key in (0..PAIRS).map(|n| base + 500_000 + n * 10) {
        let (one, other) = tokio::join!(cache.try_call(key), cache.try_call(key));
        anyhow::ensure!(one == Ok(key * key) && other == one, "a shared answer was wrong");
    }
    for key in (0..DROPPED).map(|n| base + 700_000 + n * 10) {
        let mut call = Box::pin(cache.try_call(key));
        let polled = call.poll_unpin(&mut Context::from_waker(Waker::noop()));
        anyhow::ensure!(polled == Poll::Pending, "nothing to cancel");
    }
    Ok(())
}

/// Checks the stats of a cache against the expected results of the mix.
///
/// # Errors
/// If a count differs.
pub fn check(stats: &Stats) -> anyhow::Result<()> {
    for (result, expected) in EXPECTED {
        anyhow::ensure!(stats.result(result) == expected, "{}: {}", result.as_str(), stats.result(result));
    }
    anyhow::ensure!(stats.requests() == REQUESTS && stats.in_flight() == 0, "{} requests", stats.requests());
    Ok(())
}
