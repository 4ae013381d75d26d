//! What one collection reads of all caches, read once: the SDK asks each instrument by a callback of its own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use super::group::Group;
use super::registry::Registry;
use crate::clock::{Clock, Moment};

/// A collection asks its callbacks in the order they were made. One that pauses this long between two isn't one.
const LONGEST: Duration = Duration::from_secs(5);

/// Each reader collects by itself, and few meter providers have more of them.
const MOST: usize = 4;

/// The collections under way, each known by its thread.
///
/// Whatever the SDK does instead, the numbers are right: a callback that doesn't go on where its thread stopped
/// reads the caches anew.
pub(crate) struct Rounds {
    /// Kept for as long as the provider keeps the callbacks: what caches counted is to be told when they are gone, and
    /// with them the last handle on their telemetry. It keeps no cache.
    registry: Arc<Registry>,
    callbacks: AtomicU32,
    open: Mutex<Vec<Round>>,
}

/// What a callback asks.
pub(crate) struct Asker {
    rounds: Arc<Rounds>,
    number: u32,
}

/// One collection, from its first callback on.
struct Round {
    thread: ThreadId,
    began: Moment,
    /// The number of the callback that asked last.
    last: u32,
    groups: Arc<[Group]>,
}

impl Rounds {
    pub(crate) fn new(registry: &Arc<Registry>) -> Arc<Self> {
        Arc::new(Self { registry: Arc::clone(registry), callbacks: AtomicU32::new(0), open: Mutex::new(Vec::new()) })
    }

    /// For the next callback that is made.
    pub(crate) fn asker(self: &Arc<Self>) -> Asker {
        Asker { rounds: Arc::clone(self), number: self.callbacks.fetch_add(1, Ordering::Relaxed) }
    }

    /// Those of the callback's round, or new ones that it begins a round with.
    fn groups(&self, callback: u32, thread: ThreadId, now: Moment) -> Arc<[Group]> {
        if let Some(groups) = self.go_on(callback, thread, now) {
            return groups;
        }
        // No lock is held: this may run a user's code.
        let groups: Arc<[Group]> = self.registry.groups().into();
        if !self.is_last(callback) {
            let round = Round { thread, began: now, last: callback, groups: Arc::clone(&groups) };
            let mut open = self.lock();
            if open.len() == MOST {
                open.remove(0);
            }
            open.push(round);
        }
        groups
    }

    /// The groups of this thread's round if the callback is one of those to come. Ends the round where it isn't, and
    /// where it is the last.
    fn go_on(&self, callback: u32, thread: ThreadId, now: Moment) -> Option<Arc<[Group]>> {
        let mut open = self.lock();
        let index = open.iter().position(|round| round.thread == thread)?;
        let round = &mut open[index];
        let goes_on = callback > round.last && now.since(round.began) <= LONGEST;
        let groups = goes_on.then(|| Arc::clone(&round.groups));
        round.last = callback;
        if !goes_on || self.is_last(callback) {
            open.remove(index);
        }
        groups
    }

