//! Entries past all use are dropped now and then, and not only when their room is needed.

use std::time::Duration;

use cachescope::{Clock, EvictionReason, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (clock, hands) = Clock::manual();
    let session = cached("session.by_token", |token: u64| async move { vec![0_u8; token as usize] })
        .stale_after(Duration::from_secs(60))
        .cleanup_interval(Duration::from_secs(300))
        .clock(clock)
        .build();
    for token in 0..1_000 {
        session.call(token).await;
    }
    println!("{} entries", session.metrics().stats().levels().entries);

    hands.advance(Duration::from_secs(300));
    // It is done on a thread that all caches share.
    while session.metrics().stats().levels().entries > 0 {
        std::thread::yield_now();
    }
    let expired = session.metrics().stats().evictions(EvictionReason::Expired);
    println!("five minutes later none is left, {expired} expired");
    assert_eq!(expired, 1_000);
}
