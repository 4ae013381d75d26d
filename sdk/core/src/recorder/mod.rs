//! What is counted of one cache, and where: hits by each thread for itself, all else in shared atomics.

mod counters;
mod histogram;
mod hits;
#[cfg(feature = "serde")]
mod layout;
mod measured;
#[cfg(feature = "serde")]
mod named;
mod number;
mod observer;
mod packed;
mod savings;
mod shim;
mod slot;
mod timing;
mod totals;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::metrics::Histogram as OtelHistogram;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};

use self::counters::{Counters, Read};
use self::histogram::{Distribution, Histogram};
use self::hits::Hits;
use self::number::{Number, Series};
use self::savings::{Savings, Taken, caching};
use crate::clock::{Moment, nanos};
use crate::entry::Cost;
use crate::eviction::{EvictionReason, Evictions};
use crate::outcome::{
    Ending, LoadOutcome, LoadTrigger, Operation, RejectionReason, RequestResult, StaleEvent, StoreErrorKind, Tier,
    WaitOutcome, WaitScope,
};
use crate::telemetry::{AttributeSets, Identity, Instruments, Kind, Telemetry, names};

pub use self::hits::HitCell;
#[cfg(feature = "serde")]
pub use self::layout::Layout;
pub use self::measured::{Durations, Measured, Quantity, Sizes};
pub(crate) use self::observer::tell;
pub use self::observer::{Event, Observer};
pub use self::packed::Packed;
pub use self::timing::HitTiming;
use self::totals::RecentMaxima;
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
    kind: Kind,
    attributes: Arc<AttributeSets>,
    telemetry: Telemetry,
    evictions: Option<Evictions>,
    observer: Option<Arc<dyn Observer>>,
    hits: Hits,
    loads_active: AtomicU64,
    waits_active: AtomicU64,
    counters: Counters,
    durations: [Lazy; Series::COUNT],
    entry_sizes: Lazy,
    savings: Savings,
}

/// Picks one of OpenTelemetry's histograms.
type Theirs = fn(&Instruments) -> &OtelHistogram<f64>;

/// Picks a number of one of ours.
type Pick = fn(&Histogram) -> u64;

/// A histogram that takes its 1.5 KB when it has something to hold.
#[derive(Debug, Default)]
struct Lazy(OnceLock<Box<Histogram>>);

impl Lazy {
    fn record(&self, value: u64) {
        self.0.get_or_init(|| Box::new(Histogram::new())).record(value);
    }

    fn snapshot(&self) -> Distribution {
        self.0.get().map(|histogram| histogram.snapshot()).unwrap_or_default()
    }

    fn pick(&self, pick: Pick) -> u64 {
        self.0.get().map_or(0, |histogram| pick(histogram))
    }
}

impl Recorder {
    /// A recorder whose durations go to `telemetry`, and which times the hits that `timing` says. Evictions are
    /// reported if `evictions` counts them; otherwise nothing is said of them, rather than zero.
    #[must_use]
    pub fn new(identity: Identity, telemetry: Telemetry, evictions: Option<Evictions>, timing: HitTiming) -> Self {
        let kind = Kind { counts_evictions: evictions.is_some(), ..Kind::default() };
        Self {
            attributes: Arc::new(AttributeSets::of(&identity, kind)),
            kind,
            identity,
            telemetry,
            evictions,
            observer: None,
            hits: Hits::new(timing),
            loads_active: AtomicU64::new(0),
            waits_active: AtomicU64::new(0),
            counters: Counters::new(),
            durations: Default::default(),
            entry_sizes: Lazy::default(),
            savings: Savings::default(),
        }
    }

    /// The same for a cache with a shared store: what only such caches can count has series from the start.
    #[must_use]
    pub fn of_shared_store(self) -> Self {
        let kind = Kind { has_shared_store: true, ..self.kind };
        self.of_kind(kind)
    }

    /// The same for a cache that remembers what has left it and knows its curve.
    #[must_use]
    pub fn with_insight(self) -> Self {
        let kind = Kind { has_insight: true, ..self.kind };
        self.of_kind(kind)
    }

    fn of_kind(self, kind: Kind) -> Self {
        Self { attributes: Arc::new(AttributeSets::of(&self.identity, kind)), kind, ..self }
    }