    fn is_last(&self, callback: u32) -> bool {
        callback + 1 == self.callbacks.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Round>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asker {
    /// The numbers of all caches, the same for every callback of a collection.
    pub(crate) fn groups(&self) -> Arc<[Group]> {
        self.rounds.groups(self.number, thread::current().id(), Clock::system().now())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use opentelemetry::metrics::noop::NoopMeterProvider;
    use opentelemetry::trace::noop::NoopTracerProvider;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};

    use super::*;
    use crate::outcome::{Ending, RequestResult};
    use crate::recorder::{HitTiming, Recorder};
    use crate::store::Levels;
    use crate::telemetry::{Identity, Labels, Registration, Source, Telemetry};

    /// A source that counts how often it is asked.
    #[derive(Default)]
    struct Asked {
        times: AtomicUsize,
        panics: bool,
    }

    impl Source for Asked {
        fn levels(&self) -> Levels {
            assert!(!self.panics, "on purpose");
            Levels { entries: self.times.fetch_add(1, Ordering::Relaxed) as u64 + 1, ..Levels::default() }
        }

        fn longest_wait(&self) -> Duration {
            Duration::from_secs(1)
        }
    }

    fn recorder(telemetry: Telemetry, name: &str) -> Arc<Recorder> {
        let identity = Identity { cache: name.to_owned(), store: "test", error_type: None, labels: Labels::new() };
        Arc::new(Recorder::new(identity, telemetry, None, HitTiming::Paced))
    }

    fn registered(registry: &Registry, name: &str, source: &Arc<Asked>) -> (Arc<Recorder>, Registration) {
        let recorder = recorder(Telemetry::new(NoopMeterProvider::new(), NoopTracerProvider::new()), name);
        let source: Arc<dyn Source> = Arc::<Asked>::clone(source);
        let registration = registry.register(&recorder, Arc::downgrade(&source));
        (recorder, registration)
    }

    /// Rounds of three callbacks over one cache.
    fn of_three() -> (Arc<Rounds>, Arc<Asked>, impl Sized) {
        let (registry, source) = (Arc::new(Registry::default()), Arc::new(Asked::default()));
        let registered = registered(&registry, "rounds", &source);
        let rounds = Rounds::new(&registry);
        (0..3).for_each(|_| drop(rounds.asker()));
        (rounds, source, (registry, registered))
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }

    fn entries(groups: &[Group]) -> u64 {
        groups[0].levels.unwrap().entries
    }

    #[test]
    fn the_callbacks_of_a_collection_share_one_reading_which_goes_with_the_last() {
        let (rounds, source, _alive) = of_three();
        let thread = thread::current().id();
        for collection in 1..=3 {
            let seen = [0, 1, 2].map(|callback| entries(&rounds.groups(callback, thread, at(1))));
            assert_eq!(seen, [collection; 3]);
            assert!(rounds.lock().is_empty());
        }
        assert_eq!(source.times.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn a_callback_out_of_turn_reads_anew() {
        let (rounds, _source, _alive) = of_three();
        let thread = thread::current().id();
        let ask = |callback, seconds| entries(&rounds.groups(callback, thread, at(seconds)));
        // A view dropped the last two instruments.
        assert_eq!([ask(0, 1), ask(0, 1)], [1, 2]);
        assert_eq!([ask(1, 1), ask(0, 1)], [2, 3]);
        // Long after.
        assert_eq!([ask(1, 6), ask(1, 7), ask(2, 13)], [3, 4, 5]);
        assert_eq!(ask(2, 13), 6);
    }

    #[test]
    fn collections_on_two_threads_each_have_their_own() {
        let (rounds, _source, _alive) = of_three();
        let here = thread::current().id();
        let there = thread::spawn(|| thread::current().id()).join().unwrap();
        let ask = |callback, thread| entries(&rounds.groups(callback, thread, at(1)));
        assert_eq!([ask(0, here), ask(0, there), ask(1, here), ask(1, there)], [1, 2, 1, 2]);
        assert_eq!([ask(2, there), ask(2, here)], [2, 1]);
        assert!(rounds.lock().is_empty());
    }

    #[test]
    fn rounds_that_never_end_are_few() {
        let (rounds, _source, _alive) = of_three();
        for _ in 0..3 * MOST {
            let thread = thread::spawn(|| thread::current().id()).join().unwrap();
            rounds.groups(0, thread, at(1));
        }
        assert_eq!(rounds.lock().len(), MOST);
    }

    #[test]
    fn an_open_round_keeps_no_cache_and_no_recorder() {
        let (registry, source) = (Arc::new(Registry::default()), Arc::new(Asked::default()));
        let (recorder, registration) = registered(&registry, "rounds", &source);
        let rounds = Rounds::new(&registry);
        let [first, _last] = [rounds.asker(), rounds.asker()];
        assert_eq!(entries(&first.groups()), 1);
        drop(registration);
        assert_eq!(rounds.lock().len(), 1);
        assert_eq!((Arc::strong_count(&recorder), Arc::strong_count(&source)), (1, 1));
    }

    #[test]
    fn what_a_cache_counted_outlives_it_and_the_last_handle_on_its_telemetry() {
        let seen = InMemoryMetricExporter::default();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(seen.clone()).build();
        let telemetry = Telemetry::new(meters.clone(), NoopTracerProvider::new());
        let recorder = recorder(telemetry.clone(), "rounds");
        let source: Arc<dyn Source> = Arc::<Asked>::default();
        let registration = telemetry.register(&recorder, Arc::downgrade(&source));
        recorder.request_started();
        recorder.request_ended(Ending::of(RequestResult::Absent), Duration::ZERO);
        drop((registration, recorder, telemetry));
        meters.force_flush().unwrap();
        let exported = seen.get_finished_metrics().unwrap();
        let metrics = exported.iter().flat_map(|all| all.scope_metrics()).flat_map(|scope| scope.metrics());
        let requests = metrics.filter(|metric| metric.name() == "cachescope.requests").map(|metric| {
            let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() else { panic!("{metric:?}") };
            sum.data_points().map(|point| point.value()).sum::<u64>()
        });
        assert_eq!(requests.sum::<u64>(), 1);
    }

    #[test]
    fn a_panic_costs_what_was_asked_for_of_that_cache_and_no_more() {
        let registry = Arc::new(Registry::default());
        let (well, ill) = (Arc::new(Asked::default()), Arc::new(Asked { panics: true, ..Asked::default() }));
        let (_well, (recorder, _ill)) = (registered(&registry, "b.well", &well), registered(&registry, "a.ill", &ill));
        recorder.load_started();
        let groups = Rounds::new(&registry).asker().groups();
        let [ill, well] = &groups[..] else { panic!("two names") };
        assert_eq!((ill.levels, ill.longest_wait, ill.loads_active), (None, Some(Duration::from_secs(1)), 1));
        assert!(ill.endings().count() > 0 && well.levels.is_some());
    }
}
