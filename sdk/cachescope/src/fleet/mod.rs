//! A fleet without a collector: its instances publish their numbers in a store they share, and any of them answers for
//! all.

mod id;
mod member;
mod place;
mod published;
mod publisher;
mod roster;
mod stats;
mod view;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::ByteStore;
use cachescope_core::{Clock, ConfigError};
use tokio::runtime::Handle;

use self::id::InstanceId;
pub use self::member::FleetMember;
use self::place::Place;
pub use self::publisher::Publishing;
use self::publisher::{Publisher, Source};
pub use self::stats::{FleetInstance, FleetStats};
pub use self::view::FleetView;
use crate::live::{LiveCache, caches};

/// Rarely enough to be no load, and young enough for who looks at it.
const INTERVAL: Duration = Duration::from_secs(10);
/// Two publications may be late or lost before an instance counts as gone.
const INTERVALS: u32 = 3;
/// Nobody waits for it but who asks, who is a person.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The processes of a service that share a store, as one: each publishes what its caches count, and any of them tells
/// what all did, without a collector. For dashboards and history over time, send metrics to a collector.
///
/// ```no_run
/// use std::time::Duration;
/// use cachescope::Fleet;
///
/// # async fn example(redis: std::sync::Arc<dyn cachescope::ByteStore>) -> Result<(), Box<dyn std::error::Error>> {
/// let fleet = Fleet::of("shop", redis).publish_every(Duration::from_secs(10)).join()?;
///
/// let seen = fleet.stats().await?;
/// println!("{seen}"); // 4 instances, 9.1 s old at most
/// if let Some(user) = seen.cache("user.by_id") {
///     println!("{:?} of {} requests were hits", user.hit_rate(), user.requests());
/// }
/// fleet.close().await?; // publishes the last numbers
/// # Ok(()) }
/// ```
///
/// - **What it says is exact:** the sum of what the caches of the processes it lists have counted, each at the age that is
///   said with it: caches that live, each since it was built or last reset. One that is dropped takes its numbers along;
///   what `Builder::persist_metrics` restored isn't counted again.
/// - **Who crashes ages out,** by the store's clock: its entry's life ends, three intervals after it was published last.
///   One that ended in order stays as long, marked as ended.
/// - **What is stored** are names and labels of caches and what they counted; no key and no value.
/// - **A store that is down** disturbs no cache. Publishing goes on with the next interval; an answer is an error that
///   says its kind.
/// - **What it costs:** each interval a write of the numbers and a read of a list of the instances, each eighth time
///   also a read of another's numbers and a sweep. Those of a cache that is busy in most ways there are
///   take 9 kB, and with the feature `zstd` 2.2 kB; those of a hundred 900 kB and 105 kB. They are read and encoded off
///   the threads that tasks run on. Give all instances of a fleet the feature, or none.
#[derive(Clone)]
#[must_use = "a fleet is to be joined or viewed"]
pub struct Fleet {
    name: String,
    store: Arc<dyn ByteStore>,
    instance: Option<String>,
    interval: Duration,
    life: Option<Duration>,
    timeout: Duration,
    clock: Clock,
}

impl Fleet {
    /// The fleet called `name` in `store`: those of one name are one fleet, so name it as the service, and the
    /// environment if several share the store.
    pub fn of(name: impl Into<String>, store: impl ByteStore) -> Self {
        Self {
            name: name.into(),
            store: Arc::new(store),
            instance: None,
            interval: INTERVAL,
            life: None,
            timeout: TIMEOUT,
            clock: Clock::system(),
        }
    }

    /// What this process is called in [`FleetInstance::name`], for people: its host, its pod, its
    /// `service.instance.id`. Two may be called the same, and still are two. Default: its random id.
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// How often this process publishes, and so how old its numbers get. Default: 10 seconds.
    pub fn publish_every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long after its last publication this process still counts, should it crash. Default: three intervals. At least
    /// two, so that a live one stays.
    pub fn age_out_after(mut self, life: Duration) -> Self {
        self.life = Some(life);
        self
    }

    /// How long one operation on the store may take. Default: 2 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The time to live by. Default: the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Has this process publish what its caches count, all that there are and will be, for as long as what this returns
    /// is held. The first publication begins at once, as a task of the current tokio runtime.
    ///
    /// A process that joins twice counts once, and is shown as ended from the end of one to the next publication of the
    /// other.
    ///
    /// # Errors
    /// If there is no tokio runtime here, a time can't work or the name is empty or longer than some 150 bytes.
    pub fn join(self) -> Result<FleetMember, ConfigError> {
        let own = || caches().iter().map(LiveCache::own_snapshot).collect();
        self.join_as(InstanceId::of_this_process(), Arc::new(own))
    }

