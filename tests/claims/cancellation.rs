//! Every request ends with exactly one result, also when its future is dropped or its load panics.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cachescope::metrics::{LoadOutcome, RequestResult, WaitOutcome};
use cachescope::{Cached, Stats, cached, try_cached};
use cachescope_tests::results;
use futures_util::FutureExt;
use tokio::sync::Semaphore;

/// Checks the counts while no request is in flight.
fn assert_balanced(stats: &Stats) {
    let ended: u64 = results(stats).values().sum();
    assert_eq!(stats.requests(), ended + stats.in_flight(), "{stats:#?}");
    assert_eq!((stats.in_flight(), stats.loads_active(), stats.waits_active()), (0, 0, 0), "{stats:#?}");
    assert_eq!(stats.longest_wait(), Duration::ZERO);
    // A load runs for one request: a miss, or one that was cancelled over it.
    let finished: u64 =
        [LoadOutcome::Loaded, LoadOutcome::Failed, LoadOutcome::Panicked].into_iter().map(|o| stats.loads(o)).sum();
    assert_eq!(stats.misses(), finished);
    assert!(stats.loads(LoadOutcome::Cancelled) <= stats.cancelled());
    for (result, count) in results(stats) {
        let timed = stats.latency(result).count();
        assert!(if result == RequestResult::Hit { timed <= count } else { timed == count }, "{result:?}");
    }
}

/// A load with `points` await points at which its future may be dropped.
async fn slow(points: usize, value: u64) -> u64 {
    for _ in 0..points {
        tokio::task::yield_now().await;
    }
    value
}

/// Panics without the panic hook, which would print the panic and belongs to the whole process.
fn panic_silently() -> ! {
    resume_unwind(Box::new("on purpose"))
}

/// Polls up to `times` times; returns whether the future was ready.
fn poll(future: &mut (impl Future + Unpin), times: usize) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    (0..times).any(|_| matches!(future.poll_unpin(&mut context), Poll::Ready(_)))
}

#[test]
fn requests_are_counted_once_when_leader_and_follower_are_dropped_at_any_await_point() {
    const POINTS: usize = 4;
    // `yield_now` needs the context of a runtime; the test polls by hand.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _entered = runtime.enter();
    let (mut cancelled, mut led_on) = (0, 0);
    for leader_polls in 0..=POINTS + 2 {
        for follower_polls in 0..=POINTS + 2 {
            let squares = cached("cancellation.squares", |n: u64| slow(POINTS, n * n)).build();
            let mut follower = pin!(squares.call(7));
            {
                let mut leader = pin!(squares.call(7));
                let answered = poll(&mut leader, leader_polls);
                // The follower waits if the leader loads, hits if it has loaded, and leads if it never began.
                poll(&mut follower, usize::from(follower_polls > 0));
                let stats = squares.metrics().stats();
                assert_eq!(stats.requests(), results(&stats).values().sum::<u64>() + stats.in_flight());
                assert_eq!(answered, leader_polls > POINTS);
            }
            // The leader is dropped, with or without a result. The remaining polls of the follower:
            if follower_polls == POINTS + 2 && leader_polls <= POINTS {
                while !poll(&mut follower, 1) {}
                led_on += 1;
            } else if follower_polls > 1 && leader_polls <= POINTS {
                poll(&mut follower, follower_polls - 1);
            }
            follower.set(squares.call(7));
            let stats = squares.metrics().stats();
            assert_balanced(&stats);
            cancelled += stats.cancelled();
            // The key can be loaded in every case.
            assert_eq!(runtime.block_on(squares.call(7)), 49);
        }
    }
    assert!(cancelled > 0 && led_on == POINTS + 1, "{cancelled} cancelled, {led_on} led on");
}

