//! A known mix of requests: how many end in which way doesn't depend on how tasks interleave.

use std::task::{Context, Poll, Waker};

use cachescope::{Builder, Cached, RequestResult, Stats, try_cached};
use futures_util::FutureExt;

/// What the wrapped function returns where it fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

/// The cache that the mix runs on.
pub type Cache = Cached<u64, u64, Refused>;

/// How many tasks ask at once.
pub const TASKS: u64 = 8;
const KEYS: u64 = 100;
const HITS_A_KEY: u64 = 15;
const FAILURES: u64 = 40;
const PAIRS: u64 = 60;
const DROPPED: u64 = 30;

/// How the mix ends, by result, over all tasks; the last is how many of misses and coalesced failed.
pub const EXPECTED: [(RequestResult, u64); 4] = [
    (RequestResult::Hit, TASKS * KEYS * HITS_A_KEY),
    (RequestResult::Miss, TASKS * (KEYS + FAILURES + PAIRS)),
    (RequestResult::Coalesced, TASKS * PAIRS),
    (RequestResult::Cancelled, TASKS * DROPPED),
];
/// How many of the misses returned an error.
pub const FAILED: u64 = TASKS * FAILURES;
/// How many requests the mix makes.
pub const REQUESTS: u64 = EXPECTED[0].1 + EXPECTED[1].1 + EXPECTED[2].1 + EXPECTED[3].1;

/// A cache for the mix, under `name`.
pub fn cache(name: &str) -> Builder<u64, u64, Refused> {
    try_cached(name, |key: u64| async move {
        // One point at which another request of the key can join, and a future be dropped.
        tokio::task::yield_now().await;
        if key % 10 == 9 { Err(Refused) } else { Ok(key * key) }
    })
}

/// Runs the mix in [`TASKS`] tasks of the present tokio runtime.
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

/// Each task has keys of its own, so that what it meets in the cache is its own doing.
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

/// Checks a cache's own numbers against what the mix makes.
///
/// # Errors
/// If any differs.
pub fn check(stats: &Stats) -> anyhow::Result<()> {
    for (result, expected) in EXPECTED {
        anyhow::ensure!(stats.result(result) == expected, "{}: {}", result.as_str(), stats.result(result));
    }
    anyhow::ensure!(stats.requests() == REQUESTS && stats.in_flight() == 0, "{} requests", stats.requests());
    Ok(())
}
