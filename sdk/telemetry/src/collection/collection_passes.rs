//! The collection passes of a meter provider. The SDK calls one callback per instrument; all callbacks of a pass share
//! one snapshot of the caches.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use cachescope_core::{Clock, Timestamp};

use super::cache_registry::CacheRegistry;
use super::group_snapshot::GroupSnapshot;

/// The maximum pause between two callbacks of a pass. The SDK calls its callbacks in the order in which they were
/// created.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The maximum number of open passes. Each reader collects by itself, and few meter providers have more readers.
const MAX_OPEN: usize = 4;

/// The passes that are open, each known by its thread.
///
/// The numbers are right whatever the SDK does: a callback that doesn't continue its thread's pass takes a new
/// snapshot.
pub(crate) struct CollectionPasses {
    /// Kept while the provider keeps the callbacks, because the counters of dropped caches are still reported after the
    /// last handle on their telemetry is gone. It keeps no cache alive.
    registry: Arc<CacheRegistry>,
    callbacks: AtomicU32,
    open: Mutex<Vec<CollectionPass>>,
}

/// The handle through which a callback reads its pass.
pub(crate) struct CallbackHandle {
    passes: Arc<CollectionPasses>,
    number: u32,
}

/// One collection, from its first callback on.
struct CollectionPass {
    thread: ThreadId,
    began: Timestamp,
    /// The number of the last callback that read this pass.
    last: u32,
    groups: Arc<[GroupSnapshot]>,
}

impl CollectionPasses {
    pub(crate) fn new(registry: &Arc<CacheRegistry>) -> Arc<Self> {
        Arc::new(Self { registry: Arc::clone(registry), callbacks: AtomicU32::new(0), open: Mutex::new(Vec::new()) })
    }

    /// Creates the handle of the next callback.
    pub(crate) fn handle(self: &Arc<Self>) -> CallbackHandle {
        CallbackHandle { passes: Arc::clone(self), number: self.callbacks.fetch_add(1, Ordering::Relaxed) }
    }

    /// Returns the snapshot of the callback's pass, or starts a pass with a new snapshot.
    fn groups(&self, callback: u32, thread: ThreadId, now: Timestamp) -> Arc<[GroupSnapshot]> {
        if let Some(groups) = self.continue_pass(callback, thread, now) {
            return groups;
        }
        // No lock is held, because this may run a user's code.
        let groups: Arc<[GroupSnapshot]> =
            self.registry.groups().iter().map(|group| GroupSnapshot::new(group)).collect();
        if !self.is_last(callback) {
            let pass = CollectionPass { thread, began: now, last: callback, groups: Arc::clone(&groups) };
            let mut open = self.lock();
            if open.len() == MAX_OPEN {
                open.remove(0);
            }
            open.push(pass);
        }
        groups
    }

    /// Returns the snapshot of this thread's pass if the callback comes next in it. Ends the pass otherwise, and after
    /// its last callback.
    fn continue_pass(&self, callback: u32, thread: ThreadId, now: Timestamp) -> Option<Arc<[GroupSnapshot]>> {
        let mut open = self.lock();
        let index = open.iter().position(|pass| pass.thread == thread)?;
        let pass = &mut open[index];
        let continues = callback > pass.last && now.since(pass.began) <= MAX_PAUSE;
        let groups = continues.then(|| Arc::clone(&pass.groups));
        pass.last = callback;
        if !continues || self.is_last(callback) {
            open.remove(index);
        }
        groups
    }