    /// A view of the fleet for a process that isn't of it, or has no caches.
    ///
    /// # Errors
    /// If the timeout is zero or the name is empty or longer than some 150 bytes.
    pub fn view(self) -> Result<FleetView, ConfigError> {
        Ok(FleetView::new(Arc::new(self.place()?)))
    }

    fn join_as(self, id: InstanceId, source: Source) -> Result<FleetMember, ConfigError> {
        let Ok(runtime) = Handle::try_current() else {
            return Err(ConfigError::new("a fleet is joined within a tokio runtime: call join in an async function"));
        };
        let (interval, life) = (self.interval, self.life.unwrap_or(self.interval.saturating_mul(INTERVALS)));
        if interval.is_zero() {
            return Err(ConfigError::new("numbers published every 0 s leave no time for else: give it 10 s, say"));
        }
        if life < interval.saturating_mul(2) {
            return Err(ConfigError::new(
                "an instance that ages out within two intervals comes and goes: give age_out_after three of them",
            ));
        }
        let place = Arc::new(self.place()?);
        let publisher = Publisher::new(place, id, self.instance, life, source, runtime);
        Ok(FleetMember::start(publisher, interval))
    }

    fn place(&self) -> Result<Place, ConfigError> {
        Place::new(&self.name, Arc::clone(&self.store), self.timeout, self.clock.clone())
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("name", &self.name).field("store", &self.store).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::pin;

    use cachescope_core::contract::{Fault, InMemory};
    use cachescope_core::shared::{LeaseToken, Scope, StoreError};
    use cachescope_core::{ClockHands, StoreErrorKind};
    use futures_util::future::{Either, join_all, select};
    use tokio::runtime::Runtime;

    use super::*;
    use crate::{Cached, cached};

    const SECOND: Duration = Duration::from_secs(1);

    /// A store that several processes share, and their time.
    struct Ground {
        clock: Clock,
        hands: ClockHands,
        store: InMemory,
    }

    /// A process: its tasks run while something is done in it, and die with it.
    struct Process {
        runtime: Runtime,
        cache: Cached<u64, u64, Infallible>,
        member: FleetMember,
    }

    impl Ground {
        fn new() -> Self {
            let (clock, hands) = Clock::manual();
            Self { store: InMemory::new(clock.clone()), clock, hands }
        }

        fn fleet(&self) -> Fleet {
            Fleet::of("shop", self.store.clone()).clock(self.clock.clone())
        }

        fn process(&self, id: u64) -> Process {
            let runtime = runtime();
            let cache = cached("fleet.squares", |n: u64| async move { n * n }).clock(self.clock.clone()).build();
            let counted = cache.clone();
            let source: Source = Arc::new(move || vec![counted.metrics().snapshot()]);
            let fleet = self.fleet().instance(format!("pod-{id}"));
            let member = runtime.block_on(async {
                let member = fleet.join_as(InstanceId(id), source).unwrap();
                // What it does first on its own is over.
                while member.publishing() == Publishing::default() {
                    tokio::task::yield_now().await;
                }
                member
            });
            Process { runtime, cache, member }
        }

        fn stats(&self) -> FleetStats {
            runtime().block_on(self.fleet().view().unwrap().stats()).unwrap()
        }

        /// What the store answers a question that it doesn't answer.
        fn fails(&self, fault: Fault) -> StoreErrorKind {
            self.store.set_fault(Some(fault));
            let view = self.fleet().view().unwrap();
            let asked = async {
                let (answer, ()) = futures_util::join!(view.stats(), async { self.hands.advance(TIMEOUT) });
                answer
            };
            let kind = runtime().block_on(asked).unwrap_err().kind();
            self.store.set_fault(None);
            kind
        }

        /// The names of those that are listed, published or not.
        fn listed(&self) -> Vec<u64> {
            let place = self.fleet().place().unwrap();
            let roster = runtime().block_on(place.roster()).unwrap().known().unwrap_or_default();
            roster.iter().map(|id| id.0).collect()
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
    fn an_answer_is_the_sum_of_what_each_counted_at_its_age() {
        let ground = Ground::new();
        let processes = [1, 2, 3].map(|id| ground.process(id));
        let mut requests = 0;
        let counted = processes.each_ref().map(|process| {
            requests += 10;
            process.counts(requests);
            process.publishes().unwrap();
            let counted = process.cache.metrics().stats();
            ground.hands.advance(SECOND);
            counted
        });
        // Counted since, and not published yet.
        processes[0].counts(5);
        let seen = ground.stats();
        let [one, two, three] = &counted;
        assert_eq!(seen.cache("fleet.squares").unwrap(), one.merge(two).merge(three));
        assert_eq!((seen.total(), seen.cache("another")), (seen.cache("fleet.squares"), None));
        assert_eq!(seen.caches().iter().map(|cache| cache.stats.requests()).collect::<Vec<_>>(), [60]);
        let ages: Vec<u64> = seen.instances().iter().map(|instance| instance.age.as_secs()).collect();
        assert_eq!((names(&seen), ages), (vec!["pod-1", "pod-2", "pod-3"], vec![3, 2, 1]));
        assert_eq!(seen.to_string(), "3 instances, 3.0 s old at most");
        assert_eq!(runtime().block_on(processes[2].member.stats()).unwrap(), seen, "whoever is asked");
    }

    #[test]
    fn one_that_crashed_ages_out_and_is_taken_off_the_roster() {
        let ground = Ground::new();
        let [one, other] = [1, 2].map(|id| ground.process(id));
        for process in [&one, &other] {
            process.counts(4);
            process.publishes().unwrap();
        }
        drop(other.runtime);
        drop(other.member);
        ground.hands.advance(INTERVAL * INTERVALS - SECOND);
        one.publishes().unwrap();
        assert_eq!((names(&ground.stats()), ground.stats().total().unwrap().requests()), (vec!["pod-1", "pod-2"], 8));
        ground.hands.advance(SECOND);
        assert_eq!((names(&ground.stats()), ground.stats().total().unwrap().requests()), (vec!["pod-1"], 4));
        for _ in 0..8 {
            one.publishes().unwrap();
        }
        assert_eq!(ground.listed(), [1]);
    }

    #[test]
    fn one_that_starts_again_and_again_leaves_no_trail() {
        let ground = Ground::new();
        for id in 1..50 {
            ground.process(id).publishes().unwrap();
            ground.hands.advance(INTERVAL * INTERVALS);
        }
        // It looks at one of those that are gone when it comes; there is never more than one.
        assert!(ground.listed().len() <= 2, "{:?}", ground.listed());
    }

    #[test]
    fn one_that_ended_stays_marked_until_it_ages_out_and_publishes_no_more() {
        let ground = Ground::new();
        let Process { runtime, cache, member } = ground.process(1);
        let publisher = runtime.block_on(async { member.publish().await.map(|()| member) }).unwrap();
        runtime.block_on(cache.call(7));
        runtime.block_on(publisher.close()).unwrap();
        runtime.block_on(cache.call(7));
        // What it does on its own is over.
        runtime.block_on(async { tokio::task::yield_now().await });
        ground.hands.advance(INTERVAL);
        runtime.block_on(async { tokio::task::yield_now().await });
        let seen = ground.stats();
        assert_eq!((seen.total().unwrap().requests(), seen.instances()[0].ended), (1, true));
        assert_eq!(seen.to_string(), "1 instances, 1 of them ended, 10.0 s old at most");
        ground.hands.advance(INTERVAL * 2);
        assert_eq!(ground.stats().instances(), []);
    }

    #[test]
    fn a_process_that_joins_twice_counts_once() {
        let ground = Ground::new();
        let (one, again) = (ground.process(1), ground.process(1));
        one.counts(3);
        one.publishes().unwrap();
        again.publishes().unwrap();
        one.publishes().unwrap();
        assert_eq!((names(&ground.stats()), ground.stats().total().unwrap().requests()), (vec!["pod-1"], 3));
    }

    #[test]
    fn those_that_start_at_once_are_all_listed() {
        let ground = Ground::new();
        let source: Source = Arc::new(Vec::new);
        runtime().block_on(async {
            let members: Vec<_> =
                (0..200).map(|id| ground.fleet().join_as(InstanceId(id), Arc::clone(&source)).unwrap()).collect();
            for outcome in join_all(members.iter().map(FleetMember::publish)).await {
                outcome.unwrap();
            }
        });
        assert_eq!(ground.stats().instances().len(), 200);
    }

    #[test]
    fn fleets_of_other_names_and_caches_in_the_same_store_are_apart() {
        let ground = Ground::new();
        ground.process(1).publishes().unwrap();
        let other = Fleet::of("shop:", ground.store.clone()).clock(ground.clock.clone()).view().unwrap();
        assert_eq!(runtime().block_on(other.stats()).unwrap(), FleetStats::new(vec![], 0));
        assert_eq!(ground.stats().instances().len(), 1);
    }

    #[test]
    fn a_store_that_fails_hangs_or_panics_is_an_error_of_its_kind_and_publishing_goes_on() {
        let ground = Ground::new();
        let process = ground.process(1);
        process.publishes().unwrap();
        let before = process.member.publishing();
        assert!(before.bytes > 100 && before.error.is_none() && before.failed == 0, "{before:?}");
        let refused = Fault::Fails(StoreErrorKind::Refused);
        assert_eq!(ground.fails(refused), StoreErrorKind::Refused);
        assert_eq!(ground.fails(Fault::Panics), StoreErrorKind::Other);
        assert_eq!(ground.fails(Fault::Hangs), StoreErrorKind::Timeout);

        ground.store.set_fault(Some(refused));
        assert_eq!(process.publishes().unwrap_err().kind(), StoreErrorKind::Refused);
        let told = process.member.publishing();
        assert_eq!((told.failed, told.error), (1, Some(StoreErrorKind::Refused)));
        assert_eq!((told.succeeded, told.bytes), (before.succeeded, before.bytes));
        process.counts(2);
        ground.store.set_fault(None);
        process.publishes().unwrap();
        assert_eq!((process.member.publishing().error, ground.stats().total().unwrap().requests()), (None, 2));
    }

    #[test]
    fn damaged_bytes_are_counted_and_written_over() {
        let ground = Ground::new();
        let [one, other] = [1, 2].map(|id| ground.process(id));
        one.publishes().unwrap();
        other.publishes().unwrap();
        ground.store.change_bytes(|bytes| {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        });
        assert_eq!(ground.stats(), FleetStats::new(vec![], 1), "the roster");
        one.publishes().unwrap();
        assert_eq!((names(&ground.stats()), ground.listed()), (vec!["pod-1"], vec![1]));
        other.publishes().unwrap();
        assert_eq!((ground.stats().instances().len(), ground.stats().unreadable()), (2, 0));

        // One of another version, or somebody else's.
        let place = ground.fleet().place().unwrap();
        runtime().block_on(place.put(InstanceId(2), b"not ours", INTERVAL)).unwrap();
        assert_eq!(ground.stats().to_string(), "1 instances, 0.0 s old at most, 1 unreadable");
    }

    #[test]
    fn what_the_store_lost_is_there_again_once_each_has_published() {
        let ground = Ground::new();
        let processes = [1, 2].map(|id| ground.process(id));
        for _ in 0..2 {
            for process in &processes {
                process.publishes().unwrap();
            }
            assert_eq!(ground.listed(), [1, 2]);
            runtime().block_on(ground.store.clear(&scope())).unwrap();
            assert_eq!(ground.stats().instances(), []);
        }
    }

    #[test]
    fn one_that_died_while_it_listed_itself_holds_the_others_up_for_a_term() {
        let ground = Ground::new();
        let process = ground.process(1);
        runtime().block_on(ground.store.clear(&scope())).unwrap();
        let (roster, dead) = (scope().key("roster").unwrap(), LeaseToken::from_random(7));
        let term = SECOND * 86_400 * 365;
        runtime().block_on(ground.store.lease(&roster, dead, term)).unwrap();
        let passing = async {
            loop {
                tokio::task::yield_now().await;
                ground.hands.advance(SECOND / 100);
            }
        };
        let publish = pin!(process.member.publish());
        let Either::Left((outcome, _)) = process.runtime.block_on(select(publish, pin!(passing)));
        assert_eq!(outcome.unwrap_err().kind(), StoreErrorKind::Timeout);
        ground.hands.advance(term);
        process.publishes().unwrap();
        assert_eq!(ground.listed(), [1]);
    }

    #[test]
    fn a_roster_is_renewed_before_its_life_is_over() {
        let ground = Ground::new();
        let process = ground.process(1);
        for _ in 0..30 {
            process.publishes().unwrap();
            assert_eq!(ground.listed(), [1]);
            ground.hands.advance(SECOND * 3600);
        }
    }

    #[test]
    fn what_cannot_work_is_said() {
        let ground = Ground::new();
        let says = |fleet: Fleet| runtime().block_on(async { fleet.join() }).unwrap_err().to_string();
        assert!(ground.fleet().join().unwrap_err().to_string().contains("tokio runtime"));
        assert!(says(ground.fleet().publish_every(Duration::ZERO)).contains("give it 10 s"));
        assert!(says(ground.fleet().age_out_after(INTERVAL)).contains("three of them"));
        assert!(says(ground.fleet().timeout(Duration::ZERO)).contains("give it 100 ms"));
        assert!(says(Fleet::of("", ground.store.clone())).contains("needs a namespace"));
        assert!(Fleet::of("x".repeat(200), ground.store.clone()).view().is_err());
    }

    fn scope() -> Scope {
        Scope::new("shop", "cachescope.fleet", 1).unwrap()
    }
}
