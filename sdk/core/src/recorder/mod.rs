//! What is counted of one cache, and where: hits by each thread for itself, all else in shared atomics.

mod durations;
mod histogram;
mod hits;
mod shim;
mod sizes;
mod slot;
mod totals;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::metrics::Histogram as OtelHistogram;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};

use self::durations::nanos;
use self::histogram::{Distribution, Histogram};
use self::hits::Hits;
use crate::clock::Moment;
use crate::eviction::{EvictionReason, Evictions};
use crate::outcome::{
    Ending, LoadOutcome, LoadTrigger, Operation, RejectionReason, RequestResult, StaleEvent, WaitOutcome,
};
use crate::telemetry::{AttributeSets, Identity, Instruments, Telemetry, names};

pub use self::durations::Durations;
pub use self::hits::HitCell;
pub use self::sizes::Sizes;
pub use self::totals::{Counts, Totals};

/// Counts what happens in one cache and hands it to OpenTelemetry.
///
/// Counters are exact and never sampled. Each duration and each size goes into a histogram of our own, for
/// [`Recorder::counts`], and into OpenTelemetry's, so that both hold the same number of them.
/// A hit costs one plain store to a cell of the thread's own; everything else is off that path and costs
/// a few atomic additions, and about 100 ns per duration or size when an SDK is set up.
///
/// Pairing starts with ends is the caller's: use guards.
#[derive(Debug)]
pub struct Recorder {
    identity: Identity,
    attributes: Arc<AttributeSets>,
    telemetry: Telemetry,
    evictions: Option<Evictions>,
    hits: Hits,
    timed_hits: AtomicU64,
    started: AtomicU64,
    active: AtomicU64,
    ended: [AtomicU64; Ending::COUNT],
    loads_active: AtomicU64,
    loads: [[AtomicU64; LoadOutcome::ALL.len()]; LoadTrigger::ALL.len()],
    rejected: [AtomicU64; RejectionReason::ALL.len()],
    waits_active: AtomicU64,
    waits: [AtomicU64; WaitOutcome::ALL.len()],
    request_durations: [Lazy; RequestResult::ALL.len()],
    load_durations: [Lazy; LoadTrigger::ALL.len()],
    wait_durations: [Lazy; WaitOutcome::ALL.len()],
    operation_durations: [Lazy; Operation::ALL.len()],
    stale_ages: [Lazy; StaleEvent::ALL.len()],
    entry_sizes: Lazy,
}

/// Picks one of OpenTelemetry's histograms.
type Theirs = fn(&Instruments) -> &OtelHistogram<f64>;

/// A histogram that takes its 2.5 KB when it has something to hold.
#[derive(Debug, Default)]
struct Lazy(OnceLock<Box<Histogram>>);

impl Lazy {
    fn record(&self, value: u64) {
        self.0.get_or_init(|| Box::new(Histogram::new())).record(value);
    }

    fn snapshot(&self) -> Distribution {
        self.0.get().map(|histogram| histogram.snapshot()).unwrap_or_default()
    }

    fn durations(&self) -> Durations {
        Durations::of(self.snapshot())
    }
}

impl Recorder {
    /// A recorder whose durations go to `telemetry`. Evictions are reported if `evictions` counts them;
    /// otherwise nothing is said of them, rather than zero.
    #[must_use]
    pub fn new(identity: Identity, telemetry: Telemetry, evictions: Option<Evictions>) -> Self {
        Self {
            attributes: Arc::new(AttributeSets::of(&identity, evictions.is_some())),
            identity,
            telemetry,
            evictions,
            hits: Hits::default(),
            timed_hits: AtomicU64::new(0),
            started: AtomicU64::new(0),
            active: AtomicU64::new(0),
            ended: [const { AtomicU64::new(0) }; Ending::COUNT],
            loads_active: AtomicU64::new(0),
            loads: Default::default(),
            rejected: Default::default(),
            waits_active: AtomicU64::new(0),
            waits: Default::default(),
            request_durations: Default::default(),
            load_durations: Default::default(),
            wait_durations: Default::default(),
            operation_durations: Default::default(),
            stale_ages: Default::default(),
            entry_sizes: Lazy::default(),
        }
    }

