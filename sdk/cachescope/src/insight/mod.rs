//! What a cache's numbers mean: why it misses, what other sizes and lives would give, which keys carry the load.

mod advice;
mod amplification;
mod candidate_lives;
mod curve;
mod departed;
mod hot_keys;
mod key_sample;
mod key_table;
mod last_loads;
mod life_tally;
mod lifetimes;
mod lru;
mod miniature;
mod pace;
mod sample;
mod sampled_keys;
mod sampler;
mod sampling_level;
mod simulation;
mod space_saving;
mod watcher;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use cachescope_core::{Levels, LoadOutcome, LoadTrigger};

pub use self::advice::{Advice, Gain, Rule};
pub use self::amplification::Amplification;
pub use self::curve::{Curve, CurvePoint};
pub use self::departed::Doubt;
pub use self::hot_keys::{HotKey, HotKeys};
pub use self::lifetimes::{LifetimePoint, Lifetimes};
pub(crate) use self::sample::Seen;
pub(crate) use self::simulation::{Answered, Ground, Limit};
pub(crate) use self::watcher::Watcher;
use crate::metrics::{CacheMetrics, Window};

/// What is sampled or counted by keys counts half when it is older.
const HALF_LIFE: Duration = Duration::from_secs(3_600);

/// What insight asks of a cache.
pub(crate) trait Watched: Ground {
    /// `None` where insight isn't wanted.
    fn watcher(&self) -> Option<&Watcher>;
    /// What it has counted.
    fn numbers(&self) -> CacheMetrics<'_>;
    /// What it keeps entries in.
    fn memory(&self) -> Memory;
    /// The names of those of these keys that it holds, if the user wants them named. Looks at every entry.
    fn key_names(&self, hashes: &[u64]) -> HashMap<u64, String>;
}

/// What a cache keeps entries in, and how.
pub(crate) struct Memory {
    pub(crate) kind: &'static str,
    pub(crate) levels: Levels,
    /// How long entries live, where all live alike.
    pub(crate) life: Option<Duration>,
    pub(crate) expires: bool,
    pub(crate) behind: Option<Behind>,
}

/// How a cache goes about the shared store behind its memory.
#[derive(Clone, Copy)]
pub(crate) struct Behind {
    /// How long one process has the right to load a key; `None`: each loads for itself.
    pub(crate) lease: Option<Duration>,
    /// How long a request waits for a load of others; `None`: as long as it takes.
    pub(crate) patience: Option<Duration>,
    /// How many times as long as asking the store it takes to make bytes of values, and values of bytes.
    pub(crate) coding: Option<f64>,
}

/// What a cache's numbers mean: a handle, as [`CacheMetrics`] is.
///
/// All of it is gathered as requests come, from a sample of the keys where that has to do, in at most 256 KiB a cache
/// (300 where entries are weighed and have become half as heavy) and at a hundredth of a core at most. Each question is
/// answered when it is asked, in less than a millisecond, but for the names of [hot keys](Insight::hot_keys). A cache
/// [without insight](crate::Builder::insight) answers none.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let squares = cachescope::cached("math.squares", |n: u64| async move { n * n }).build();
/// for n in 0..10_000 {
///     squares.call(n * n % 400).await;
/// }
/// let insight = squares.insight();
/// println!("{:?}", insight.hit_rate_at(20_000)); // with twice the room
/// for advice in insight.advice() {
///     println!("{advice}");
/// }
/// # });
/// ```
#[derive(Clone, Copy)]
pub struct Insight<'a> {
    cache: &'a dyn Watched,
}

impl<'a> Insight<'a> {
    pub(crate) fn of(cache: &'a dyn Watched) -> Self {
        Self { cache }
    }

    fn watcher(&self) -> Option<&'a Watcher> {
        self.cache.watcher()
    }

    /// The hit rate of memory as a function of its capacity; `None` where that has no limit, and before some hundred
    /// requests: for sampled keys, or for any where a quarter of the room is enough.
    #[must_use]
    pub fn curve(&self) -> Option<Curve> {
        self.watcher()?.models(self.cache).simulation.as_mut()?.curve(self.cache)
    }

    /// The hit rate that another capacity would give, in entries or bytes as the store's limit is, between a quarter and
    /// eight times the present one.
    #[must_use]
    pub fn hit_rate_at(&self, capacity: u64) -> Option<f64> {
        self.curve()?.hit_rate_at(capacity)
    }

    /// The hit rate as a function of how long entries live; `None` where each lives as long as its value says, for caches
    /// with a shared store, and before enough has been seen.
    #[must_use]
    pub fn lifetimes(&self) -> Option<Lifetimes> {
        let Memory { life, expires, behind, .. } = self.cache.memory();
        if behind.is_some() || (expires && life.is_none()) {
            return None;
        }
        // Of about as long as what is sampled counts.
        let hit_rate = self.cache.numbers().window(Window::Hour).hit_rate()?;
        self.watcher()?.models(self.cache).keys.lifetimes(hit_rate)
    }

    /// The hit rate that another `stale_after` would give, between a quarter and four times the present one; of a cache
    /// without, between a second and an hour.
    #[must_use]
    pub fn hit_rate_with_ttl(&self, ttl: Duration) -> Option<f64> {
        self.lifetimes()?.hit_rate_with_ttl(ttl)
    }

    /// The keys that are asked for most, and those whose loads take most, of about the last hour. They are named where
    /// [`Builder::name_hot_keys`](crate::Builder::name_hot_keys) says how, at the cost of a look at every entry.
    #[must_use]
    pub fn hot_keys(&self) -> HotKeys {
        self.named(self.unnamed_hot_keys())
    }

    fn unnamed_hot_keys(&self) -> HotKeys {
        self.watcher().map_or_else(HotKeys::default, |watcher| watcher.heat().top())
    }

    fn named(&self, mut hot: HotKeys) -> HotKeys {
        let hashes: Vec<u64> = hot.by_requests.iter().chain(&hot.by_load_time).map(|key| key.hash).collect();
        // A look at every entry is no time to hold the lock that requests need.
        let names = self.cache.key_names(&hashes);
        for key in hot.by_requests.iter_mut().chain(&mut hot.by_load_time) {
            key.name = names.get(&key.hash).cloned();
        }
        hot
    }

    /// How many different keys were asked for within `window` until now, up to an hour or four times the life of
    /// entries. Within 2 % of the true number up to 4,096 of them it is exact but for pauses of sampling.
    #[must_use]
    pub fn working_set(&self, window: Duration) -> Option<u64> {
        let watcher = self.watcher()?;
        watcher.models(self.cache).keys.working_set(window, watcher.now())
    }

    /// How much of the loading was for nothing.
    #[must_use]
    pub fn amplification(&self) -> Option<Amplification> {
        let watcher = self.watcher()?;
        let stats = self.cache.numbers().stats();
        let loads = LoadTrigger::ALL.map(|trigger| stats.loads_by(trigger, LoadOutcome::Loaded)).iter().sum();
        watcher.models(self.cache).keys.amplification(loads, watcher.now())
    }

    /// How far the reasons of misses may be wrong: of those that count as cold, evicted, invalidated, rejected, and
    /// expired where the entry was swept. Others are exact.
    #[must_use]
    pub fn miss_reason_doubt(&self) -> Option<Doubt> {
        Some(self.watcher()?.departed().error())
    }

    /// What to do about this cache, what promises most first; nothing while there is too little to go by.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        advice::advice(self)
    }
}

impl fmt::Debug for Insight<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Insight").field("cache", &self.cache.numbers()).finish_non_exhaustive()
    }
}
