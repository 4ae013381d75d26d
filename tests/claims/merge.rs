//! Merged stats of many instances equal the stats of one instance that got all requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachescope::metrics::{
    EvictionReason, LoadOutcome, LoadTrigger, Operation, RejectionReason, RequestOutcome, RequestResult, WaitOutcome,
};
use cachescope::{Cached, Clock, ManualClock, Stats, try_cached};
use futures_util::FutureExt;
use proptest::prelude::*;

/// The outcome and the duration of a load.
#[derive(Clone, Copy, Debug)]
struct Script {
    outcome: LoadOutcome,
    took: Duration,
}

/// An operation on an instance.
#[derive(Clone, Copy, Debug)]
enum Event {
    Call(Script),
    Bypass(Script),
    Look,
    Insert,
    Invalidate,
}

/// A key with the number of its instance, so that one cache for all holds the entries of all instances.
type Key = (usize, u8);

struct Instance {
    cache: Cached<Key, u64, &'static str>,
    script: Arc<Mutex<Script>>,
}

impl Instance {
    fn new(name: &str) -> Self {
        let (clock, hands): (Clock, ManualClock) = Clock::manual();
        let script = Arc::new(Mutex::new(Script { outcome: LoadOutcome::Loaded, took: Duration::ZERO }));
        let read = Arc::clone(&script);
        let load = move |(_, key): Key| {
            let (Script { outcome, took }, hands) = (*read.lock().expect("no panic"), hands.clone());
            async move {
                hands.advance(took);
                match outcome {
                    LoadOutcome::Loaded => Ok(u64::from(key)),
                    LoadOutcome::Failed => Err("on purpose"),
                    _ => std::future::pending().await,
                }
            }
        };
        let cache = try_cached(name, load)
            .cache_if(|value| value % 5 != 0)
            .entry_size(|value| *value as usize * 1_000)
            .entry_size_limit(6_000)
            .clock(clock)
            .build();
        Self { cache, script }
    }

    fn see(&self, key: Key, event: Event) {
        match event {
            Event::Call(script) => {
                *self.script.lock().expect("no panic") = script;
                // A pending load is cancelled here.
                drop(self.cache.try_call(key).now_or_never());
            }
            Event::Bypass(script) => {
                *self.script.lock().expect("no panic") = script;
                drop(self.cache.try_request(key).bypass().into_future().now_or_never());
            }
            Event::Look => drop(self.cache.get_if_present(&key)),
            Event::Insert => self.cache.insert(key, u64::from(key.1)),
            Event::Invalidate => self.cache.invalidate(&key),
        }
    }

    fn stats(&self) -> Stats {
        self.cache.metrics().stats()
    }
}

fn scripts() -> impl Strategy<Value = Script> {
    let outcomes = prop_oneof![
        3 => Just(LoadOutcome::Loaded),
        1 => Just(LoadOutcome::Failed),
        1 => Just(LoadOutcome::Cancelled),
    ];
    // From a nanosecond to an hour, with equal weight for each power of ten.
    (outcomes, 0_u32..13, 1_u64..10)
        .prop_map(|(outcome, power, digit)| Script { outcome, took: Duration::from_nanos(digit * 10_u64.pow(power)) })
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => scripts().prop_map(Event::Call),
        1 => scripts().prop_map(Event::Bypass),
        2 => Just(Event::Look),
        1 => Just(Event::Insert),
        1 => Just(Event::Invalidate),
    ]
}

/// Compares everything except the timings of hits, which each instance samples at its own rate.
fn assert_same(merged: &Stats, whole: &Stats) {
    for ending in RequestOutcome::all(true) {
        assert_eq!(merged.ended(ending), whole.ended(ending), "{ending:?}");
    }
    assert_eq!((merged.requests(), merged.in_flight()), (whole.requests(), whole.in_flight()));
    assert_eq!(merged.hit_rate(), whole.hit_rate());
    for result in RequestResult::ALL.into_iter().filter(|result| *result != RequestResult::Hit) {
        assert_eq!(merged.latency(result), whole.latency(result), "{result:?}");
    }
    for trigger in LoadTrigger::ALL {
        assert_eq!(merged.load_duration_by(trigger), whole.load_duration_by(trigger), "{trigger:?}");
    }
    for outcome in LoadOutcome::ALL {
        assert_eq!(merged.loads(outcome), whole.loads(outcome), "{outcome:?}");
    }
    for outcome in WaitOutcome::ALL {
        assert_eq!(merged.wait_duration(outcome), whole.wait_duration(outcome), "{outcome:?}");
    }
    for operation in [Operation::Put, Operation::Remove, Operation::Clear] {
        assert_eq!(merged.operation(operation).count(), whole.operation(operation).count(), "{operation:?}");
    }
    for reason in EvictionReason::ALL {
        assert_eq!(merged.evictions(reason), whole.evictions(reason), "{reason:?}");
    }
    for reason in RejectionReason::ALL {
        assert_eq!(merged.rejections(reason), whole.rejections(reason), "{reason:?}");
    }
    assert_eq!(merged.entry_size(), whole.entry_size());
    assert_eq!(merged.usage().entries, whole.usage().entries);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merged_stats_equal_those_of_one_instance_with_all_requests(
        instances in 1_usize..=100,
        seen in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..10, events()), 0..600),
        order in any::<prop::sample::Index>(),
    ) {
        let fleet: Vec<Instance> = (0..instances).map(|number| Instance::new(&format!("merge.{number}"))).collect();
        let one = Instance::new("merge.one");
        for (instance, key, event) in seen {
            let instance = instance.index(instances);
            fleet[instance].see((instance, key), event);
            one.see((instance, key), event);
        }
        // In any order and any grouping.
        let (first, second) = fleet.split_at(order.index(instances));
        let merge = |part: &[Instance]| part.iter().map(Instance::stats).reduce(|all, stats| all.merge(&stats));
        let merged = match (merge(second), merge(first)) {
            (Some(one), Some(other)) => one.merge(&other),
            (one, other) => one.or(other).expect("one at least"),
        };
        assert_same(&merged, &one.stats());
        // Serialised, as one instance sends its stats to another.
        let sent = serde_json::to_string(&merged).expect("plain numbers");
        prop_assert_eq!(serde_json::from_str::<Stats>(&sent).expect("what was sent"), merged);
    }
}
