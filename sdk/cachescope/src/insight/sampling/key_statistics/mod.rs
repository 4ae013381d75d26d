//! Statistics of a bounded sample of a cache's keys.

use std::time::Duration;

use cachescope_core::{EvictionReason, Timestamp, nanos};

use crate::insight::decay::Decay;
use crate::insight::sampling::key_event::{KeyEvent, SampledEvent};
use crate::insight::sampling::key_sample::KeySample;
use crate::insight::sampling::key_table::SampledKey;
use crate::insight::ttl::candidate_ttls::CandidateTtls;
use crate::insight::ttl::gap_model::GapModel;
use crate::insight::ttl::ttl_curve::TtlCurve;
use crate::insight::ttl::ttl_tally::TtlTally;
use crate::insight::wasted_loads::{ValueTally, WastedLoads};

/// The shortest horizon of the working set.
const HOUR: u64 = 3_600_000_000_000;
/// The requests that a half-life must have before counts are halved.
const MIN_REQUESTS_PER_HALF_LIFE: f64 = 10_000.0;

/// The store has a value, and its storing was observed.
const STORED: u8 = 1;
/// A load in the background stored the value.
const BY_REFRESH: u8 = 2;
/// The value has answered a request that didn't load it.
const READ: u8 = 4;
/// A load in the background refreshed the value since the last request.
const REFRESHED: u8 = 8;
/// The store has no value because it was cleaned up after expiry, and not evicted for capacity.
const EXPIRED_SWEPT: u8 = 16;
/// Requests may have been missed since the last one that was observed.
const AFTER_GAP: u8 = 32;

/// At most 4,096 keys, sampled by their hash, and what they show: hit rates at other TTLs, the working set, and wasted
/// loads.
///
/// All keys are sampled until there are too many. Then keys without a request within the horizon are dropped. (The
/// horizon is one hour, or four times the TTL if that is longer.) If that isn't enough, the threshold falls, and the
/// keys above it are dropped. The threshold rises again when the table has emptied.
///
/// Other TTLs ([`CandidateTtls`]) are simulated as requests come in. A request for a key that is new, evicted or
/// invalidated misses at any TTL. So the size of the store is taken into account, as far as TTLs don't change what it
/// evicts. Values that the user inserts are there at any TTL.
///
/// Gaps in the observation are filled by guesses, which are good for hot keys. If most of the time is missed and keys
/// get only a few requests per TTL, other TTLs look too similar to the present one.
///
/// Takes at most 73 KiB, and 9 KiB before the first event. An event takes about 50 ns.
#[derive(Debug)]
pub(crate) struct KeyStatistics {
    sample: KeySample,
    /// The greatest age at which a value answers, in nanoseconds.
    max_age: u64,
    ttl: Option<Duration>,
    candidates: CandidateTtls,
    gaps: GapModel,
    tally: TtlTally,
    values: ValueTally,
    /// Halves old counts.
    decay: Decay,
    /// The requests counted at the last halving.
    counted_at_halving: f64,
}

impl KeyStatistics {
    /// Creates statistics for a cache with this TTL, without refreshes in the background.
    #[cfg(test)]
    pub(crate) fn new(ttl: Option<Duration>) -> Self {
        Self::with_refresh(ttl, Duration::ZERO, Duration::ZERO)
    }

    /// Creates statistics for a cache with this TTL. `None`: entries never expire, or each has its own TTL. Entries are
    /// refreshed in the background from `ahead` before they expire until `stale` after.
    pub(crate) fn with_refresh(ttl: Option<Duration>, ahead: Duration, stale: Duration) -> Self {
        let candidates = CandidateTtls::new(ttl, ahead, stale);
        let (shortest, longest) = (candidates.ttls()[0], candidates.ttls()[candidates.ttls().len() - 1]);
        // Small compared to the shortest TTL, and so large that 32 bits reach well beyond the longest.
        let unit = (shortest / 256).min(1_000_000).max(longest >> 29);
        let max_age = ttl.map_or(Duration::MAX, |ttl| ttl.saturating_add(stale));
        Self {
            sample: KeySample::new(unit, longest.max(HOUR)),
            max_age: nanos(max_age),
            ttl,
            candidates,
            gaps: GapModel::new(),
            tally: TtlTally::default(),
            values: ValueTally::default(),
            decay: Decay::default(),
            counted_at_halving: 0.0,
        }
    }

    /// Returns the threshold: keys with a hash below it are sampled. It changes as events come in.
    pub(crate) fn threshold(&self) -> u64 {
        self.sample.threshold()
    }

    /// Records an event of a sampled key. Events of other keys are ignored.
    pub(crate) fn record(&mut self, sample: &SampledEvent) {
        if sample.hash >= self.threshold() {
            return;
        }
        let before = self.sample.now();
        self.sample.advance(
            sample.at.as_nanos(),
            &mut end_dropped_values(&mut self.values, self.max_age <= self.sample.horizon()),
        );
        if before > 0 {
            self.gaps.advance(self.sample.now() - before);
        }
        self.decay();
        match sample.event {
            KeyEvent::Hit { .. } | KeyEvent::LoadedAbsent { .. } | KeyEvent::LoadedExpired { .. } => {
                self.request(sample)
            }
            KeyEvent::Refreshed { .. } => self.replace(sample.hash, STORED | BY_REFRESH | REFRESHED),
            KeyEvent::Evicted(EvictionReason::Expired) => self.replace(sample.hash, EXPIRED_SWEPT),
            KeyEvent::Evicted(_) => self.replace(sample.hash, 0),
        }
    }

