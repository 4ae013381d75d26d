//! The wait timeout.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cachescope::metrics::WaitOutcome;
use cachescope::{Cached, Clock, ManualClock, cached};
use futures_util::FutureExt;
use tokio::sync::Semaphore;

type Call<'a> = Pin<Box<dyn Future<Output = u64> + 'a>>;

/// A cache whose first load hangs until a permit comes; each load returns its number.
fn with_a_slow_first_load(name: &str, timeout: Duration) -> (Cached<u64, u64>, ManualClock, Arc<Semaphore>) {
    let (clock, hands) = Clock::manual();
    let (gate, loads) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU64::new(0)));
    let first = Arc::clone(&gate);
    let load = move |_: u64| {
        let (number, first) = (loads.fetch_add(1, Ordering::Relaxed) + 1, Arc::clone(&first));
        async move {
            if number == 1 {
                first.acquire().await.expect("open").forget();
            }
            number
        }
    };
    (cached(name, load).wait_for_load_timeout(timeout).clock(clock).build(), hands, gate)
}

fn poll(call: &mut Call<'_>) -> Poll<u64> {
    call.poll_unpin(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn timed_out_request_loads_for_itself_and_remaining_followers() {
    let (cache, hands, gate) = with_a_slow_first_load("waiting.timeout", Duration::from_secs(5));
    let call = || -> Call<'_> { Box::pin(cache.call(1)) };
    let (mut leader, mut early) = (call(), call());
    assert!(poll(&mut leader).is_pending() && poll(&mut early).is_pending());
    hands.advance(Duration::from_secs(4));
    let mut late = call();
    assert!(poll(&mut early).is_pending() && poll(&mut late).is_pending());
    assert_eq!(cache.metrics().stats().longest_wait(), Duration::from_secs(4));
    hands.advance(Duration::from_secs(1));
    assert_eq!(poll(&mut early), Poll::Ready(2));
    assert_eq!(poll(&mut late), Poll::Ready(2), "shared, though it waited for the first");
    assert_eq!(cache.call(1).now_or_never(), Some(2));
    gate.add_permits(1);
    assert_eq!(poll(&mut leader), Poll::Ready(1));
    assert_eq!(cache.call(1).now_or_never(), Some(2), "the first to end was stored");

    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.coalesced(), stats.hits(), stats.requests()), (2, 1, 2, 5));
    assert_eq!((stats.waits(WaitOutcome::Timeout), stats.waits(WaitOutcome::Shared)), (1, 1));
    assert_eq!(stats.wait_duration(WaitOutcome::Timeout).max(), Duration::from_secs(5));
    assert_eq!((stats.in_flight(), stats.waits_active()), (0, 0));
}

#[test]
fn zero_wait_timeout_makes_every_request_load() {
    let (cache, _hands, gate) = with_a_slow_first_load("waiting.zero", Duration::ZERO);
    let mut leader: Call<'_> = Box::pin(cache.call(1));
    assert!(poll(&mut leader).is_pending());
    assert_eq!(cache.call(1).now_or_never(), Some(2));
    gate.add_permits(1);
    assert_eq!(poll(&mut leader), Poll::Ready(1));
    assert_eq!(cache.metrics().stats().misses(), 2);
}

#[test]
fn stand_in_load_is_not_stored_after_invalidation() {
    let (cache, hands, _gate) = with_a_slow_first_load("waiting.invalidated", Duration::from_secs(5));
    let (mut leader, mut follower): (Call<'_>, Call<'_>) = (Box::pin(cache.call(1)), Box::pin(cache.call(1)));
    assert!(poll(&mut leader).is_pending() && poll(&mut follower).is_pending());
    cache.invalidate(&1);
    hands.advance(Duration::from_secs(5));
    assert_eq!(poll(&mut follower), Poll::Ready(2));
    assert_eq!(cache.metrics().stats().usage().entries, 0);
}