#[test]
fn follower_leads_after_the_leader_is_dropped() {
    let gate = Arc::new(Semaphore::new(0));
    let loads = Arc::new(AtomicUsize::new(0));
    let cache: Cached<u64, u64> = {
        let (gate, loads) = (Arc::clone(&gate), Arc::clone(&loads));
        cached("cancellation.takeover", move |n: u64| {
            let (gate, loads) = (Arc::clone(&gate), Arc::clone(&loads));
            async move {
                loads.fetch_add(1, Ordering::Relaxed);
                gate.acquire().await.expect("open").forget();
                n
            }
        })
        .build()
    };
    let mut followers: Vec<_> = (0..3).map(|_| Box::pin(cache.call(1))).collect();
    {
        let mut leader = pin!(cache.call(1));
        assert!(!poll(&mut leader, 1));
        assert!(followers.iter_mut().all(|follower| !poll(follower, 1)));
        assert_eq!(cache.metrics().stats().waits_active(), 3);
    }
    assert!(followers.iter_mut().all(|follower| !poll(follower, 1)));
    assert_eq!((loads.load(Ordering::Relaxed), cache.metrics().stats().waits_active()), (2, 2));
    gate.add_permits(1);
    assert!(followers.iter_mut().all(|follower| poll(follower, 1)));
    drop(followers);

    let stats = cache.metrics().stats();
    assert_balanced(&stats);
    assert_eq!((stats.misses(), stats.coalesced(), stats.cancelled()), (1, 2, 1));
    assert_eq!((stats.waits(WaitOutcome::LeaderFailed), stats.waits(WaitOutcome::Shared)), (3, 2));
    assert_eq!((stats.loads(LoadOutcome::Cancelled), stats.loads(LoadOutcome::Loaded)), (1, 1));
}

#[test]
fn panic_in_a_load_makes_one_of_a_hundred_followers_lead() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let runs = Arc::new(AtomicUsize::new(0));
    let cache: Cached<u64, usize> = {
        let (gate, runs) = (Arc::clone(&gate), Arc::clone(&runs));
        cached("cancellation.panic", move |_: u64| {
            let (gate, runs) = (Arc::clone(&gate), Arc::clone(&runs));
            async move {
                gate.acquire().await.expect("open").forget();
                let run = runs.fetch_add(1, Ordering::Relaxed);
                if run < 3 { panic_silently() } else { run }
            }
        })
        .build()
    };
    let (panicked, answered) = runtime.block_on(async {
        let calls: Vec<_> = (0..101)
            .map(|_| {
                let cache = cache.clone();
                tokio::spawn(async move { cache.call(1).await })
            })
            .collect();
        while cache.metrics().stats().waits_active() < 100 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(200);
        let (mut panicked, mut answered) = (0, 0);
        for call in calls {
            match call.await {
                Ok(run) => {
                    assert_eq!(run, 3);
                    answered += 1;
                }
                Err(error) => {
                    assert!(error.is_panic());
                    panicked += 1;
                }
            }
        }
        (panicked, answered)
    });
    assert_eq!((panicked, answered), (3, 98));
    let stats = cache.metrics().stats();
    assert_balanced(&stats);
    assert_eq!(stats.requests(), 101);
    assert_eq!((stats.loads(LoadOutcome::Panicked), stats.loads(LoadOutcome::Loaded)), (3, 1));
    // Requests that waited to the end share one value; requests whose flight failed hit or waited again.
    assert_eq!(stats.misses(), 4);
    assert_eq!(stats.coalesced() + stats.hits(), 97);
}

#[test]
fn panic_before_the_future_exists_is_counted() {
    let cache = cached("cancellation.early", |n: u64| {
        if n == 1 {
            panic_silently();
        }
        async move { n }
    })
    .build();
    let call = AssertUnwindSafe(cache.call(1)).catch_unwind().now_or_never();
    assert!(call.expect("ready").is_err());
    assert_eq!(cache.call(2).now_or_never(), Some(2));
    assert_balanced(&cache.metrics().stats());
}

#[test]
fn error_is_shared_with_followers_and_not_stored() {
    let gate = Arc::new(Semaphore::new(0));
    let cache: Cached<u64, u64, std::fmt::Error> = {
        let gate = Arc::clone(&gate);
        try_cached("cancellation.error", move |_: u64| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.expect("open").forget();
                Err(std::fmt::Error)
            }
        })
        .build()
    };
    let mut calls: Vec<_> = (0..5).map(|_| Box::pin(cache.try_call(1))).collect();
    assert!(calls.iter_mut().all(|call| !poll(call, 1)));
    gate.add_permits(1);
    let errors = calls.into_iter().filter_map(|call| call.now_or_never()?.err()).count();
    assert_eq!(errors, 5);
    let stats = cache.metrics().stats();
    assert_balanced(&stats);
    assert_eq!((stats.misses(), stats.coalesced(), stats.usage().entries), (1, 4, 0));
    // The next request loads again.
    gate.add_permits(1);
    assert!(cache.try_call(1).now_or_never().expect("ready").is_err());
    assert_eq!(cache.metrics().stats().misses(), 2);
}
