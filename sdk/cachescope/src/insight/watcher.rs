//! What watches one cache, for insight: told of hits, loads and departures as they happen.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachescope_core::{Clock, EvictionReason, MissReason, Moment, Remembers, nanos};

use super::departed::Departed;
use super::hot_keys::KeyHeat;
use super::sample::{Sample, Seen};
use super::sampled_keys::SampledKeys;
use super::sampler::{Models, Sampler};
use super::simulation::{Ground, Limit, Simulation};
use crate::policy::Policy;

/// What it has seen. Takes at most 256 KiB, as it needs them.
pub(crate) struct Watcher {
    pub(crate) sampler: Sampler,
    departed: Departed,
    heat: Mutex<KeyHeat>,
    clock: Clock,
}

impl Watcher {
    /// Of a cache whose store may get so large, and whose entries live as `policy` says.
    pub(crate) fn new<V>(limit: Option<Limit>, policy: &Policy<V>, clock: Clock) -> Self {
        let now = clock.now();
        let life = policy.same_life().map(|life| life.saturating_add(policy.serve_stale_for()));
        let keys = SampledKeys::renewing(policy.same_life(), policy.refresh_ahead(), policy.serve_stale_for());
        Self {
            sampler: Sampler::new(limit.map(|limit| Simulation::new(limit, life)), keys, now),
            departed: Departed::new(),
            heat: Mutex::new(KeyHeat::new()),
            clock,
        }
    }

    /// Something happened to a key, which may be sampled. No lock of the store's or of the cache's is to be held.
    pub(crate) fn see(&self, hash: u64, at: Moment, what: Seen, ground: &dyn Ground) {
        self.sampler.resume(at);
        if self.sampler.takes(hash) {
            self.sampler.take(Sample { hash, at, what }, ground);
        }
    }

    /// A request was a hit that is timed, and stands for so many; or it was none, and stands for itself.
    pub(crate) fn asked(&self, hash: u64, now: Moment, stands_for: u64) {
        // Who doesn't get the lock at once is one of many.
        if let Ok(mut heat) = self.heat.try_lock() {
            heat.advance(now);
            heat.requests(hash, stands_for.max(1));
        }
    }

    /// A load of this key took so long.
    pub(crate) fn loaded(&self, hash: u64, now: Moment, took: Duration) {
        let mut heat = self.heat();
        heat.advance(now);
        heat.loaded(hash, nanos(took));
    }

    /// A value that was loaded for this key isn't kept.
    pub(crate) fn rejected(&self, hash: u64) {
        self.departed.rejected(hash);
    }

    /// Why memory has no entry of this key.
    pub(crate) fn why_absent(&self, hash: u64) -> MissReason {
        self.departed.why(hash)
    }

    pub(super) fn now(&self) -> Moment {
        self.clock.now()
    }

    pub(super) fn departed(&self) -> &Departed {
        &self.departed
    }

    pub(super) fn heat(&self) -> MutexGuard<'_, KeyHeat> {
        self.heat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a pause whose time has come: hits alone may never come here.
    pub(crate) fn resume(&self) {
        self.sampler.resume(self.clock.now());
    }

    /// The user dropped every entry.
    pub(crate) fn cleared(&self) {
        self.sampler.cleared();
    }

    pub(super) fn models(&self, ground: &dyn Ground) -> MutexGuard<'_, Models> {
        self.resume();
        self.sampler.models_so_far(ground)
    }
}

impl Remembers for Watcher {
    fn left(&self, hash: u64, reason: EvictionReason) {
        self.departed.left(hash, reason);
        if self.sampler.takes(hash) {
            self.sampler.note(Sample { hash, at: self.clock.now(), what: Seen::Left(reason) });
        }
    }
}
