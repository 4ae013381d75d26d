//! The recorder of one cache.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use cachescope_core::{
    CacheIdentity, Event, EvictionReason, Evictions, LoadCost, LoadOutcome, LoadTrigger, Observer, Operation,
    RejectionReason, RequestOutcome, RequestResult, StaleEvent, StoreErrorKind, Tier, Timestamp, WaitOutcome,
    WaitScope, nanos, notify,
};
use opentelemetry::metrics::Histogram as OtelHistogram;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};

use super::atomic_histogram::AtomicHistogram;
use super::counter_id::CounterId;
use super::counters::{CounterSnapshot, Counters};
use super::counts::{Counts, RecentMaxima};
use super::duration_series::DurationSeries;
use super::histogram::{Durations, Sizes};
use super::hit_timing::HitTiming;
use super::hits::{HitCell, Hits};
use super::lazy_histogram::{LazyHistogram, Pick};
use super::savings::{Savings, TimedLookups, caching_nanos};
use super::slot;
use super::totals::Totals;
use crate::collection::attributes::{CacheAttributeSets, CacheFeatures, IdentityAttributes};
use crate::collection::cache_registry::{CacheRegistration, CacheSource, CountedCache};
use crate::collection::instruments::Instruments;
use crate::names;
use crate::telemetry::Telemetry;

/// Counts the events of one cache, and reports them to OpenTelemetry.
///
/// Counters are exact and never sampled. Each duration and size is recorded in a histogram of the recorder, for
/// [`Recorder::counts`], and in OpenTelemetry's histogram. So both have the same number of values. A hit costs one
/// plain store to a cell of its thread. Everything else costs a few atomic additions, and about 100 ns per duration or
/// size when an SDK is set up.
///
/// The caller must report an end for each start: use guards.
#[derive(Debug)]
pub struct Recorder {
    identity: CacheIdentity,
    features: CacheFeatures,
    attributes: Arc<CacheAttributeSets>,
    telemetry: Telemetry,
    evictions: Option<Evictions>,
    observer: Option<Arc<dyn Observer>>,
    hits: Hits,
    loads_active: AtomicU64,
    waits_active: AtomicU64,
    counters: Counters,
    durations: [LazyHistogram; DurationSeries::COUNT],
    entry_sizes: LazyHistogram,
    savings: Savings,
}

/// Selects one of OpenTelemetry's histograms.
type OtelSelector = fn(&Instruments) -> &OtelHistogram<f64>;

impl Recorder {
    /// Creates a recorder that reports to `telemetry` and times hits according to `timing`. If `evictions` is `None`,
    /// the metrics of evictions are absent rather than zero.
    #[must_use]
    pub fn new(identity: CacheIdentity, telemetry: Telemetry, evictions: Option<Evictions>, timing: HitTiming) -> Self {
        let features = CacheFeatures { counts_evictions: evictions.is_some(), ..CacheFeatures::default() };
        Self {
            attributes: Arc::new(CacheAttributeSets::new(&identity, features)),
            features,
            identity,
            telemetry,
            evictions,
            observer: None,
            hits: Hits::new(timing),
            loads_active: AtomicU64::new(0),
            waits_active: AtomicU64::new(0),
            counters: Counters::new(),
            durations: Default::default(),
            entry_sizes: LazyHistogram::default(),
            savings: Savings::default(),
        }
    }

    /// Adds the series of a cache with a shared store, so that they exist from the start.
    #[must_use]
    pub fn with_shared_store(self) -> Self {
        let features = CacheFeatures { has_shared_store: true, ..self.features };
        self.with_features(features)
    }

    /// Adds the series of a cache that remembers removed keys and has a hit-ratio curve.
    #[must_use]
    pub fn with_insight(self) -> Self {
        let features = CacheFeatures { has_insight: true, ..self.features };
        self.with_features(features)
    }

    fn with_features(self, features: CacheFeatures) -> Self {
        Self { attributes: Arc::new(CacheAttributeSets::new(&self.identity, features)), features, ..self }
    }