    fn is_last(&self, callback: u32) -> bool {
        callback + 1 == self.callbacks.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<CollectionPass>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallbackHandle {
    /// Returns the snapshots of all caches, the same for every callback of a collection.
    pub(crate) fn groups(&self) -> Arc<[GroupSnapshot]> {
        self.passes.groups(self.number, thread::current().id(), Clock::system().now())
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
    use crate::collection::cache_registry::{CacheRegistration, CacheSource, CountedCache};
    use crate::recorder::{HitTiming, Recorder};
    use crate::telemetry::Telemetry;
    use cachescope_core::StoreUsage;
    use cachescope_core::{CacheIdentity, Labels};
    use cachescope_core::{RequestOutcome, RequestResult};

    /// A source that counts how often it is read.
    #[derive(Default)]
    struct CountingSource {
        times: AtomicUsize,
        panics: bool,
    }

    impl CacheSource for CountingSource {
        fn usage(&self) -> StoreUsage {
            assert!(!self.panics, "on purpose");
            StoreUsage { entries: self.times.fetch_add(1, Ordering::Relaxed) as u64 + 1, ..StoreUsage::default() }
        }

        fn longest_wait(&self) -> Duration {
            Duration::from_secs(1)
        }
    }

    fn recorder(telemetry: Telemetry, name: &str) -> Arc<Recorder> {
        let identity = CacheIdentity { name: name.to_owned(), store: "test", error_type: None, labels: Labels::new() };
        Arc::new(Recorder::new(identity, telemetry, None, HitTiming::Paced))
    }

    fn registered(
        registry: &CacheRegistry,
        name: &str,
        source: &Arc<CountingSource>,
    ) -> (Arc<Recorder>, CacheRegistration) {
        let recorder = recorder(Telemetry::new(NoopMeterProvider::new(), NoopTracerProvider::new()), name);
        let source: Arc<dyn CacheSource> = Arc::<CountingSource>::clone(source);
        let counted: Arc<dyn CountedCache> = Arc::<Recorder>::clone(&recorder);
        let registration = registry.register(&counted, Arc::downgrade(&source));
        (recorder, registration)
    }

    /// Passes of three callbacks over one cache.
    fn of_three() -> (Arc<CollectionPasses>, Arc<CountingSource>, impl Sized) {
        let (registry, source) = (Arc::new(CacheRegistry::default()), Arc::new(CountingSource::default()));
        let registered = registered(&registry, "rounds", &source);
        let passes = CollectionPasses::new(&registry);
        (0..3).for_each(|_| drop(passes.handle()));
        (passes, source, (registry, registered))
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    fn entries(groups: &[GroupSnapshot]) -> u64 {
        groups[0].usage.unwrap().entries
    }

    #[test]
    fn callbacks_of_a_collection_share_one_snapshot() {
        let (passes, source, _alive) = of_three();
        let thread = thread::current().id();
        for collection in 1..=3 {
            let seen = [0, 1, 2].map(|callback| entries(&passes.groups(callback, thread, at(1))));
            assert_eq!(seen, [collection; 3]);
            assert!(passes.lock().is_empty());
        }
        assert_eq!(source.times.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn callback_out_of_order_takes_a_new_snapshot() {
        let (passes, _source, _alive) = of_three();
        let thread = thread::current().id();
        let ask = |callback, seconds| entries(&passes.groups(callback, thread, at(seconds)));
        // As if a view dropped the last two instruments.
        assert_eq!([ask(0, 1), ask(0, 1)], [1, 2]);
        assert_eq!([ask(1, 1), ask(0, 1)], [2, 3]);
        // After a long pause.
        assert_eq!([ask(1, 6), ask(1, 7), ask(2, 13)], [3, 4, 5]);
        assert_eq!(ask(2, 13), 6);
    }

    #[test]
    fn collections_on_two_threads_have_separate_snapshots() {
        let (passes, _source, _alive) = of_three();
        let here = thread::current().id();
        let there = thread::spawn(|| thread::current().id()).join().unwrap();
        let ask = |callback, thread| entries(&passes.groups(callback, thread, at(1)));
        assert_eq!([ask(0, here), ask(0, there), ask(1, here), ask(1, there)], [1, 2, 1, 2]);
        assert_eq!([ask(2, there), ask(2, here)], [2, 1]);
        assert!(passes.lock().is_empty());
    }

    #[test]
    fn number_of_unfinished_passes_is_bounded() {
        let (passes, _source, _alive) = of_three();
        for _ in 0..3 * MAX_OPEN {
            let thread = thread::spawn(|| thread::current().id()).join().unwrap();
            passes.groups(0, thread, at(1));
        }
        assert_eq!(passes.lock().len(), MAX_OPEN);
    }

    #[test]
    fn open_pass_keeps_no_cache_and_no_recorder_alive() {
        let (registry, source) = (Arc::new(CacheRegistry::default()), Arc::new(CountingSource::default()));
        let (recorder, registration) = registered(&registry, "rounds", &source);
        let passes = CollectionPasses::new(&registry);
        let [first, _last] = [passes.handle(), passes.handle()];
        assert_eq!(entries(&first.groups()), 1);
        drop(registration);
        assert_eq!(passes.lock().len(), 1);
        assert_eq!((Arc::strong_count(&recorder), Arc::strong_count(&source)), (1, 1));
    }

    #[test]
    fn counters_outlive_the_cache_and_the_last_telemetry_handle() {
        let seen = InMemoryMetricExporter::default();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(seen.clone()).build();
        let telemetry = Telemetry::new(meters.clone(), NoopTracerProvider::new());
        let recorder = recorder(telemetry.clone(), "rounds");
        let source: Arc<dyn CacheSource> = Arc::<CountingSource>::default();
        let registration = recorder.register(Arc::downgrade(&source));
        recorder.request_started();
        recorder.request_ended(RequestOutcome::new(RequestResult::Absent), Duration::ZERO);
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
    fn panicking_cache_loses_only_the_values_being_read() {
        let registry = Arc::new(CacheRegistry::default());
        let (healthy, broken) = (
            Arc::new(CountingSource::default()),
            Arc::new(CountingSource { panics: true, ..CountingSource::default() }),
        );
        let (_healthy, (recorder, _broken)) =
            (registered(&registry, "b.healthy", &healthy), registered(&registry, "a.broken", &broken));
        recorder.load_started();
        let groups = CollectionPasses::new(&registry).handle().groups();
        let [broken, healthy] = &groups[..] else { panic!("two names") };
        assert_eq!((broken.usage, broken.longest_wait, broken.loads_active), (None, Some(Duration::from_secs(1)), 1));
        assert!(broken.outcomes().count() > 0 && healthy.usage.is_some());
    }
}
