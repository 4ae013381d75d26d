//! The meaning of a cache's numbers: miss reasons, hit rates at other capacities and TTLs, hot keys, and advice.

mod advice;
mod capacity;
mod decay;
mod hot_keys;
mod miss_reason;
mod sampling;
mod ttl;
mod view;
mod wasted_loads;
mod watcher;

use std::fmt;
use std::time::Duration;

use cachescope_core::{LoadOutcome, LoadTrigger};

pub use self::advice::{Advice, Impact, Rule};
pub(crate) use self::capacity::{CapacityLimit, MemoryHits, SimulatedCache};
pub use self::capacity::{HitRateCurve, HitRatePoint};
pub use self::hot_keys::{HotKey, HotKeys};
pub use self::miss_reason::MissReasonError;
pub(crate) use self::sampling::KeyEvent;
pub use self::ttl::{TtlCurve, TtlPoint};
pub(crate) use self::view::{L2View, MemoryView};
pub use self::wasted_loads::WastedLoads;
pub(crate) use self::watcher::Watcher;
use crate::engine::view::View;
use crate::metrics::Window;

/// Answers questions about a cache: hit rates at other capacities and TTLs, hot keys, working set, advice. A cheap
/// handle, like [`CacheMetrics`](crate::metrics::CacheMetrics).
///
/// The data is gathered as requests come in, mostly from a sample of the keys. It takes at most 256 KiB per cache, and
/// at most 1 % of a core. (Where entries are weighed and have become half as heavy, it takes up to 300 KiB.)
///
/// Each method takes less than a millisecond, except for the names of [hot keys](Insight::hot_keys). All methods return
/// nothing for a cache [without insight](crate::Builder::insight).
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let squares = cachescope::cached("math.squares", |n: u64| async move { n * n }).build();
/// for n in 0..10_000 {
///     squares.call(n * n % 400).await;
/// }
/// let insight = squares.insight();
/// println!("{:?}", insight.hit_rate_at(20_000)); // at twice the capacity
/// for advice in insight.advice() {
///     println!("{advice}");
/// }
/// # });
/// ```
#[derive(Clone, Copy)]
pub struct Insight<'a> {
    cache: &'a dyn View,
}

impl<'a> Insight<'a> {
    pub(crate) fn new(cache: &'a dyn View) -> Self {
        Self { cache }
    }

    fn watcher(&self) -> Option<&'a Watcher> {
        self.cache.watcher()
    }

    /// Returns the hit rate of memory as a function of its capacity.
    ///
    /// `None` if the capacity has no limit, and before about 256 requests. Usually these are requests for sampled keys;
    /// if a quarter of the capacity suffices, all requests count.
    #[doc(alias = "miss-ratio curve")]
    #[doc(alias = "miss_ratio_curve")]
    #[doc(alias = "mrc")]
    #[must_use]
    pub fn curve(&self) -> Option<HitRateCurve> {
        self.watcher()?.models(self.cache).capacity.as_mut()?.curve(self.cache)
    }

    /// Returns the expected hit rate at another capacity, in entries or bytes like the limit of the store. `None`
    /// outside 0.25 to 8 times the present capacity.
    #[must_use]
    pub fn hit_rate_at(&self, capacity: u64) -> Option<f64> {
        self.curve()?.hit_rate_at(capacity)
    }

    /// Returns the hit rate as a function of the TTL.
    ///
    /// `None` if each entry has its own TTL, for caches with a shared store, and before 1,000 sampled requests.
    #[doc(alias = "ttl what-if")]
    #[must_use]
    pub fn ttl_curve(&self) -> Option<TtlCurve> {
        let MemoryView { ttl, expires, l2, .. } = self.cache.memory();
        if l2.is_some() || (expires && ttl.is_none()) {
            return None;
        }
        // The window is about as long as the half-life of the samples.
        let hit_rate = self.cache.metrics().window(Window::Hour).hit_rate()?;
        self.watcher()?.models(self.cache).keys.ttl_curve(hit_rate)
    }

    /// Returns the expected hit rate with another `stale_after`. `None` outside 0.25 to 4 times the present TTL; for a
    /// cache without a TTL, outside one second to one hour.
    #[must_use]
    pub fn hit_rate_with_ttl(&self, ttl: Duration) -> Option<f64> {
        self.ttl_curve()?.hit_rate_with_ttl(ttl)
    }

    /// Returns the keys with the most requests and with the longest total load time, over about the last hour.
    ///
    /// With [`Builder::hot_key_names`](crate::Builder::hot_key_names) the keys have names, at the cost of a visit to
    /// every entry.
    #[doc(alias = "heavy hitters")]
    #[doc(alias = "top_keys")]
    #[must_use]
    pub fn hot_keys(&self) -> HotKeys {
        self.named(self.unnamed_hot_keys())
    }

    fn unnamed_hot_keys(&self) -> HotKeys {
        self.watcher().map_or_else(HotKeys::default, |watcher| watcher.hot_keys().top())
    }

    fn named(&self, mut hot: HotKeys) -> HotKeys {
        let hashes: Vec<u64> = hot.by_requests.iter().chain(&hot.by_load_time).map(|key| key.hash).collect();
        // Without the lock that requests need: this visits every entry.
        let names = self.cache.key_names(&hashes);
        for key in hot.by_requests.iter_mut().chain(&mut hot.by_load_time) {
            key.name = names.get(&key.hash).cloned();
        }
        hot
    }

    /// Returns the number of different keys that were requested within the last `window`. The window can be up to one
    /// hour, or up to four times the TTL if that is longer; `None` for a longer one.
    ///
    /// Up to 4,096 keys the number is exact, except for pauses of the sampling. Above that it is within 2 %.
    #[doc(alias = "footprint")]
    #[doc(alias = "cardinality")]
    #[must_use]
    pub fn working_set(&self, window: Duration) -> Option<u64> {
        let watcher = self.watcher()?;
        watcher.models(self.cache).keys.working_set(window, watcher.now())
    }

    /// Returns the share of the loads whose values were never read again. `None` before the first value ended.
    #[must_use]
    pub fn wasted_loads(&self) -> Option<WastedLoads> {
        let watcher = self.watcher()?;
        let stats = self.cache.metrics().stats();
        let loads = LoadTrigger::ALL.map(|trigger| stats.loads_by(trigger, LoadOutcome::Loaded)).iter().sum();
        watcher.models(self.cache).keys.wasted_loads(loads, watcher.now())
    }

    /// Returns the possible error of miss reasons. It concerns cold, evicted, invalidated and rejected, and expired if
    /// the entry was cleaned up before the request. The other reasons are exact.
    #[must_use]
    pub fn miss_reason_error(&self) -> Option<MissReasonError> {
        Some(self.watcher()?.miss_reasons().error())
    }

    /// Returns advice on this cache, the greatest impact first. Empty while there is too little data.
    #[doc(alias = "recommendations")]
    #[doc(alias = "tuning")]
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        advice::advice(self)
    }
}

impl fmt::Debug for Insight<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Insight").field("cache", &self.cache.metrics()).finish_non_exhaustive()
    }
}