    /// Has `observer` told what is counted here, as it happens.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.hits.observe();
        if let Some(evictions) = &self.evictions {
            evictions.observed_by(self.identity.clone(), Arc::clone(&observer));
        }
        self.observer = Some(observer);
        self
    }

    #[inline]
    fn tell(&self, event: Event) {
        if let Some(observer) = &self.observer {
            tell(&**observer, &self.identity, event);
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
    /// it has a cell, this hit isn't to be timed, no span is active, and nobody observes the cache.
    #[inline(always)]
    pub fn quiet_hit_cell(&self) -> Option<&HitCell> {
        let cell = self.hits.cell()?;
        // A thread that has a cell still has OpenTelemetry's context (see the lease of a slot).
        (cell.is_quiet() && !Context::map_current(|cx| cx.has_active_span())).then_some(cell)
    }

    /// Counts a hit that began at `now`, on the path that may allocate, of an entry whose load had cost so much. If it is
    /// one to be timed, says for how many of this thread's hits it stands.
    pub fn count_hit(&self, now: Moment, cost: Cost) -> Option<u64> {
        let due = self.hits.count_slowly(now, cost);
        if due.is_none() {
            self.tell(Event::Request { ending: Ending::of(RequestResult::Hit), duration: None });
        }
        due
    }

    /// The duration of a hit that [`Recorder::count_hit`] wanted timed, which is that of its look-up as well.
    pub fn hit_timed(&self, duration: Duration) {
        self.request_duration(RequestResult::Hit, duration);
        self.operation(Tier::L1, Operation::Get, duration);
        self.tell(Event::Request { ending: Ending::of(RequestResult::Hit), duration: Some(duration) });
    }

    /// An entry answered a request that was no plain hit, and its load had cost so much.
    pub fn saved_load(&self, cost: Cost) {
        self.savings.add(cost.nanos());
    }

    /// What a load by a miss takes on average; nothing before the first.
    #[must_use]
    pub fn mean_load(&self) -> Cost {
        let loads = LoadOutcome::ALL.map(|outcome| self.counters.get(Number::Load(LoadTrigger::Miss, outcome)));
        let sum = self.sum(Series::Load(LoadTrigger::Miss));
        sum.checked_div(loads.iter().sum()).map_or(Cost::NOTHING, |each| Cost::of(Duration::from_nanos(each)))
    }

    fn sum(&self, series: Series) -> u64 {
        self.durations[series.index()].pick(Histogram::sum)
    }

    /// Into our own histogram and into OpenTelemetry's, so that both hold the same number of values.
    fn record(&self, own: &Lazy, theirs: Theirs, attributes: &[KeyValue], value: u64, in_their_unit: f64) {
        own.record(value);
        theirs(&self.telemetry.instruments()).record(in_their_unit, attributes);
    }

    fn record_duration(&self, series: Series, theirs: Theirs, attributes: &[KeyValue], duration: Duration) {
        let own = &self.durations[series.index()];
        self.record(own, theirs, attributes, nanos(duration), duration.as_secs_f64());
    }

    /// Whether OpenTelemetry's current context may be asked for; not so while a thread is ending.
    #[must_use]
    pub fn may_ask_for_context() -> bool {
        slot::thread_is_whole()
    }

    /// A request that isn't a plain hit begins.
    pub fn request_started(&self) {
        self.counters.request_started();
    }

    /// It has ended, after `duration`.
    pub fn request_ended(&self, ending: Ending, duration: Duration) {
        self.counters.request_ended(ending);
        self.request_duration(ending.result, duration);
        self.tell(Event::Request { ending, duration: Some(duration) });
    }

    fn request_duration(&self, result: RequestResult, duration: Duration) {
        if result == RequestResult::Hit {
            self.counters.count(Number::TimedHits);
        }
        let attributes = &self.attributes.results[result as usize];
        self.record_duration(Series::Request(result), |theirs| &theirs.request_duration, attributes, duration);
    }

    /// The wrapped function begins to run.
    pub fn load_started(&self) {
        self.loads_active.fetch_add(1, Ordering::Relaxed);
    }

    /// It has ended, after `duration`.
    pub fn load_ended(&self, trigger: LoadTrigger, outcome: LoadOutcome, duration: Duration) {
        self.counters.count_end(Number::Load(trigger, outcome));
        self.loads_active.fetch_sub(1, Ordering::Release);
        let attributes = &self.attributes.loads[trigger as usize][outcome as usize];
        self.record_duration(Series::Load(trigger), |theirs| &theirs.load_duration, attributes, duration);
        self.tell(Event::Load { trigger, outcome, duration });
    }

    /// Requests so far; about, while others come.
    pub(crate) fn requests_so_far(&self) -> u64 {
        self.counters.started() + self.hits.sum()
    }

    pub(crate) fn loads_active(&self) -> u64 {
        self.loads_active.load(Ordering::Relaxed)
    }

    /// An entry of so many bytes, as the cache's size function counts them, was stored.
    pub fn entry_stored(&self, bytes: u64) {
        self.record(&self.entry_sizes, |theirs| &theirs.entry_size, &self.attributes.base, bytes, bytes as f64);
        self.tell(Event::Stored { bytes });
    }

    /// A loaded value wasn't stored.
    pub fn rejected(&self, reason: RejectionReason) {
        self.counters.count(Number::Rejected(reason));
        self.tell(Event::Rejected { reason });
    }

    /// The entries with this tag were dropped, so many. Told to OpenTelemetry alone, and only where the user opted in:
    /// a tag may be made of data.
    pub fn tag_invalidated(&self, tag: &str, entries: u64) {
        let tag = KeyValue::new(names::attributes::TAG, tag.to_owned());
        let attributes: Vec<KeyValue> = self.identity.attributes().chain([tag]).collect();
        self.telemetry.instruments().tag_invalidations.add(entries, &attributes);
    }

    /// A request begins to wait for another's load.
    pub fn wait_started(&self) {
        self.waits_active.fetch_add(1, Ordering::Relaxed);
    }

    /// Its wait has ended, after `duration`.
    pub fn wait_ended(&self, scope: WaitScope, outcome: WaitOutcome, duration: Duration) {
        self.counters.count_end(Number::Wait(scope, outcome));
        self.waits_active.fetch_sub(1, Ordering::Release);
        let attributes = &self.attributes.waits[scope as usize][outcome as usize];
        self.record_duration(Series::Wait(scope, outcome), |theirs| &theirs.wait_duration, attributes, duration);
        self.tell(Event::Wait { scope, outcome, duration });
    }

    pub(crate) fn waits_active(&self) -> u64 {
        self.waits_active.load(Ordering::Relaxed)
    }

    /// An operation on this store took `duration`.
    pub fn operation(&self, tier: Tier, operation: Operation, duration: Duration) {
        let attributes = &self.attributes.operations[tier as usize][operation as usize];
        let series = Series::Operation(tier, operation);
        self.record_duration(series, |theirs| &theirs.operation_duration, attributes, duration);
        self.tell(Event::Operation { tier, operation, duration });
    }

    /// The shared store failed to do what it was asked for.
    pub fn store_failed(&self, operation: Operation, kind: StoreErrorKind) {
        self.counters.count(Number::StoreError(operation, kind));
        self.tell(Event::StoreFailed { operation, kind });
    }

    /// An entry was past its time by `age` when this became of it.
    pub fn stale(&self, event: StaleEvent, age: Duration) {
        let attributes = &self.attributes.stale_events[event as usize];
        self.record_duration(Series::StaleAge(event), |theirs| &theirs.stale_age, attributes, age);
        self.tell(Event::Stale { event, age });
    }

    /// Entries that left for this reason; `None` of a store of which that isn't counted. Reads one counter.
    #[must_use]
    pub fn evicted(&self, reason: EvictionReason) -> Option<u64> {
        Some(self.evictions.as_ref()?.get(reason))
    }

    /// Every number that only grows.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals_and_active().0
    }

    /// With them the requests under way.
    fn totals_and_active(&self) -> (Totals, u64) {
        let Read { mut numbers, started, ended } = self.counters.read();
        let active = started.saturating_sub(ended);
        // Hits found on the way to a load are counted as any other request, from start to end; these begin and end at
        // once.
        numbers[Number::Ended(Ending::of(RequestResult::Hit)).index()] += self.hits.sum();
        if let Some(evictions) = &self.evictions {
            for reason in EvictionReason::ALL {
                numbers[Number::Evicted(reason).index()] = evictions.get(reason);
            }
        }
        numbers[Number::LoadsSaved.index()] = self.savings.gross(self.hits.saved());
        let mut totals = Totals(numbers);
        let looks = Series::Operation(Tier::L1, Operation::Get);
        let looks = Taken { count: self.durations[looks.index()].pick(Histogram::count), sum: self.sum(looks) };
        let caching = caching(&totals, looks, |series| self.sum(series));
        let net = totals.get(Number::LoadsSaved).saturating_sub(caching);
        totals.0[Number::Saved.index()] = self.savings.told(net);
        (totals, active)
    }

    /// Everything counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let (totals, active) = self.totals_and_active();
        Counts {
            totals,
            active,
            loads_active: self.loads_active(),
            waits_active: self.waits_active(),
            durations: std::array::from_fn(|index| Durations::of(self.durations[index].snapshot())),
            entry_sizes: Sizes::of(self.entry_sizes.snapshot()),
        }
    }

    /// What was counted since `last`, which is what the last [`Recorder::turn`] gave: maxima are those since then.
    #[must_use]
    pub fn counts_since(&self, last: &Counts) -> Counts {
        self.counts().since(last, &self.recent_maxima(Histogram::recent_max))
    }

    /// Everything counted so far, and what was counted since the last turn. Turns divide time: each recording falls
    /// into one, so what they gave adds up to the whole.
    pub fn turn(&self, last: &Counts) -> (Counts, Counts) {
        let counts = self.counts();
        let since = counts.since(last, &self.recent_maxima(Histogram::turn));
        (counts, since)
    }

    fn recent_maxima(&self, pick: Pick) -> RecentMaxima {
        RecentMaxima {
            durations: std::array::from_fn(|index| self.durations[index].pick(pick)),
            entry_sizes: self.entry_sizes.pick(pick),
        }
    }
}
