//! The sampler: passes the events of sampled keys to the models of their cache.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use cachescope_core::Timestamp;

use crate::insight::capacity::capacity_model::{CapacityModel, SimulatedCache};
use crate::insight::sampling::budget::SamplingBudget;
use crate::insight::sampling::key_event::SampledEvent;
use crate::insight::sampling::key_statistics::KeyStatistics;

/// The number of queued samples from which a request passes them to the models.
const BATCH: usize = 8;

/// The most samples in the queue while another thread uses the models. Further ones are lost.
const QUEUE_LIMIT: usize = 64;

/// No pause is active.
const NEVER: u64 = u64::MAX;

/// The sampler of one cache. A key that isn't sampled costs one comparison.
pub(crate) struct Sampler {
    /// Keys with a hash below the threshold are sampled.
    threshold: AtomicU64,
    /// The end of the pause, in nanoseconds.
    resumes_at: AtomicU64,
    queue: Mutex<Vec<SampledEvent>>,
    /// Whether samples were lost.
    lost_samples: AtomicBool,
    /// Whether all entries were removed.
    cleared: AtomicBool,
    models: Mutex<Models>,
}

/// The models that samples feed.
pub(crate) struct Models {
    pub(crate) capacity: Option<CapacityModel>,
    pub(crate) keys: KeyStatistics,
    budget: SamplingBudget,
}

impl Sampler {
    /// Creates a sampler for these models.
    pub(crate) fn new(capacity: Option<CapacityModel>, keys: KeyStatistics, now: Timestamp) -> Self {
        let models = Models { capacity, keys, budget: SamplingBudget::new(now) };
        Self {
            threshold: AtomicU64::new(models.threshold()),
            resumes_at: AtomicU64::new(NEVER),
            queue: Mutex::default(),
            lost_samples: AtomicBool::new(false),
            cleared: AtomicBool::new(false),
            models: Mutex::new(models),
        }
    }

    /// Returns whether the key with this hash is sampled.
    #[inline(always)]
    pub(crate) fn samples(&self, hash: u64) -> bool {
        hash < self.threshold.load(Ordering::Relaxed)
    }

    /// Queues a sample without processing the queue. Can be called from within a store. Returns the length of the
    /// queue.
    pub(crate) fn enqueue(&self, sample: SampledEvent) -> usize {
        let mut queue = self.lock_queue();
        if queue.len() < QUEUE_LIMIT {
            queue.push(sample);
        } else {
            self.lost_samples.store(true, Ordering::Relaxed);
        }
        queue.len()
    }

    /// Records that all entries were removed.
    pub(crate) fn record_clear(&self) {
        self.cleared.store(true, Ordering::Relaxed);
    }

    /// Queues a sample. Processes the queue if it is long enough and no other thread does so. The caller must hold no
    /// lock of the store or of the cache.
    pub(crate) fn record(&self, sample: SampledEvent, cache: &dyn SimulatedCache) {
        if self.enqueue(sample) < BATCH {
            return;
        }
        let mut models = match self.models.try_lock() {
            Ok(models) => models,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.process_queue(&mut models, cache);
    }

    /// Ends a pause that is over.
    #[inline]
    pub(crate) fn resume(&self, now: Timestamp) {
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

    /// Returns the models, after processing the whole queue.
    pub(crate) fn up_to_date_models(&self, cache: &dyn SimulatedCache) -> MutexGuard<'_, Models> {
        let mut models = self.models();
        self.process_queue(&mut models, cache);
        models
    }

    fn models(&self) -> MutexGuard<'_, Models> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the queued samples to the models, in order. The caller holds the lock of the models. Samples that arrive
    /// meanwhile are left to the next caller, so that one request doesn't work for all others.
    fn process_queue(&self, models: &mut Models, cache: &dyn SimulatedCache) {
        let queue = mem::take(&mut *self.lock_queue());
        if self.lost_samples.swap(false, Ordering::Relaxed) {
            models.keys.pause();
        }
        if self.cleared.swap(false, Ordering::Relaxed)
            && let Some(capacity) = &mut models.capacity
        {
            capacity.clear();
        }
        for sample in &queue {
            if let Some(until) = models.record(sample, cache) {
                self.resumes_at.store(until.as_nanos(), Ordering::Relaxed);
                break;
            }
        }
        let is_paused = self.resumes_at.load(Ordering::Relaxed) != NEVER;
        self.threshold.store(if is_paused { 0 } else { models.threshold() }, Ordering::Relaxed);
    }

    fn lock_queue(&self) -> MutexGuard<'_, Vec<SampledEvent>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Models {
    fn threshold(&self) -> u64 {
        self.keys.threshold().max(self.capacity.as_ref().map_or(0, CapacityModel::threshold))
    }

    /// Records a sample. Returns the end of a pause of the sampling, if one begins.
    fn record(&mut self, sample: &SampledEvent, cache: &dyn SimulatedCache) -> Option<Timestamp> {
        if let Some(capacity) = &mut self.capacity {
            capacity.record(sample, cache);
        }
        self.keys.record(sample);
        self.budget.count_sample(sample.at)
    }
}
