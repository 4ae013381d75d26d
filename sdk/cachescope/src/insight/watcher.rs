//! The recorder of insight: receives hits, loads and evictions of one cache as they happen.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachescope_core::{Clock, EvictionListener, EvictionReason, MissReason, Timestamp, nanos};

use crate::engine::freshness::Policy;
use crate::insight::capacity::capacity_model::{CapacityLimit, CapacityModel, SimulatedCache};
use crate::insight::hot_keys::HotKeyCounter;
use crate::insight::miss_reason::MissReasons;
use crate::insight::sampling::key_event::{KeyEvent, SampledEvent};
use crate::insight::sampling::key_statistics::KeyStatistics;
use crate::insight::sampling::sampler::{Models, Sampler};

/// The state of insight for one cache. Takes at most 256 KiB, allocated as needed.
pub(crate) struct Watcher {
    pub(crate) sampler: Sampler,
    miss_reasons: MissReasons,
    hot_keys: Mutex<HotKeyCounter>,
    clock: Clock,
}

impl Watcher {
    /// Creates a watcher for a cache with this capacity limit and this expiry policy.
    pub(crate) fn new<V>(limit: Option<CapacityLimit>, policy: &Policy<V>, clock: Clock) -> Self {
        let now = clock.now();
        let ttl = policy.fixed_ttl().map(|ttl| ttl.saturating_add(policy.serve_stale_for()));
        let keys = KeyStatistics::with_refresh(policy.fixed_ttl(), policy.refresh_ahead(), policy.serve_stale_for());
        Self {
            sampler: Sampler::new(limit.map(|limit| CapacityModel::new(limit, ttl)), keys, now),
            miss_reasons: MissReasons::new(),
            hot_keys: Mutex::new(HotKeyCounter::new()),
            clock,
        }
    }

    /// Records an event of a key, if the key is sampled. The caller must hold no lock of the store or of the cache.
    pub(crate) fn record_event(&self, hash: u64, at: Timestamp, event: KeyEvent, cache: &dyn SimulatedCache) {
        self.sampler.resume(at);
        if self.sampler.samples(hash) {
            self.sampler.record(SampledEvent { hash, at, event }, cache);
        }
    }

    /// Records a request. A timed hit represents `weight` hits. Any other request counts once.
    pub(crate) fn record_request(&self, hash: u64, now: Timestamp, weight: u64) {
        // Without waiting for the lock: a lost request is one of many.
        if let Ok(mut hot_keys) = self.hot_keys.try_lock() {
            hot_keys.advance(now);
            hot_keys.record_requests(hash, weight.max(1));
        }
    }

    /// Records that a load of this key took `took`.
    pub(crate) fn record_load(&self, hash: u64, now: Timestamp, took: Duration) {
        let mut hot_keys = self.hot_keys();
        hot_keys.advance(now);
        hot_keys.record_load(hash, nanos(took));
    }

    /// Records that a loaded value of this key isn't kept.
    pub(crate) fn record_rejection(&self, hash: u64) {
        self.miss_reasons.record_rejection(hash);
    }

    /// Returns why memory has no entry for this key.
    pub(crate) fn miss_reason(&self, hash: u64) -> MissReason {
        self.miss_reasons.miss_reason(hash)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn miss_reasons(&self) -> &MissReasons {
        &self.miss_reasons
    }

    pub(crate) fn hot_keys(&self) -> MutexGuard<'_, HotKeyCounter> {
        self.hot_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a pause of the sampling if it is over. Called periodically, since unsampled hits never get here.
    pub(crate) fn resume(&self) {
        self.sampler.resume(self.clock.now());
    }

    /// Records that the user removed all entries.
    pub(crate) fn record_clear(&self) {
        self.sampler.record_clear();
    }

    pub(crate) fn models(&self, cache: &dyn SimulatedCache) -> MutexGuard<'_, Models> {
        self.resume();
        self.sampler.up_to_date_models(cache)
    }
}

impl EvictionListener for Watcher {
    fn on_evict(&self, hash: u64, reason: EvictionReason) {
        self.miss_reasons.record_eviction(hash, reason);
        if self.sampler.samples(hash) {
            self.sampler.enqueue(SampledEvent { hash, at: self.clock.now(), event: KeyEvent::Evicted(reason) });
        }
    }
}
