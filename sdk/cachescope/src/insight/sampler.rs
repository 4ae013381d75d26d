//! Takes the requests of a sample of keys to the models of their cache.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use cachescope_core::Moment;

use super::pace::Pace;
use super::sample::Sample;
use super::sampled_keys::SampledKeys;
use super::simulation::{Ground, Simulation};

/// Samples that wait before somebody takes them to the models.
const BATCH: usize = 8;

/// Samples that wait at most, while another thread is at the models; what comes then is lost.
const WAITING: usize = 64;

/// No pause is on.
const NEVER: u64 = u64::MAX;

/// The sampling of one cache. A key that isn't sampled costs its cache one comparison.
pub(crate) struct Sampler {
    /// Keys with a hash below it are sampled.
    threshold: AtomicU64,
    /// When the pause ends, in nanoseconds.
    resumes_at: AtomicU64,
    waiting: Mutex<Vec<Sample>>,
    /// Whether some were lost.
    missed: AtomicBool,
    /// Whether all entries were dropped.
    cleared: AtomicBool,
    models: Mutex<Models>,
}

/// What goes by samples.
pub(super) struct Models {
    pub(super) simulation: Option<Simulation>,
    pub(super) keys: SampledKeys,
    pace: Pace,
}

impl Sampler {
    /// For these models.
    pub(super) fn new(simulation: Option<Simulation>, keys: SampledKeys, now: Moment) -> Self {
        let models = Models { simulation, keys, pace: Pace::new(now) };
        Self {
            threshold: AtomicU64::new(models.threshold()),
            resumes_at: AtomicU64::new(NEVER),
            waiting: Mutex::default(),
            missed: AtomicBool::new(false),
            cleared: AtomicBool::new(false),
            models: Mutex::new(models),
        }
    }

    /// Whether the key with this hash is sampled.
    #[inline(always)]
    pub(crate) fn takes(&self, hash: u64) -> bool {
        hash < self.threshold.load(Ordering::Relaxed)
    }

    /// Takes a sample without going to the models: from within a store.
    pub(super) fn note(&self, sample: Sample) -> usize {
        let mut waiting = self.lock_waiting();
        if waiting.len() < WAITING {
            waiting.push(sample);
        } else {
            self.missed.store(true, Ordering::Relaxed);
        }
        waiting.len()
    }

    /// All entries were dropped.
    pub(super) fn cleared(&self) {
        self.cleared.store(true, Ordering::Relaxed);
    }

    /// Takes a sample, and some to the models if enough of them wait and nobody else does so. No lock of the store's or
    /// of the cache's is to be held.
    pub(super) fn take(&self, sample: Sample, ground: &dyn Ground) {
        if self.note(sample) < BATCH {
            return;
        }
        let mut models = match self.models.try_lock() {
            Ok(models) => models,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.feed(&mut models, ground);
    }

    /// Ends a pause whose time has come.
    #[inline]
    pub(super) fn resume(&self, now: Moment) {
        if now.as_nanos() >= self.resumes_at.load(Ordering::Relaxed) {
            self.resume_now();
        }
    }

    #[cold]
    fn resume_now(&self) {
        let mut models = self.models();
        if self.resumes_at.swap(NEVER, Ordering::Relaxed) != NEVER {
            models.keys.pause();
            self.threshold.store(models.threshold(), Ordering::Relaxed);
        }
    }

    /// The models, with all that was sampled so far.
    pub(super) fn models_so_far(&self, ground: &dyn Ground) -> MutexGuard<'_, Models> {
        let mut models = self.models();
        self.feed(&mut models, ground);
        models
    }

    fn models(&self) -> MutexGuard<'_, Models> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what waits to the models, in the order it came in, since whoever feeds holds them. What comes meanwhile is for
    /// whoever comes next: one request doesn't work for all others.
    fn feed(&self, models: &mut Models, ground: &dyn Ground) {
        let waiting = mem::take(&mut *self.lock_waiting());
        if self.missed.swap(false, Ordering::Relaxed) {
            models.keys.pause();
        }
        if self.cleared.swap(false, Ordering::Relaxed)
            && let Some(simulation) = &mut models.simulation
        {
            simulation.clear();
        }
        for sample in &waiting {
            if let Some(until) = models.see(sample, ground) {
                self.resumes_at.store(until.as_nanos(), Ordering::Relaxed);
                break;
            }
        }
        let is_paused = self.resumes_at.load(Ordering::Relaxed) != NEVER;
        self.threshold.store(if is_paused { 0 } else { models.threshold() }, Ordering::Relaxed);
    }

    fn lock_waiting(&self) -> MutexGuard<'_, Vec<Sample>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Models {
    fn threshold(&self) -> u64 {
        self.keys.threshold().max(self.simulation.as_ref().map_or(0, Simulation::threshold))
    }

    /// Gives the time until which to take no more samples, if it is one.
    fn see(&mut self, sample: &Sample, ground: &dyn Ground) -> Option<Moment> {
        if let Some(simulation) = &mut self.simulation {
            simulation.see(sample, ground);
        }
        self.keys.see(sample);
        self.pace.count(sample.at)
    }
}