    /// Sets the observer that receives each counted event.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.hits.observe();
        if let Some(evictions) = &self.evictions {
            evictions.set_observer(self.identity.clone(), Arc::clone(&observer));
        }
        self.observer = Some(observer);
        self
    }

    #[inline]
    fn notify(&self, event: Event) {
        if let Some(observer) = &self.observer {
            notify(&**observer, &self.identity, event);
        }
    }

    /// Returns the identity of the cache.
    #[must_use]
    pub fn identity(&self) -> &CacheIdentity {
        &self.identity
    }

    /// Returns the telemetry that the recorder reports to.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Adds the cache to the metrics that are collected, until the registration is dropped.
    #[must_use]
    pub fn register(self: &Arc<Self>, source: Weak<dyn CacheSource>) -> CacheRegistration {
        let counted: Arc<dyn CountedCache> = Arc::<Self>::clone(self);
        let registration = self.telemetry.registry().register(&counted, source);
        self.telemetry.instruments();
        registration
    }

    /// Returns the cell in which this thread counts its hits, if a hit needs nothing but counting. The thread must have
    /// a cell, this hit must not be timed, no span may be active, and the cache must have no observer.
    #[inline(always)]
    pub fn quiet_hit_cell(&self) -> Option<&HitCell> {
        let cell = self.hits.cell()?;
        // A thread with a cell still has OpenTelemetry's context: see the slot's lease.
        (cell.is_quiet() && !Context::map_current(|cx| cx.has_active_span())).then_some(cell)
    }

    /// Counts a hit that started at `now`, of an entry whose load cost `cost`. May allocate. If the hit must be timed,
    /// returns the number of this thread's hits that it represents.
    pub fn count_hit(&self, now: Timestamp, cost: LoadCost) -> Option<u64> {
        let due = self.hits.count_slowly(now, cost);
        if due.is_none() {
            self.notify(Event::Request { outcome: RequestOutcome::new(RequestResult::Hit), duration: None });
        }
        due
    }

    /// Records the duration of a hit for which [`Recorder::count_hit`] returned a number. The look-up has the same
    /// duration.
    pub fn hit_timed(&self, duration: Duration) {
        self.request_duration(RequestResult::Hit, duration);
        self.operation(Tier::L1, Operation::Get, duration);
        self.notify(Event::Request { outcome: RequestOutcome::new(RequestResult::Hit), duration: Some(duration) });
    }

    /// Records that an entry whose load cost `cost` answered a request that wasn't a plain hit.
    pub fn saved_load(&self, cost: LoadCost) {
        self.savings.add(cost.nanos());
    }

    /// Returns the mean duration of a load after a miss, or zero before the first load.
    #[must_use]
    pub fn mean_load(&self) -> LoadCost {
        let loads = LoadOutcome::ALL.map(|outcome| self.counters.get(CounterId::Load(LoadTrigger::Miss, outcome)));
        let sum = self.sum(DurationSeries::Load(LoadTrigger::Miss));
        sum.checked_div(loads.iter().sum()).map_or(LoadCost::ZERO, |each| LoadCost::new(Duration::from_nanos(each)))
    }

    fn sum(&self, series: DurationSeries) -> u64 {
        self.durations[series.index()].pick(AtomicHistogram::sum)
    }

    /// Records into the recorder's histogram and into OpenTelemetry's, so that both have the same number of values.
    fn record(&self, own: &LazyHistogram, otel: OtelSelector, attributes: &[KeyValue], value: u64, in_otel_unit: f64) {
        own.record(value);
        otel(&self.telemetry.instruments()).record(in_otel_unit, attributes);
    }

    fn record_duration(&self, series: DurationSeries, otel: OtelSelector, attributes: &[KeyValue], duration: Duration) {
        let own = &self.durations[series.index()];
        self.record(own, otel, attributes, nanos(duration), duration.as_secs_f64());
    }

    /// Returns whether OpenTelemetry's current context can be accessed. It can't while the thread is outcome.
    #[must_use]
    pub fn can_access_context() -> bool {
        slot::thread_locals_are_alive()
    }

    /// Records the start of a request that isn't a plain hit.
    pub fn request_started(&self) {
        self.counters.request_started();
    }

    /// Records its end, after `duration`.
    pub fn request_ended(&self, outcome: RequestOutcome, duration: Duration) {
        self.counters.request_ended(outcome);
        self.request_duration(outcome.result, duration);
        self.notify(Event::Request { outcome, duration: Some(duration) });
    }

    fn request_duration(&self, result: RequestResult, duration: Duration) {
        if result == RequestResult::Hit {
            self.counters.count(CounterId::TimedHits);
        }
        let attributes = &self.attributes.results[result as usize];
        self.record_duration(DurationSeries::Request(result), |otel| &otel.request_duration, attributes, duration);
    }

    /// Records the start of a load.
    pub fn load_started(&self) {
        self.loads_active.fetch_add(1, Ordering::Relaxed);
    }

    /// Records its end, after `duration`.
    pub fn load_ended(&self, trigger: LoadTrigger, outcome: LoadOutcome, duration: Duration) {
        self.counters.count_end(CounterId::Load(trigger, outcome));
        self.loads_active.fetch_sub(1, Ordering::Release);
        let attributes = &self.attributes.loads[trigger as usize][outcome as usize];
        self.record_duration(DurationSeries::Load(trigger), |otel| &otel.load_duration, attributes, duration);
        self.notify(Event::Load { trigger, outcome, duration });
    }

    /// Records that an entry was stored, of this size as measured by the cache's size function.
    pub fn entry_stored(&self, bytes: u64) {
        self.record(&self.entry_sizes, |otel| &otel.entry_size, &self.attributes.base, bytes, bytes as f64);
        self.notify(Event::Stored { bytes });
    }

    /// Records that a loaded value wasn't stored.
    pub fn rejected(&self, reason: RejectionReason) {
        self.counters.count(CounterId::Rejected(reason));
        self.notify(Event::Rejected { reason });
    }

    /// Records that the `entries` entries with this tag were invalidated. Reported to OpenTelemetry only, and called
    /// only if the user opted in, because a tag may contain data.
    pub fn tag_invalidated(&self, tag: &str, entries: u64) {
        let tag = KeyValue::new(names::attributes::TAG, tag.to_owned());
        let attributes: Vec<KeyValue> = self.identity.attributes().chain([tag]).collect();
        self.telemetry.instruments().tag_invalidations.add(entries, &attributes);
    }

    /// Records that a request starts to wait for another request's load.
    pub fn wait_started(&self) {
        self.waits_active.fetch_add(1, Ordering::Relaxed);
    }

    /// Records the end of the wait, after `duration`.
    pub fn wait_ended(&self, scope: WaitScope, outcome: WaitOutcome, duration: Duration) {
        self.counters.count_end(CounterId::Wait(scope, outcome));
        self.waits_active.fetch_sub(1, Ordering::Release);
        let attributes = &self.attributes.waits[scope as usize][outcome as usize];
        self.record_duration(DurationSeries::Wait(scope, outcome), |otel| &otel.wait_duration, attributes, duration);
        self.notify(Event::Wait { scope, outcome, duration });
    }

    /// Records the duration of an operation on this store.
    pub fn operation(&self, tier: Tier, operation: Operation, duration: Duration) {
        let attributes = &self.attributes.operations[tier as usize][operation as usize];
        let series = DurationSeries::Operation(tier, operation);
        self.record_duration(series, |otel| &otel.operation_duration, attributes, duration);
        self.notify(Event::Operation { tier, operation, duration });
    }

    /// Records that an operation on the shared store failed.
    pub fn store_failed(&self, operation: Operation, kind: StoreErrorKind) {
        self.counters.count(CounterId::StoreError(operation, kind));
        self.notify(Event::StoreFailed { operation, kind });
    }

    /// Records that an entry which expired `age` ago was served or replaced.
    pub fn stale(&self, event: StaleEvent, age: Duration) {
        let attributes = &self.attributes.stale_events[event as usize];
        self.record_duration(DurationSeries::StaleAge(event), |otel| &otel.stale_age, attributes, age);
        self.notify(Event::Stale { event, age });
    }

    /// Returns the number of entries that left for this reason, or `None` if the store doesn't count evictions. Reads
    /// one counter.
    #[must_use]
    pub fn evicted(&self, reason: EvictionReason) -> Option<u64> {
        Some(self.evictions.as_ref()?.get(reason))
    }

    /// Returns all counters.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals_and_active().0
    }

    /// Returns all counters, and the number of active requests.
    fn totals_and_active(&self) -> (Totals, u64) {
        let CounterSnapshot { mut numbers, started, ended } = self.counters.read();
        let active = started.saturating_sub(ended);
        // Hits that are found on the way to a load are counted like other requests, from start to end. The hits added
        // here start and end at once.
        numbers[CounterId::Ended(RequestOutcome::new(RequestResult::Hit)).index()] += self.hits.sum();
        if let Some(evictions) = &self.evictions {
            for reason in EvictionReason::ALL {
                numbers[CounterId::Evicted(reason).index()] = evictions.get(reason);
            }
        }
        numbers[CounterId::LoadsSaved.index()] = self.savings.gross(self.hits.saved());
        let mut totals = Totals(numbers);
        let lookups = DurationSeries::Operation(Tier::L1, Operation::Get);
        let lookups = TimedLookups {
            count: self.durations[lookups.index()].pick(AtomicHistogram::count),
            sum: self.sum(lookups),
        };
        let caching = caching_nanos(&totals, lookups, |series| self.sum(series));
        let net = totals.get(CounterId::LoadsSaved).saturating_sub(caching);
        totals.0[CounterId::Saved.index()] = self.savings.reported(net);
        (totals, active)
    }

    /// Returns everything counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let (totals, active) = self.totals_and_active();
        Counts {
            totals,
            active,
            loads_active: self.loads_active.load(Ordering::Relaxed),
            waits_active: self.waits_active.load(Ordering::Relaxed),
            durations: std::array::from_fn(|index| Durations::new(self.durations[index].snapshot())),
            entry_sizes: Sizes::new(self.entry_sizes.snapshot()),
        }
    }

    /// Returns everything counted since `last`, the result of the last [`Recorder::rotate`]. Maxima are those of the
    /// current period.
    #[must_use]
    pub fn counts_since(&self, last: &Counts) -> Counts {
        self.counts().since(last, &self.recent_maxima(AtomicHistogram::recent_max))
    }

    /// Starts a new period. Returns everything counted so far, and everything counted since `last`. Each recorded value
    /// belongs to exactly one period, so the periods add up to the whole.
    pub fn rotate(&self, last: &Counts) -> (Counts, Counts) {
        let counts = self.counts();
        let since = counts.since(last, &self.recent_maxima(AtomicHistogram::take_recent_max));
        (counts, since)
    }

    fn recent_maxima(&self, pick: Pick) -> RecentMaxima {
        RecentMaxima {
            durations: std::array::from_fn(|index| self.durations[index].pick(pick)),
            entry_sizes: self.entry_sizes.pick(pick),
        }
    }
}

impl CountedCache for Recorder {
    fn identity(&self) -> &CacheIdentity {
        &self.identity
    }

    fn attributes(&self) -> &Arc<CacheAttributeSets> {
        &self.attributes
    }

    fn totals(&self) -> Totals {
        Self::totals(self)
    }

    fn requests_so_far(&self) -> u64 {
        self.counters.started() + self.hits.sum()
    }

    fn loads_active(&self) -> u64 {
        self.loads_active.load(Ordering::Relaxed)
    }

    fn waits_active(&self) -> u64 {
        self.waits_active.load(Ordering::Relaxed)
    }
}
