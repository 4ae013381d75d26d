//! Tests.

use std::convert::Infallible;
use std::pin::pin;

use cachescope_core::shared::{LeaseToken, Scope, StoreError};
use cachescope_core::{ManualClock, StoreErrorKind};
use cachescope_testing::{Fault, InMemory};
use futures_util::future::{Either, join_all, select};
use tokio::runtime::Runtime;

use super::*;
use crate::{Cached, cached};

const SECOND: Duration = Duration::from_secs(1);

/// A store that several processes share, and its clock.
struct TestFleet {
    clock: Clock,
    manual_clock: ManualClock,
    store: InMemory,
}

/// A process. Its tasks run only while something runs in it, and end with it.
struct Process {
    runtime: Runtime,
    cache: Cached<u64, u64, Infallible>,
    member: FleetMember,
}

impl TestFleet {
    fn new() -> Self {
        let (clock, manual_clock) = Clock::manual();
        Self { store: InMemory::new(clock.clone()), clock, manual_clock }
    }

    fn config(&self) -> Fleet {
        Fleet::new("shop", self.store.clone()).clock(self.clock.clone())
    }

    fn process(&self, id: u64) -> Process {
        let runtime = runtime();
        let cache = cached("fleet.squares", |n: u64| async move { n * n }).clock(self.clock.clone()).build();
        let counted = cache.clone();
        let source: SnapshotSource = Arc::new(move || vec![counted.metrics().snapshot()]);
        let fleet = self.config().instance(format!("pod-{id}"));
        let member = runtime.block_on(async {
            let member = fleet.join_as(InstanceId(id), source).unwrap();
            // The first publication, by the task, is over.
            while member.publish_status() == PublishStatus::default() {
                tokio::task::yield_now().await;
            }
            member
        });
        Process { runtime, cache, member }
    }

    fn stats(&self) -> FleetStats {
        runtime().block_on(self.config().view().unwrap().stats()).unwrap()
    }

    /// Returns the kind of error that a query returns during this fault.
    fn fails(&self, fault: Fault) -> StoreErrorKind {
        self.store.set_fault(Some(fault));
        let view = self.config().view().unwrap();
        let asked = async {
            let (answer, ()) = futures_util::join!(view.stats(), async { self.manual_clock.advance(TIMEOUT) });
            answer
        };
        let kind = runtime().block_on(asked).unwrap_err().kind();
        self.store.set_fault(None);
        kind
    }

    /// Returns the ids of the listed instances, with or without a publication.
    fn listed(&self) -> Vec<u64> {
        let store = self.config().fleet_store().unwrap();
        let instance_list = runtime().block_on(store.instance_list()).unwrap().into_value().unwrap_or_default();
        instance_list.iter().map(|id| id.0).collect()
    }
}

impl Process {
    fn counts(&self, requests: u64) {
        self.runtime.block_on(async {
            for n in 0..requests {
                self.cache.call(n % 3).await;
            }
        });
    }