    /// Who the numbers are about.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where they go.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    pub(crate) fn attributes(&self) -> &Arc<AttributeSets> {
        &self.attributes
    }

    /// The cell this thread counts its hits in, if a hit may be counted there and nothing else is due:
    /// it has a cell, this hit isn't to be timed, and no span is active.
    #[inline(always)]
    pub fn quiet_hit_cell(&self) -> Option<&HitCell> {
        let cell = self.hits.cell()?;
        // A thread that has a cell still has OpenTelemetry's context (see the lease of a slot).
        (!cell.is_timing_due() && !Context::map_current(|cx| cx.has_active_span())).then_some(cell)
    }

    /// Counts a hit that began at `now`, on the path that may allocate; says whether it is one to be timed.
    ///
    /// Each thread times about one hit a millisecond, rarer ones all, and never fewer than one in 512.
    pub fn count_hit(&self, now: Moment) -> bool {
        self.hits.count_slowly(now)
    }

    /// The duration of a hit that [`Recorder::count_hit`] wanted timed, which is that of its look-up as well.
    pub fn hit_timed(&self, duration: Duration) {
        self.request_duration(RequestResult::Hit, duration);
        self.operation(Operation::Get, duration);
    }

    /// Into our own histogram and into OpenTelemetry's, so that both hold the same number of values.
    fn record(&self, own: &Lazy, theirs: Theirs, attributes: &[KeyValue], value: u64, in_their_unit: f64) {
        own.record(value);
        theirs(&self.telemetry.instruments()).record(in_their_unit, attributes);
    }

    fn record_duration(&self, own: &Lazy, theirs: Theirs, attributes: &[KeyValue], duration: Duration) {
        self.record(own, theirs, attributes, nanos(duration), duration.as_secs_f64());
    }

    /// Whether OpenTelemetry's current context may be asked for; not so while a thread is ending.
    #[must_use]
    pub fn may_ask_for_context() -> bool {
        slot::thread_is_whole()
    }

    /// A request that isn't a plain hit begins.
    pub fn request_started(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    /// It has ended, after `duration`.
    pub fn request_ended(&self, ending: Ending, duration: Duration) {
        // Counted before it stops being active, with an order that a reader of both can rely on.
        self.ended[ending.index()].fetch_add(1, Ordering::Release);
        self.active.fetch_sub(1, Ordering::Release);
        self.request_duration(ending.result, duration);
    }

    fn request_duration(&self, result: RequestResult, duration: Duration) {
        if result == RequestResult::Hit {
            self.timed_hits.fetch_add(1, Ordering::Relaxed);
        }
        let (own, attributes) = (&self.request_durations[result as usize], &self.attributes.results[result as usize]);
        self.record_duration(own, |theirs| &theirs.request_duration, attributes, duration);
    }

    /// The wrapped function begins to run.
    pub fn load_started(&self) {
        self.loads_active.fetch_add(1, Ordering::Relaxed);
    }

    /// It has ended, after `duration`.
    pub fn load_ended(&self, trigger: LoadTrigger, outcome: LoadOutcome, duration: Duration) {
        self.loads[trigger as usize][outcome as usize].fetch_add(1, Ordering::Release);
        self.loads_active.fetch_sub(1, Ordering::Release);
        let own = &self.load_durations[trigger as usize];
        let attributes = &self.attributes.loads[trigger as usize][outcome as usize];
        self.record_duration(own, |theirs| &theirs.load_duration, attributes, duration);
    }

    pub(crate) fn loads_active(&self) -> u64 {
        self.loads_active.load(Ordering::Relaxed)
    }

    /// An entry of so many bytes, as the cache's size function counts them, was stored.
    pub fn entry_stored(&self, bytes: u64) {
        self.record(&self.entry_sizes, |theirs| &theirs.entry_size, &self.attributes.base, bytes, bytes as f64);
    }

    /// A loaded value wasn't stored.
    pub fn rejected(&self, reason: RejectionReason) {
        self.rejected[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The entries with this tag were dropped, so many. Told to OpenTelemetry alone, and only where the user opted in:
    /// a tag may be made of data.
    pub fn tag_invalidated(&self, tag: &str, entries: u64) {
        let [cache, store] = self.identity.attributes();
        let attributes = [cache, store, KeyValue::new(names::attributes::TAG, tag.to_owned())];
        self.telemetry.instruments().tag_invalidations.add(entries, &attributes);
    }

    /// A request begins to wait for another's load.
    pub fn wait_started(&self) {
        self.waits_active.fetch_add(1, Ordering::Relaxed);
    }

    /// Its wait has ended, after `duration`.
    pub fn wait_ended(&self, outcome: WaitOutcome, duration: Duration) {
        self.waits[outcome as usize].fetch_add(1, Ordering::Release);
        self.waits_active.fetch_sub(1, Ordering::Release);
        let (own, attributes) = (&self.wait_durations[outcome as usize], &self.attributes.waits[outcome as usize]);
        self.record_duration(own, |theirs| &theirs.wait_duration, attributes, duration);
    }

    pub(crate) fn waits_active(&self) -> u64 {
        self.waits_active.load(Ordering::Relaxed)
    }

    /// A store operation took `duration`.
    pub fn operation(&self, operation: Operation, duration: Duration) {
        let attributes = &self.attributes.operations[operation as usize];
        let own = &self.operation_durations[operation as usize];
        self.record_duration(own, |theirs| &theirs.operation_duration, attributes, duration);
    }

    /// An entry was past its time by `age` when this became of it.
    pub fn stale(&self, event: StaleEvent, age: Duration) {
        let (own, attributes) = (&self.stale_ages[event as usize], &self.attributes.stale_events[event as usize]);
        self.record_duration(own, |theirs| &theirs.stale_age, attributes, age);
    }

    /// The counters that OpenTelemetry observes.
    pub(crate) fn totals(&self) -> Totals {
        self.totals_with(self.hits.sum())
    }

    fn totals_with(&self, quiet_hits: u64) -> Totals {
        let mut totals = Totals::default();
        for ending in Ending::all(true) {
            totals.ended[ending.index()] = self.ended[ending.index()].load(Ordering::Acquire);
        }
        totals.ended[Ending::of(RequestResult::Hit).index()] += quiet_hits;
        totals.rejected = RejectionReason::ALL.map(|reason| self.rejected[reason as usize].load(Ordering::Relaxed));
        totals.timed_hits = self.timed_hits.load(Ordering::Relaxed);
        if let Some(evictions) = &self.evictions {
            totals.evicted = EvictionReason::ALL.map(|reason| evictions.get(reason));
        }
        totals
    }

    /// Everything counted so far.
    ///
    /// Read in an order that keeps its promise under way: ends before starts, so that requests started
    /// are never fewer than those ended.
    #[must_use]
    pub fn counts(&self) -> Counts {
        // Read once, since each is a start and an end alike. Hits found on the way to a load are counted as
        // any other request, from start to end.
        let quiet_hits = self.hits.sum();
        let totals = self.totals_with(quiet_hits);
        let active = self.active.load(Ordering::Acquire);
        let loads = LoadTrigger::ALL.map(|trigger| {
            LoadOutcome::ALL.map(|outcome| self.loads[trigger as usize][outcome as usize].load(Ordering::Acquire))
        });
        let waits = WaitOutcome::ALL.map(|outcome| self.waits[outcome as usize].load(Ordering::Acquire));
        Counts {
            started: self.started.load(Ordering::Acquire) + quiet_hits,
            active,
            totals,
            loads,
            loads_active: self.loads_active(),
            waits,
            waits_active: self.waits_active(),
            request_durations: std::array::from_fn(|index| self.request_durations[index].durations()),
            load_durations: std::array::from_fn(|index| self.load_durations[index].durations()),
            wait_durations: std::array::from_fn(|index| self.wait_durations[index].durations()),
            operation_durations: std::array::from_fn(|index| self.operation_durations[index].durations()),
            stale_ages: std::array::from_fn(|index| self.stale_ages[index].durations()),
            entry_sizes: Sizes::of(self.entry_sizes.snapshot()),
        }
    }
}
