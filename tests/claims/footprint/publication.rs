//! The number of bytes that a process publishes of its caches.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::Result;
use cachescope::fleet::Fleet;
use cachescope::metrics::HitTiming;
use cachescope::{Cached, Clock, FileStore, try_cached};
use futures_util::FutureExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::runtime::Runtime;

use super::alone;

/// A cache after requests with most results, whose loads took from a microsecond to ten seconds.
fn busy(number: u64) -> Cached<u64, u64, &'static str> {
    let (clock, hands) = Clock::manual();
    let (moves, took) = (hands.clone(), Mutex::new(StdRng::seed_from_u64(number)));
    let load = move |key: u64| {
        let power = took.lock().map_or(0.0, |mut random| random.random_range(-6.0..1.0));
        moves.advance(Duration::from_secs_f64(10_f64.powf(power)));
        async move { if key.is_multiple_of(5) { Err("on purpose") } else { Ok(key) } }
    };
    let cache = try_cached(format!("size.{number}"), load)
        .stale_after(Duration::from_secs(30))
        .serve_stale_for(Duration::from_secs(3_600))
        .serve_stale_on_error(Duration::from_secs(7_200))
        .hit_timing(HitTiming::Every)
        .clock(clock)
        .build();
    let mut random = StdRng::seed_from_u64(!number);
    for _ in 0..5_000 {
        let key = random.random_range(0..4);
        match random.random_range(0..10) {
            0 => drop(cache.try_request(key).bypass().into_future().now_or_never()),
            1 => drop(cache.get_if_present(&key)),
            2 => cache.invalidate(&key),
            _ => drop(cache.try_call(key).now_or_never()),
        }
        hands.advance(Duration::from_millis(random.random_range(0..9_000)));
    }
    cache
}

/// The bytes that this process publishes, and their number before compression.
fn size() -> Result<(usize, usize)> {
    let folder = tempfile::tempdir()?;
    Runtime::new()?.block_on(async {
        let member = Fleet::new("size", FileStore::in_folder(folder.path())).join()?;
        member.publish().await?;
        let json = serde_json::to_vec(&member.stats().await?.instances()[0].caches)?.len();
        let bytes = member.publish_status().bytes;
        member.close().await?;
        Ok((bytes, json))
    })
}

/// Checks the sizes in the documentation of `Fleet`. This process has no other caches.
#[test]
fn published_stats_are_at_most_as_large_as_documented() -> Result<()> {
    let _alone = alone();
    let one = busy(0);
    let (compressed, json) = size()?;
    println!("a busy cache: {json} bytes, compressed {compressed}");
    assert!(json <= 10_000 && compressed <= 3_000, "{json} {compressed}");
    let more: Vec<_> = (1..100).map(busy).collect();
    let (compressed, json) = size()?;
    println!("a hundred: {json} bytes, compressed {compressed}");
    assert!(json <= 1_000_000 && compressed <= 200_000, "{json} {compressed}");
    drop((one, more));
    Ok(())
}
