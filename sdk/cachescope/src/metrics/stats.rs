//! A cache's numbers, of all its time or of a window.

use std::time::{Duration, SystemTime};

use cachescope_core::{
    Counts, Durations, Ending, EvictionReason, Failure, Levels, LoadOutcome, LoadTrigger, MissReason, Operation,
    RejectionReason, RequestResult, Sizes, StaleEvent, StoreErrorKind, Tier, WaitOutcome, WaitScope,
};

use crate::metrics::Rates;
use crate::metrics::history::Reading;

/// A cache's numbers, since it was built or within a window. A plain value, which says itself as a table.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let squares = cachescope::cached("math.squares", |n: u64| async move { n * n }).build();
/// squares.call(12).await;
/// println!("{}", squares.metrics().stats()); // 1 requests in 27.1 µs, hit rate 0.0 % …
/// # });
/// ```
///
/// With the feature `serde` it can be sent and stored, and comes back as it went; numbers go by name, durations in
/// nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Stats {
    counts: Counts,
    levels: Levels,
    longest_wait: Duration,
    covers: Duration,
    read_at: SystemTime,
    epoch: u64,
    restored: u64,
}

impl Stats {
    pub(crate) fn new(reading: Reading, levels: Levels, longest_wait: Duration, read_at: SystemTime) -> Self {
        let Reading { counts, covers, restored, epoch } = reading;
        Self { counts, levels, longest_wait, covers, read_at, epoch, restored }
    }

    /// How far back these numbers reach: to when the cache was built or last reset, or to the beginning of their window.
    /// A window that covers less than was asked for is as old as its cache. Where numbers outlive their process
    /// (`Builder::persist_metrics`), the time between two processes counts as well.
    #[must_use]
    pub fn covers(&self) -> Duration {
        self.covers
    }

    /// When they were read, by the system's clock.
    #[must_use]
    pub fn read_at(&self) -> SystemTime {
        self.read_at
    }