    fn publishes(&self) -> Result<(), StoreError> {
        self.runtime.block_on(self.member.publish())
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn names(seen: &FleetStats) -> Vec<&str> {
    seen.instances().iter().map(|instance| instance.name.as_str()).collect()
}

#[test]
fn stats_are_the_sum_of_all_instances_with_their_ages() {
    let fleet = TestFleet::new();
    let processes = [1, 2, 3].map(|id| fleet.process(id));
    let mut requests = 0;
    let counted = processes.each_ref().map(|process| {
        requests += 10;
        process.counts(requests);
        process.publishes().unwrap();
        let counted = process.cache.metrics().stats();
        fleet.manual_clock.advance(SECOND);
        counted
    });
    // Counted, but not published yet.
    processes[0].counts(5);
    let seen = fleet.stats();
    let [one, two, three] = &counted;
    assert_eq!(seen.cache("fleet.squares").unwrap(), one.merge(two).merge(three));
    assert_eq!((seen.total(), seen.cache("another")), (seen.cache("fleet.squares"), None));
    assert_eq!(seen.caches().iter().map(|cache| cache.stats.requests()).collect::<Vec<_>>(), [60]);
    let ages: Vec<u64> = seen.instances().iter().map(|instance| instance.age.as_secs()).collect();
    assert_eq!((names(&seen), ages), (vec!["pod-1", "pod-2", "pod-3"], vec![3, 2, 1]));
    assert_eq!(seen.to_string(), "3 instances, 3.0 s old at most");
    assert_eq!(runtime().block_on(processes[2].member.stats()).unwrap(), seen, "any instance answers for all");
}

#[test]
fn crashed_instance_ages_out_and_is_removed_from_the_list() {
    let fleet = TestFleet::new();
    let [one, other] = [1, 2].map(|id| fleet.process(id));
    for process in [&one, &other] {
        process.counts(4);
        process.publishes().unwrap();
    }
    drop(other.runtime);
    drop(other.member);
    fleet.manual_clock.advance(INTERVAL * INTERVALS_BEFORE_GONE - SECOND);
    one.publishes().unwrap();
    assert_eq!((names(&fleet.stats()), fleet.stats().total().unwrap().requests()), (vec!["pod-1", "pod-2"], 8));
    fleet.manual_clock.advance(SECOND);
    assert_eq!((names(&fleet.stats()), fleet.stats().total().unwrap().requests()), (vec!["pod-1"], 4));
    for _ in 0..8 {
        one.publishes().unwrap();
    }
    assert_eq!(fleet.listed(), [1]);
}

#[test]
fn restarting_instances_do_not_accumulate_in_the_list() {
    let fleet = TestFleet::new();
    for id in 1..50 {
        fleet.process(id).publishes().unwrap();
        fleet.manual_clock.advance(INTERVAL * INTERVALS_BEFORE_GONE);
    }
    // A new instance checks one of those that are gone, so there is never more than one.
    assert!(fleet.listed().len() <= 2, "{:?}", fleet.listed());
}

#[test]
fn closed_instance_stays_marked_as_ended_until_it_ages_out() {
    let fleet = TestFleet::new();
    let Process { runtime, cache, member } = fleet.process(1);
    let publisher = runtime.block_on(async { member.publish().await.map(|()| member) }).unwrap();
    runtime.block_on(cache.call(7));
    runtime.block_on(publisher.close()).unwrap();
    runtime.block_on(cache.call(7));
    // The task of the member is over.
    runtime.block_on(async { tokio::task::yield_now().await });
    fleet.manual_clock.advance(INTERVAL);
    runtime.block_on(async { tokio::task::yield_now().await });
    let seen = fleet.stats();
    assert_eq!((seen.total().unwrap().requests(), seen.instances()[0].ended), (1, true));
    assert_eq!(seen.to_string(), "1 instances, 1 of them ended, 10.0 s old at most");
    fleet.manual_clock.advance(INTERVAL * 2);
    assert_eq!(fleet.stats().instances(), []);
}

#[test]
fn process_that_joins_twice_counts_once() {
    let fleet = TestFleet::new();
    let (one, again) = (fleet.process(1), fleet.process(1));
    one.counts(3);
    one.publishes().unwrap();
    again.publishes().unwrap();
    one.publishes().unwrap();
    assert_eq!((names(&fleet.stats()), fleet.stats().total().unwrap().requests()), (vec!["pod-1"], 3));
}

#[test]
fn concurrently_started_instances_are_all_listed() {
    let fleet = TestFleet::new();
    let source: SnapshotSource = Arc::new(Vec::new);
    runtime().block_on(async {
        let members: Vec<_> =
            (0..200).map(|id| fleet.config().join_as(InstanceId(id), Arc::clone(&source)).unwrap()).collect();
        for outcome in join_all(members.iter().map(FleetMember::publish)).await {
            outcome.unwrap();
        }
    });
    assert_eq!(fleet.stats().instances().len(), 200);
}

#[test]
fn fleets_with_other_names_in_the_same_store_are_separate() {
    let fleet = TestFleet::new();
    fleet.process(1).publishes().unwrap();
    let other = Fleet::new("shop:", fleet.store.clone()).clock(fleet.clock.clone()).view().unwrap();
    assert_eq!(runtime().block_on(other.stats()).unwrap(), FleetStats::new(vec![], 0));
    assert_eq!(fleet.stats().instances().len(), 1);
}

#[test]
fn failing_store_returns_an_error_and_publishing_recovers() {
    let fleet = TestFleet::new();
    let process = fleet.process(1);
    process.publishes().unwrap();
    let before = process.member.publish_status();
    assert!(before.bytes > 100 && before.error.is_none() && before.failed == 0, "{before:?}");
    let refused = Fault::Fails(StoreErrorKind::Refused);
    assert_eq!(fleet.fails(refused), StoreErrorKind::Refused);
    assert_eq!(fleet.fails(Fault::Panics), StoreErrorKind::Other);
    assert_eq!(fleet.fails(Fault::Hangs), StoreErrorKind::Timeout);

    fleet.store.set_fault(Some(refused));
    assert_eq!(process.publishes().unwrap_err().kind(), StoreErrorKind::Refused);
    let status = process.member.publish_status();
    assert_eq!((status.failed, status.error), (1, Some(StoreErrorKind::Refused)));
    assert_eq!((status.succeeded, status.bytes), (before.succeeded, before.bytes));
    process.counts(2);
    fleet.store.set_fault(None);
    process.publishes().unwrap();
    assert_eq!((process.member.publish_status().error, fleet.stats().total().unwrap().requests()), (None, 2));
}

#[test]
fn damaged_bytes_are_counted_and_overwritten() {
    let fleet = TestFleet::new();
    let [one, other] = [1, 2].map(|id| fleet.process(id));
    one.publishes().unwrap();
    other.publishes().unwrap();
    fleet.store.corrupt_entries(|bytes| {
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
    });
    assert_eq!(fleet.stats(), FleetStats::new(vec![], 1), "the instance list");
    one.publishes().unwrap();
    assert_eq!((names(&fleet.stats()), fleet.listed()), (vec!["pod-1"], vec![1]));
    other.publishes().unwrap();
    assert_eq!((fleet.stats().instances().len(), fleet.stats().unreadable()), (2, 0));

    // Bytes of another version, or of another program.
    let store = fleet.config().fleet_store().unwrap();
    runtime().block_on(store.put(InstanceId(2), b"not ours", INTERVAL)).unwrap();
    assert_eq!(fleet.stats().to_string(), "1 instances, 0.0 s old at most, 1 unreadable");
}

#[test]
fn lost_entries_are_restored_by_the_next_publications() {
    let fleet = TestFleet::new();
    let processes = [1, 2].map(|id| fleet.process(id));
    for _ in 0..2 {
        for process in &processes {
            process.publishes().unwrap();
        }
        assert_eq!(fleet.listed(), [1, 2]);
        runtime().block_on(fleet.store.clear(&scope())).unwrap();
        assert_eq!(fleet.stats().instances(), []);
    }
}

#[test]
fn instance_that_dies_with_the_lease_blocks_others_for_its_term() {
    let fleet = TestFleet::new();
    let process = fleet.process(1);
    runtime().block_on(fleet.store.clear(&scope())).unwrap();
    let (instance_list, dead) = (scope().key("instance_list").unwrap(), LeaseToken::from_random(7));
    let term = SECOND * 86_400 * 365;
    runtime().block_on(fleet.store.lease(&instance_list, dead, term)).unwrap();
    let passing = async {
        loop {
            tokio::task::yield_now().await;
            fleet.manual_clock.advance(SECOND / 100);
        }
    };
    let publish = pin!(process.member.publish());
    let Either::Left((outcome, _)) = process.runtime.block_on(select(publish, pin!(passing)));
    assert_eq!(outcome.unwrap_err().kind(), StoreErrorKind::Timeout);
    fleet.manual_clock.advance(term);
    process.publishes().unwrap();
    assert_eq!(fleet.listed(), [1]);
}

#[test]
fn instance_list_is_renewed_before_it_expires() {
    let fleet = TestFleet::new();
    let process = fleet.process(1);
    for _ in 0..30 {
        process.publishes().unwrap();
        assert_eq!(fleet.listed(), [1]);
        fleet.manual_clock.advance(SECOND * 3600);
    }
}

#[test]
fn invalid_configurations_are_rejected() {
    let fleet = TestFleet::new();
    let says = |fleet: Fleet| runtime().block_on(async { fleet.join() }).unwrap_err().to_string();
    assert!(fleet.config().join().unwrap_err().to_string().contains("tokio runtime"));
    assert!(says(fleet.config().publish_every(Duration::ZERO)).contains("publish_every must be greater than zero"));
    assert!(says(fleet.config().age_out_after(INTERVAL)).contains("use three times"));
    assert!(says(fleet.config().timeout(Duration::ZERO)).contains("set 100 ms"));
    assert!(says(Fleet::new("", fleet.store.clone())).contains("must not be empty"));
    assert!(Fleet::new("x".repeat(200), fleet.store.clone()).view().is_err());
}

fn scope() -> Scope {
    Scope::new("shop", "cachescope.fleet", 1).unwrap()
}
