//! The numbers that the rules examine.

use std::time::Duration;

use crate::insight::{HitRateCurve, HotKeys, TtlCurve, WastedLoads};

/// The number of requests from which advice is given. A share of 10 % of that many is accurate to 2 points (two sigma),
/// so exceeding a threshold isn't chance. And tuning a cache with fewer requests has no use.
pub(crate) const ENOUGH_REQUESTS: u64 = 1_000;
/// The number of loads from which their duration is used. A mean of that many is accurate to 20 % (two sigma) if the
/// standard deviation equals the mean, as is typical.
pub(crate) const ENOUGH_LOADS: u64 = 100;

const HOUR: f64 = 3_600.0;

/// All numbers that advice is based on, for one period. The rules see nothing else. The defaults describe a cache of
/// which nothing is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence<'a> {
    /// The kind of the store in memory: `Store::kind`.
    pub(crate) store: &'a str,
    /// The length of the period.
    pub(crate) period: Duration,

    /// The requests that the cache could have answered: hits, stale answers, misses, coalesced and absent ones.
    pub(crate) requests: u64,
    /// The total time of these requests. For hits: the timed ones, scaled up by the timing interval.
    pub(crate) request_time: Duration,
    /// The share of hits and stale answers of these requests. `None` without requests.
    pub(crate) hit_rate: Option<f64>,
    /// The requests answered by a cached error. They count as hits with an error.
    pub(crate) cached_errors: u64,
    /// The requests answered by another request's load.
    pub(crate) coalesced: u64,
    /// The requests that loaded.
    pub(crate) misses: u64,
    /// The misses whose entry had expired.
    pub(crate) expired_misses: u64,
    /// The total time that requests waited for the loads of others in this process, whatever the outcome.
    pub(crate) wait_time: Duration,

    /// The loads by misses that ended, whatever the outcome.
    pub(crate) loads: u64,
    /// The total time of these loads.
    pub(crate) load_time: Duration,
    /// The duration of the longest load, including refreshes.
    pub(crate) longest_load: Duration,
    /// The loads in the background.
    pub(crate) refreshes: u64,
    /// The load time that entries saved: `Stats::load_time_saved`.
    pub(crate) load_time_saved: Duration,
    /// The time that caching took: `Stats::caching_time`.
    pub(crate) caching_time: Duration,

    /// The TTL. `None`: values never expire, or each has its own TTL.
    pub(crate) ttl: Option<Duration>,
    /// Whether values expire at all.
    pub(crate) expires: bool,
    /// The entries in memory, also if there is a shared store.
    pub(crate) entries: u64,
    /// The bytes in memory, if known.
    pub(crate) bytes: Option<u64>,
    /// The entries evicted from memory for capacity.
    pub(crate) evicted: u64,
    /// The values rejected because of their size.
    pub(crate) too_large: u64,
    /// The sizes of the stored values, if known.
    pub(crate) sizes: Option<EntrySizes>,

    /// The shared store, if there is one.
    pub(crate) shared: Option<L2Evidence>,

    pub(crate) curve: Option<&'a HitRateCurve>,
    pub(crate) ttl_curve: Option<&'a TtlCurve>,
    pub(crate) hot_keys: Option<&'a HotKeys>,
    pub(crate) wasted_loads: Option<&'a WastedLoads>,
}

/// The sizes of stored entries, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntrySizes {
    pub(crate) count: u64,
    pub(crate) mean: u64,
    /// The 99th percentile.
    pub(crate) p99: u64,
    pub(crate) largest: u64,
}

/// The numbers of a shared store (L2).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct L2Evidence {
    /// The number of gets.
    pub(crate) gets: u64,
    /// The total time of gets.
    pub(crate) get_time: Duration,
    /// The total time of puts.
    pub(crate) put_time: Duration,
    /// The total time for encoding and decoding values. `None` if it wasn't measured.
    pub(crate) coding_time: Option<Duration>,
    /// The duration of a lease, in which one process has the right to load a key. `None`: each process loads for
    /// itself.
    pub(crate) lease: Option<Duration>,
    /// The waits for another process's load that timed out.
    pub(crate) wait_timeouts: u64,
    /// The time after which a request stops waiting for the load of another. `None`: there is no limit.
    pub(crate) wait_timeout: Option<Duration>,
    /// The loaded values that weren't stored, because the key was invalidated or another process loaded it meanwhile.
    pub(crate) overtaken: u64,
}

impl Evidence<'_> {
    /// Returns whether there are enough requests for any advice.
    pub(crate) fn is_sufficient(&self) -> bool {
        self.requests >= ENOUGH_REQUESTS
    }

    /// Returns the mean duration of a load. `None` if there were too few.
    pub(crate) fn mean_load(&self) -> Option<Duration> {
        (self.loads >= ENOUGH_LOADS).then(|| self.load_time.div_f64(self.loads as f64))
    }

    /// Returns the mean time of a miss in memory: a load, or a get from the shared store and sometimes a load.
    pub(crate) fn mean_miss(&self) -> Option<Duration> {
        let load = self.mean_load();
        match self.shared.filter(|shared| shared.gets > 0) {
            Some(shared) => load.map(|_| (shared.get_time + self.load_time).div_f64(shared.gets as f64)),
            None => load,
        }
    }

    /// Converts an amount of this period to an amount per hour.
    pub(crate) fn per_hour(&self, amount: f64) -> f64 {
        let covered = self.period.as_secs_f64();
        if covered > 0.0 { amount * HOUR / covered } else { amount }
    }

    /// Converts an amount of time to time per hour. The result may exceed one hour, since requests run concurrently.
    pub(crate) fn time_per_hour(&self, spent: Duration) -> Duration {
        Duration::try_from_secs_f64(self.per_hour(spent.as_secs_f64())).unwrap_or(Duration::MAX)
    }

    /// Returns the share of all requests.
    pub(crate) fn share_of_requests(&self, number: u64) -> f64 {
        share(number, self.requests)
    }

    /// Returns the share of all loads.
    pub(crate) fn share_of_loads(&self, number: u64) -> f64 {
        share(number, self.loads)
    }
}

/// Returns `number / all`, or 0 if `all` is 0.
pub(crate) fn share(number: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { number as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_converted_to_one_hour() {
        let half_an_hour = Evidence { period: Duration::from_secs(1_800), ..Evidence::default() };
        assert_eq!(half_an_hour.per_hour(10.0), 20.0);
        assert_eq!(half_an_hour.time_per_hour(Duration::from_secs(7)), Duration::from_secs(14));
        assert_eq!(Evidence::default().per_hour(10.0), 10.0);
    }

    #[test]
    fn mean_load_is_none_for_few_loads() {
        let of = |loads| Evidence { loads, load_time: Duration::from_secs(1), ..Evidence::default() }.mean_load();
        assert_eq!((of(0), of(99), of(100)), (None, None, Some(Duration::from_millis(10))));
    }

    #[test]
    fn mean_miss_includes_gets_from_the_shared_store() {
        let memory = Evidence { loads: 100, load_time: Duration::from_secs(1), ..Evidence::default() };
        let l2 = L2Evidence { gets: 1_000, get_time: Duration::from_secs(2), ..L2Evidence::default() };
        assert_eq!(memory.mean_miss(), Some(Duration::from_millis(10)));
        let tiered = Evidence { shared: Some(l2), ..memory };
        assert_eq!(tiered.mean_miss(), Some(Duration::from_millis(3)));
    }
}
