//! Problem: every cache of a process repeats the same options.
//! Solution: `set_defaults` sets the options of all caches that are built later; a builder overrides them.

use std::time::Duration;

use cachescope::{Clock, ConfigError, Settings, cached, set_defaults};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ConfigError> {
    let (clock, manual_clock) = Clock::manual();
    set_defaults(Settings { stale_after: Some(Duration::from_secs(60)), jitter: 0.05, clock, ..Settings::default() })?;

    let user = cached("user.by_id", |id: u64| async move { id }).build();
    let country = cached("country.by_code", |code: u64| async move { code })
        .stale_after(Duration::from_secs(24 * 60 * 60))
        .build();
    for _ in 0..3 {
        user.call(1).await;
        country.call(1).await;
        manual_clock.advance(Duration::from_secs(60));
    }

    for cache in cachescope::caches() {
        println!("{:<16} {} misses of {} requests", cache.name(), cache.stats().misses(), cache.stats().requests());
    }
    assert_eq!((user.metrics().stats().misses(), country.metrics().stats().misses()), (3, 1));
    let late = set_defaults(Settings::default()).expect_err("there are caches");
    println!("set_defaults after the first cache: {late}");
    Ok(())
}