    /// Records that the events until the next one are missed. The state of each key at other TTLs is guessed at its
    /// next request. Takes some microseconds.
    pub(crate) fn pause(&mut self) {
        self.gaps.pause();
        self.sample.pause(|key| key.set_flags(u8::MAX, AFTER_GAP));
    }

    /// Returns hit rates by TTL, given the present hit rate. `None` before 1,000 requests were counted.
    pub(crate) fn ttl_curve(&self, hit_rate: f64) -> Option<TtlCurve> {
        self.tally.ttl_curve(&self.candidates, self.ttl, hit_rate, self.sample.keys().len())
    }

    /// Returns the estimated number of keys requested within the last `window`. `None` if it is longer than the
    /// horizon.
    pub(crate) fn working_set(&self, window: Duration, now: Timestamp) -> Option<u64> {
        self.sample.working_set(window, now.as_nanos())
    }

    /// Returns the share of wasted loads. `None` before the first value ended. Visits all keys.
    pub(crate) fn wasted_loads(&self, loads: u64, now: Timestamp) -> Option<WastedLoads> {
        let mut values = self.values;
        let over = |key: &&SampledKey| now.as_nanos().saturating_sub(self.sample.last(key)) > self.max_age;
        for key in self.sample.keys().iter().filter(over) {
            record_end(&mut values, key, self.sample.weight());
        }
        values.wasted_loads(loads)
    }

    /// Returns the size in bytes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.sample.memory()
    }

    fn request(&mut self, sample: &SampledEvent) {
        let at = self.sample.now();
        let (index, is_new) = match self.sample.find(sample.hash) {
            Some(index) => (index, false),
            None => {
                match self.sample.insert(
                    sample.hash,
                    &mut end_dropped_values(&mut self.values, self.max_age <= self.sample.horizon()),
                ) {
                    Some(index) => (index, true),
                    None => return,
                }
            }
        };
        let (has_complete_history, weight) = (self.sample.has_complete_history(sample.hash), self.sample.weight());
        let last = self.sample.last(&self.sample.keys()[index]);
        let (slack, observed_for) = (2 * self.sample.unit(), self.sample.observed_for());
        self.sample.touch(index);
        let key = self.sample.key_mut(index);
        // The time at which the value that answered was stored.
        let stored = match sample.event {
            KeyEvent::Hit { age, .. } => Some(sample.at.as_nanos().saturating_sub(nanos(age))),
            _ => None,
        };
        let gap = if is_new { !has_complete_history } else { key.has_flag(AFTER_GAP) };
        let absent = matches!(sample.event, KeyEvent::LoadedAbsent { .. }) && !key.has_flag(EXPIRED_SWEPT);
        let misses = match stored {
            _ if absent => {
                self.candidates.load(&mut key.store_ticks, at);
                Some(self.candidates.all())
            }
            _ if is_new && !gap => Some(self.candidates.first_request(&mut key.store_ticks, at, stored)),
            // Only the time of the cache's own load is known.
            _ if is_new => {
                let loaded = stored.unwrap_or(at);
                let interval = self.gaps.mean_interval(observed_for);
                self.candidates.load(&mut key.store_ticks, loaded);
                let gaps = &mut self.gaps;
                stored
                    .map(|_| self.candidates.request_after_gap(&mut key.store_ticks, loaded, at, None, interval, gaps))
            }
            _ if gap => {
                let interval = self.gaps.mean_interval(at.saturating_sub(last));
                let gaps = &mut self.gaps;
                Some(self.candidates.request_after_gap(&mut key.store_ticks, last, at, stored, interval, gaps))
            }
            _ => {
                // No observed event stored the value, so the user inserted it.
                let inserted = stored.filter(|stored| !key.has_flag(REFRESHED) && *stored > last + slack);
                Some(self.candidates.request(&mut key.store_ticks, last, at, inserted))
            }
        };
        if let Some(misses) = misses {
            self.tally.add(stored.is_none(), misses, weight);
        }
        if stored.is_some() {
            key.set_flags(REFRESHED | EXPIRED_SWEPT | AFTER_GAP, READ);
        } else {
            record_end(&mut self.values, key, weight);
            key.set_flags(u8::MAX, STORED);
        }
    }

    /// Records that the value of this key ended, and sets the flags of its replacement.
    fn replace(&mut self, hash: u64, flags: u8) {
        let Some(index) = self.sample.find(hash) else { return };
        let weight = self.sample.weight();
        let key = self.sample.key_mut(index);
        record_end(&mut self.values, key, weight);
        key.set_flags(!AFTER_GAP, flags);
    }

    fn decay(&mut self) {
        let now = Timestamp::from_nanos(self.sample.now());
        let is_due = self.decay.half_lives(now) > 0;
        if is_due && self.tally.counted() - self.counted_at_halving >= MIN_REQUESTS_PER_HALF_LIFE {
            self.tally.halve();
            self.values.halve();
            self.decay.restart(now);
            self.counted_at_halving = self.tally.counted();
        }
    }
}

/// Returns a callback for dropped keys. With `values_too` their values count as ended: they expire before the horizon.
fn end_dropped_values(values: &mut ValueTally, values_too: bool) -> impl FnMut(&SampledKey, f64) {
    move |key, weight| {
        if values_too {
            record_end(values, key, weight);
        }
    }
}

/// Records the end of the value that the store had for a key.
fn record_end(values: &mut ValueTally, key: &SampledKey, weight: f64) {
    if key.has_flag(STORED) {
        values.add(key.has_flag(BY_REFRESH), key.has_flag(READ), weight);
    }
}

#[cfg(test)]
mod tests;
