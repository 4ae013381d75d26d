//! Problem: expired entries use memory until the store evicts them.
//! Solution: `cleanup_interval` removes expired entries at an interval.

use std::time::Duration;

use cachescope::metrics::EvictionReason;
use cachescope::{Clock, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (clock, manual_clock) = Clock::manual();
    let session = cached("session.by_token", |token: u64| async move { vec![0_u8; token as usize] })
        .stale_after(Duration::from_secs(60))
        .cleanup_interval(Duration::from_secs(300))
        .clock(clock)
        .build();
    for token in 0..1_000 {
        session.call(token).await;
    }
    println!("{} entries", session.metrics().stats().usage().entries);

    manual_clock.advance(Duration::from_secs(300));
    // A thread that all caches share removes them.
    while session.metrics().stats().usage().entries > 0 {
        std::thread::yield_now();
    }
    let expired = session.metrics().stats().evictions(EvictionReason::Expired);
    println!("five minutes later: no entries, {expired} expired");
    assert_eq!(expired, 1_000);
}
