//! The observer of all events.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachescope::metrics::{
    Event, EvictionReason, HitTiming, LoadOutcome, LoadTrigger, MissReason, Observer, Operation, RejectionReason,
    RequestOutcome, RequestResult, StaleEvent, WaitOutcome,
};
use cachescope::store::CacheIdentity;
use cachescope::{Clock, Moka, cached, try_cached};
use futures_util::FutureExt;

/// Records every event.
#[derive(Debug, Default)]
struct Log(Mutex<Vec<(String, Event)>>);

impl Log {
    fn count(&self, matches: impl Fn(Event) -> bool) -> u64 {
        self.0.lock().expect("no panic").iter().filter(|(_, event)| matches(*event)).count() as u64
    }
}

impl Observer for Log {
    fn observe(&self, cache: &CacheIdentity, event: Event) {
        self.0.lock().expect("no panic").push((cache.name.clone(), event));
    }
}

#[test]
fn observer_receives_everything_that_is_counted() {
    let log = Arc::new(Log::default());
    let (clock, hands) = Clock::manual();
    let load = |key: u64| async move {
        tokio::task::yield_now().await;
        if key == 9 { Err("on purpose") } else { Ok(key) }
    };
    let cache = try_cached("observer.all", load)
        .stale_after(Duration::from_secs(1))
        .cache_if(|value| *value != 5)
        .entry_size(|_| 8)
        .store(Moka::with_capacity(10))
        .clock(clock)
        .observer(Arc::clone(&log))
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for key in [1, 1, 1, 9, 5] {
            let _ = cache.try_call(key).await;
        }
        hands.advance(Duration::from_secs(3));
        cache.try_call(1).await.unwrap();
        cache.try_request(1).bypass().await.unwrap();
        let (one, other) = tokio::join!(cache.try_call(2), cache.try_call(2));
        assert_eq!((one, other), (Ok(2), Ok(2)));
        assert_eq!(cache.get_if_present(&77), None);
        for key in 20..60 {
            cache.try_call(key).await.unwrap();
        }
        drop(cache.try_call(100).now_or_never());
        cache.invalidate(&1);
        cache.clear();
    });
    let stats = cache.metrics().stats();
    for ending in RequestOutcome::all(true) {
        let observed =
            log.count(|event| matches!(event, Event::Request { outcome: observed, .. } if observed == ending));
        assert_eq!(observed, stats.ended(ending), "{ending:?}");
    }
    for result in RequestResult::ALL {
        let timed = log.count(
            |event| matches!(event, Event::Request { outcome: ending, duration: Some(_) } if ending.result == result),
        );
        assert_eq!(timed, stats.latency(result).count(), "{result:?}");
    }
    for trigger in LoadTrigger::ALL {
        let observed = log.count(|event| matches!(event, Event::Load { trigger: observed, .. } if observed == trigger));
        assert_eq!(observed, stats.load_duration_by(trigger).count(), "{trigger:?}");
    }
    for outcome in LoadOutcome::ALL {
        let so = Event::Load { trigger: LoadTrigger::Miss, outcome, duration: Duration::ZERO };
        assert_eq!(log.count(|event| event == so), stats.loads(outcome), "{outcome:?}");
    }
    for outcome in WaitOutcome::ALL {
        let observed = log.count(|event| matches!(event, Event::Wait { outcome: observed, .. } if observed == outcome));
        assert_eq!(observed, stats.waits(outcome), "{outcome:?}");
    }
    for operation in Operation::ALL {
        let observed =
            log.count(|event| matches!(event, Event::Operation { operation: observed, .. } if observed == operation));
        assert_eq!(observed, stats.operation(operation).count(), "{operation:?}");
    }
    for reason in EvictionReason::ALL {
        assert_eq!(log.count(|event| event == Event::Evicted { reason }), stats.evictions(reason), "{reason:?}");
    }
    for reason in RejectionReason::ALL {
        assert_eq!(log.count(|event| event == Event::Rejected { reason }), stats.rejections(reason), "{reason:?}");
    }
    let reloaded = Event::Stale { event: StaleEvent::Reloaded, age: Duration::from_secs(2) };
    assert_eq!((log.count(|event| event == reloaded), stats.stale_age(StaleEvent::Reloaded).count()), (1, 1));
    let stored = log.count(|event| event == Event::Stored { bytes: 8 });
    assert_eq!((stored, stats.entry_size().count()), (43, 43));
    // Everything above happened.
    assert!(stats.misses() > 0 && stats.hits() > 0 && stats.coalesced() == 1 && stats.cancelled() == 1);
    assert!(stats.evictions(EvictionReason::Size) > 0 && stats.rejections(RejectionReason::Refused) == 1);
    assert!(log.0.lock().unwrap().iter().all(|(cache, _)| cache == "observer.all"));
}

#[test]
fn observer_receives_every_hit_when_hits_are_never_timed() {
    for (timing, timed) in [(HitTiming::Never, 0), (HitTiming::Every, 1_000)] {
        let log = Arc::new(Log::default());
        let squares = cached("observer.hits", |n: u64| async move { n * n });
        let squares = squares.hit_timing(timing).observer(Arc::clone(&log)).build();
        (0..1_001).for_each(|_| assert_eq!(squares.call(3).now_or_never(), Some(9)));
        let is_hit = |event: Event, observed: bool| match event {
            Event::Request { outcome: ending, duration } => {
                ending == RequestOutcome::new(RequestResult::Hit) && duration.is_some() == observed
            }
            _ => false,
        };
        assert_eq!(log.count(|event| is_hit(event, true)), timed);
        assert_eq!(log.count(|event| is_hit(event, false)), 1_000 - timed);
        assert_eq!(squares.metrics().stats().hits(), 1_000);
    }
}

#[test]
fn panicking_observer_changes_no_answer_and_no_count() {
    #[derive(Debug)]
    struct Touchy;
    impl Observer for Touchy {
        fn observe(&self, _: &CacheIdentity, _: Event) {
            // `resume_unwind` skips the panic hook, which would print the panic.
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    }
    let squares = cached("observer.touchy", |n: u64| async move { n * n }).observer(Touchy).build();
    let answers = [3, 3, 4].map(|n| squares.call(n).now_or_never());
    assert_eq!(answers, [Some(9), Some(9), Some(16)]);
    squares.clear();
    let stats = squares.metrics().stats();
    assert_eq!((stats.hits(), stats.ended(RequestOutcome::miss(MissReason::Cold))), (1, 2));
    assert_eq!(stats.evictions(EvictionReason::Invalidated), 2);
}