    /// When these numbers begin, by the system's clock.
    #[must_use]
    pub fn began_at(&self) -> SystemTime {
        self.read_at.checked_sub(self.covers).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// How often they had been [reset](crate::CacheMetrics::reset).
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How many of the requests earlier processes counted, of whom `Builder::persist_metrics` kept them.
    #[must_use]
    pub fn restored(&self) -> u64 {
        self.restored
    }

    /// How often things happened, by the time these numbers [cover](Stats::covers).
    #[must_use]
    pub fn per_second(&self) -> Rates {
        Rates::of(self)
    }

    /// The numbers of two caches, or of two instances of one, together: what one that had seen all of it had counted.
    /// Counts, sums and maxima are exact, and quantiles those of one histogram that had recorded everything.
    ///
    /// The time covered is the longer of both.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        Self {
            counts: self.counts.plus(&other.counts),
            levels: self.levels.plus(other.levels),
            longest_wait: self.longest_wait.max(other.longest_wait),
            covers: self.covers.max(other.covers),
            read_at: self.read_at.max(other.read_at),
            epoch: self.epoch.max(other.epoch),
            restored: self.restored.saturating_add(other.restored),
        }
    }

    /// What was counted after `earlier`, which is an earlier reading of the same numbers; all of them where they were
    /// reset in between. How full the store is, and what is under way, are those of this reading.
    ///
    /// Counts and sums are exact. The largest of a distribution is exact where nothing before it was larger, and else
    /// within 6.25%, as quantiles are.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let squares = cachescope::cached("math.squares", |n: u64| async move { n * n }).build();
    /// squares.call(12).await;
    /// let before = squares.metrics().stats();
    /// squares.call(12).await;
    /// let since = squares.metrics().stats().since(&before);
    /// assert_eq!((since.hits(), since.misses()), (1, 0));
    /// # });
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        if self.epoch != earlier.epoch {
            return self.clone();
        }
        Self {
            counts: self.counts.minus(&earlier.counts),
            covers: self.read_at.duration_since(earlier.read_at).unwrap_or_default(),
            restored: self.restored.saturating_sub(earlier.restored),
            ..self.clone()
        }
    }

    /// What entries saved the requests they answered, net: [`Stats::load_time_saved`] less [`Stats::caching_time`]. Zero
    /// where the cache costs more than it saves; compare the two to see by how much.
    #[must_use]
    pub fn time_saved(&self) -> Duration {
        self.load_time_saved().saturating_sub(self.caching_time())
    }

    /// What the loads had taken that were not needed: for each request that an entry answered, what that entry's load
    /// took. An entry that was inserted counts as the average load did.
    #[must_use]
    pub fn load_time_saved(&self) -> Duration {
        self.counts.totals.loads_saved()
    }

    /// What caching took: looking in memory at each request, putting there, and all that a shared store was asked.
    /// Look-ups are taken to be as long as those that were timed.
    #[must_use]
    pub fn caching_time(&self) -> Duration {
        self.counts.caching_time()
    }

    /// Misses for this reason.
    #[must_use]
    pub fn misses_because(&self, reason: MissReason) -> u64 {
        Ending::all(true).filter(|ending| ending.reason == Some(reason)).map(|ending| self.ended(ending)).sum()
    }

    /// Requests: those that ended within the time these numbers cover, and those under way. The sum of all results and
    /// [`Stats::in_flight`], always.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.counts.requests()
    }

    /// Requests begun and not ended. While others come and go, some that did so within the microsecond that the numbers are
    /// read in may be among them, and in no result yet.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.counts.active
    }

    /// Requests that ended with this result.
    #[must_use]
    pub fn result(&self, result: RequestResult) -> u64 {
        self.counts.totals.result(result)
    }

    /// Requests that ended in exactly this way.
    #[must_use]
    pub fn ended(&self, ending: Ending) -> u64 {
        self.counts.totals.ended(ending)
    }

    /// Requests answered with a fresh entry, or a remembered error.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.result(RequestResult::Hit)
    }

    /// Requests that ran a load because nothing fresh was there.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.result(RequestResult::Miss)
    }

    /// Requests answered by another request's load.
    #[must_use]
    pub fn coalesced(&self) -> u64 {
        self.result(RequestResult::Coalesced)
    }

    /// Requests whose future was dropped before it had an answer.
    #[must_use]
    pub fn cancelled(&self) -> u64 {
        self.result(RequestResult::Cancelled)
    }

    /// The share of requests that the cache answered: hits and stale answers, of these and misses, coalesced and
    /// absent ones. `None` before the first of them.
    ///
    /// A coalesced request isn't a hit, since the store had nothing for it. Requests that were cancelled,
    /// or bypassed the cache, aren't in it at all. One that a remembered error answered is a hit.
    ///
    /// [`Stats::fresh_hit_rate`] takes a stale answer for none.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        self.share(self.hits() + self.result(RequestResult::Stale))
    }

    /// The share of requests that were answered with something fresh: [`Stats::hit_rate`], but for stale answers.
    #[must_use]
    pub fn fresh_hit_rate(&self) -> Option<f64> {
        self.share(self.hits())
    }

    /// Of the requests that the cache could have answered.
    fn share(&self, answered: u64) -> Option<f64> {
        let could = [
            RequestResult::Hit,
            RequestResult::Stale,
            RequestResult::Miss,
            RequestResult::Coalesced,
            RequestResult::Absent,
        ];
        let all: u64 = could.into_iter().map(|result| self.result(result)).sum();
        (all > 0).then(|| answered as f64 / all as f64)
    }

    /// Requests whose load, or whoever's they waited for, went wrong in this way; also those that an entry or a
    /// remembered error answered for it. What kinds of errors a function returns is its own to say.
    #[must_use]
    pub fn failures(&self, failure: Failure) -> u64 {
        Ending::all(true).filter(|ending| ending.failure == Some(failure)).map(|ending| self.ended(ending)).sum()
    }

    /// How long requests with this result took. Of hits one in
    /// [`Stats::hit_timing_interval`] is timed, so their count here isn't [`Stats::hits`], and quantiles
    /// weigh quiet times more than busy ones.
    #[must_use]
    pub fn latency(&self, result: RequestResult) -> &Durations {
        self.counts.request_durations(result)
    }

    /// One hit in so many was timed, on average, as [`Builder::hit_timing`](crate::Builder::hit_timing) has it; 0 while
    /// none was.
    #[must_use]
    pub fn hit_timing_interval(&self) -> f64 {
        self.counts.totals.hit_timing_interval()
    }

    /// Loads that misses triggered and that ended so.
    #[must_use]
    pub fn loads(&self, outcome: LoadOutcome) -> u64 {
        self.loads_by(LoadTrigger::Miss, outcome)
    }

    /// Loads of this trigger that ended so.
    #[must_use]
    pub fn loads_by(&self, trigger: LoadTrigger, outcome: LoadOutcome) -> u64 {
        self.counts.loads(trigger, outcome)
    }

    /// Loads running.
    #[must_use]
    pub fn loads_active(&self) -> u64 {
        self.counts.loads_active
    }

    /// How far past their time entries were when they were served, or when a load took their place.
    #[must_use]
    pub fn stale_age(&self, event: StaleEvent) -> &Durations {
        self.counts.stale_ages(event)
    }

    /// How long loads took that misses triggered, however they ended.
    #[must_use]
    pub fn load_duration(&self) -> &Durations {
        self.load_duration_by(LoadTrigger::Miss)
    }

    /// How long loads of this trigger took, however they ended.
    #[must_use]
    pub fn load_duration_by(&self, trigger: LoadTrigger) -> &Durations {
        self.counts.load_durations(trigger)
    }

    /// Waits for another request's load that ended so.
    #[must_use]
    pub fn waits(&self, outcome: WaitOutcome) -> u64 {
        self.counts.waits(WaitScope::Process, outcome)
    }

    /// Waits for another process's load, by the lease it holds in the shared store, that ended so.
    #[must_use]
    pub fn store_waits(&self, outcome: WaitOutcome) -> u64 {
        self.counts.waits(WaitScope::Store, outcome)
    }

    /// How long those took.
    #[must_use]
    pub fn store_wait_duration(&self, outcome: WaitOutcome) -> &Durations {
        self.counts.wait_durations(WaitScope::Store, outcome)
    }

    /// Operations on the shared store that failed so.
    #[must_use]
    pub fn store_errors(&self, operation: Operation, kind: StoreErrorKind) -> u64 {
        self.counts.totals.store_errors(operation, kind)
    }

    /// How long this operation on the shared store took, failed ones too.
    #[must_use]
    pub fn store_operation(&self, operation: Operation) -> &Durations {
        self.counts.operation_durations(Tier::L2, operation)
    }

    /// Requests waiting for another's load.
    #[must_use]
    pub fn waits_active(&self) -> u64 {
        self.counts.waits_active
    }

    /// How long the waits took that ended so.
    #[must_use]
    pub fn wait_duration(&self, outcome: WaitOutcome) -> &Durations {
        self.counts.wait_durations(WaitScope::Process, outcome)
    }

    /// How long the oldest of the waiting requests has waited.
    #[must_use]
    pub fn longest_wait(&self) -> Duration {
        self.longest_wait
    }

    /// How long this operation on the store in memory took. Of look-ups, those of timed hits.
    #[must_use]
    pub fn operation(&self, operation: Operation) -> &Durations {
        self.counts.operation_durations(Tier::L1, operation)
    }

    /// How large the entries were that were stored, in bytes; none where the cache has no
    /// [`entry_size`](crate::Builder::entry_size).
    #[must_use]
    pub fn entry_size(&self) -> &Sizes {
        self.counts.entry_sizes()
    }

    /// Entries that left the store for this reason.
    #[must_use]
    pub fn evictions(&self, reason: EvictionReason) -> u64 {
        self.counts.totals.evicted(reason)
    }

    /// Loaded values that weren't stored, for this reason. They reached their callers all the same.
    #[must_use]
    pub fn rejections(&self, reason: RejectionReason) -> u64 {
        self.counts.totals.rejected(reason)
    }

    /// How full the store is.
    #[must_use]
    pub fn levels(&self) -> Levels {
        self.levels
    }
}
