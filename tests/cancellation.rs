//! Every request ends in exactly one result, whatever becomes of its future.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cachescope::{Cached, LoadOutcome, RequestResult, Stats, WaitOutcome, cached, try_cached};
use cachescope_tests::results;
use futures_util::FutureExt;
use tokio::sync::Semaphore;

/// The books, at a time when no request is under way.
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

/// A load with `points` points at which its future may be dropped.
async fn slow(points: usize, value: u64) -> u64 {
    for _ in 0..points {
        tokio::task::yield_now().await;
    }
    value
}

/// Polls up to `times`; says whether it was ready.
fn poll(future: &mut (impl Future + Unpin), times: usize) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    (0..times).any(|_| matches!(future.poll_unpin(&mut context), Poll::Ready(_)))
}

#[test]
fn a_leader_and_its_follower_dropped_at_every_await_point() {
    const POINTS: usize = 4;
    // The runtime only lends `yield_now` its context; polling is by hand.
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
                // Between the two: it waits if the leader loads, hits if it has, leads if it never began.
                poll(&mut follower, usize::from(follower_polls > 0));
                let stats = squares.metrics().stats();
                assert_eq!(stats.requests(), results(&stats).values().sum::<u64>() + stats.in_flight());
                assert_eq!(answered, leader_polls > POINTS);
            }
            // The leader is gone, landed or not. What is left of the follower's polls:
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
            // Whatever happened, the key can be loaded.
            assert_eq!(runtime.block_on(squares.call(7)), 49);
        }
    }
    assert!(cancelled > 0 && led_on == POINTS + 1, "{cancelled} cancelled, {led_on} led on");
}

#[test]
fn a_follower_takes_over_from_a_leader_that_was_dropped() {
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
fn a_panic_in_the_load_with_a_hundred_followers() {
    std::panic::set_hook(Box::new(|_| ()));
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
                assert!(run >= 3, "on purpose");
                run
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
    let _ = std::panic::take_hook();
    assert_eq!((panicked, answered), (3, 98));
    let stats = cache.metrics().stats();
    assert_balanced(&stats);
    assert_eq!(stats.requests(), 101);
    assert_eq!((stats.loads(LoadOutcome::Panicked), stats.loads(LoadOutcome::Loaded)), (3, 1));
    // Those who waited to the end shared the one value; those whose flights failed hit or waited again.
    assert_eq!(stats.misses(), 4);
    assert_eq!(stats.coalesced() + stats.hits(), 97);
}

#[test]
fn a_function_that_panics_before_it_has_a_future() {
    std::panic::set_hook(Box::new(|_| ()));
    let cache = cached("cancellation.early", |n: u64| {
        assert!(n != 1, "on purpose");
        async move { n }
    })
    .build();
    let call = AssertUnwindSafe(cache.call(1)).catch_unwind().now_or_never();
    let _ = std::panic::take_hook();
    assert!(call.expect("ready").is_err());
    assert_eq!(cache.call(2).now_or_never(), Some(2));
    assert_balanced(&cache.metrics().stats());
}

#[test]
fn an_error_is_shared_and_not_stored() {
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
    assert_eq!((stats.misses(), stats.coalesced(), stats.levels().entries), (1, 4, 0));
    // The next request loads again.
    gate.add_permits(1);
    assert!(cache.try_call(1).now_or_never().expect("ready").is_err());
    assert_eq!(cache.metrics().stats().misses(), 2);
}
