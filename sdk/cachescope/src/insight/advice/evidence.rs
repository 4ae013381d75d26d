//! What the rules go by.

use std::time::Duration;

use crate::insight::{Amplification, Curve, HotKeys, Lifetimes};

/// Requests that must have been seen before anything is said. A share of 10 % of so many is right within 2 points
/// (two sigma), so what is above a threshold there isn't chance; and nobody gains by tuning a cache that is asked less.
pub(super) const ENOUGH_REQUESTS: u64 = 1_000;
/// Loads that must have been seen before something is said of them, and of what they take: a mean of so many is right
/// within 20 % (two sigma) where durations spread as much as they are long, as they mostly do.
pub(super) const ENOUGH_LOADS: u64 = 100;

const HOUR: f64 = 3_600.0;

/// All numbers that advice follows from, of one stretch of time; the rules see nothing else. The defaults are those of
/// a cache of which nothing is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence<'a> {
    /// The kind of the store in memory, as `Store::kind` has it.
    pub(crate) store: &'a str,
    /// How long all of this took.
    pub(crate) covers: Duration,

    /// Requests that the cache could have answered: hits, stale, missed, coalesced and absent ones.
    pub(crate) requests: u64,
    /// How long all of them took together; hits as far as they were timed, times how rarely that was.
    pub(crate) request_time: Duration,
    /// Of the requests: hits and stale answers, of 1. `None` without any.
    pub(crate) hit_rate: Option<f64>,
    /// Requests that a remembered error answered: hits with an error.
    pub(crate) remembered_errors: u64,
    /// Requests that another request's load answered.
    pub(crate) coalesced: u64,
    /// Requests that loaded.
    pub(crate) misses: u64,
    /// Those of them whose entry was past its time.
    pub(crate) expired: u64,
    /// How long requests waited for loads of others in this process, however that ended.
    pub(crate) wait_time: Duration,

    /// Loads by misses that ended, in whatever way.
    pub(crate) loads: u64,
    /// How long those took together.
    pub(crate) load_time: Duration,
    /// How long the longest load took, refreshes too.
    pub(crate) longest_load: Duration,
    /// Loads behind requests.
    pub(crate) refreshes: u64,
    /// What entries saved of loads: `Stats::load_time_saved`.
    pub(crate) load_time_saved: Duration,
    /// What the cache took for that: `Stats::caching_time`.
    pub(crate) caching_time: Duration,

    /// How long values are fresh; `None` is for ever, or by the value.
    pub(crate) ttl: Option<Duration>,
    /// Whether values expire at all.
    pub(crate) expires: bool,
    /// Entries held in memory, also where there is a store behind.
    pub(crate) entries: u64,
    /// Bytes held in memory, where that is known.
    pub(crate) bytes: Option<u64>,
    /// Entries dropped from memory to make room.
    pub(crate) evicted: u64,
    /// Values that were refused for their size.
    pub(crate) too_large: u64,
    /// How large those were that were stored, where that is known.
    pub(crate) sizes: Option<EntrySizes>,

    /// The store behind, where there is one.
    pub(crate) shared: Option<StoreBehind>,

    pub(crate) curve: Option<&'a Curve>,
    pub(crate) lifetimes: Option<&'a Lifetimes>,
    pub(crate) hot_keys: Option<&'a HotKeys>,
    pub(crate) amplification: Option<&'a Amplification>,
}

/// How large entries were that were stored, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntrySizes {
    pub(crate) count: u64,
    pub(crate) mean: u64,
    /// 99 of 100 are no larger.
    pub(crate) p99: u64,
    pub(crate) largest: u64,
}

/// What a shared store behind the one in memory did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StoreBehind {
    /// How often it was asked for an entry.
    pub(crate) gets: u64,
    /// How long that took in all.
    pub(crate) get_time: Duration,
    /// How long it took to give it entries.
    pub(crate) put_time: Duration,
    /// How long it took to make bytes of values and values of bytes; `None` where nobody measured it.
    pub(crate) coding_time: Option<Duration>,
    /// How long one process has the right to load a key; `None`: each loads for itself.
    pub(crate) lease: Option<Duration>,
    /// Waits for another process's load that took too long.
    pub(crate) timeouts: u64,
    /// How long a request waits for a load of others; `None`: as long as it takes.
    pub(crate) patience: Option<Duration>,
    /// Loaded values that weren't stored, because the key was invalidated or another process loaded it meanwhile.
    pub(crate) overtaken: u64,
}

impl Evidence<'_> {
    /// Whether enough was seen to say anything.
    pub(super) fn suffices(&self) -> bool {
        self.requests >= ENOUGH_REQUESTS
    }

    /// How long a load takes, if enough were seen to say so.
    pub(super) fn mean_load(&self) -> Option<Duration> {
        (self.loads >= ENOUGH_LOADS).then(|| self.load_time.div_f64(self.loads as f64))
    }

    /// How long it takes where memory has nothing: a load, or a look into the shared store and perhaps a load.
    pub(super) fn mean_miss(&self) -> Option<Duration> {
        let load = self.mean_load();
        match self.shared.filter(|shared| shared.gets > 0) {
            Some(shared) => load.map(|_| (shared.get_time + self.load_time).div_f64(shared.gets as f64)),
            None => load,
        }
    }

    /// An amount of the time covered, as one of an hour.
    pub(super) fn per_hour(&self, amount: f64) -> f64 {
        let covered = self.covers.as_secs_f64();
        if covered > 0.0 { amount * HOUR / covered } else { amount }
    }

    /// The same of time that was spent; several requests spend it at once, so it may be more than an hour.
    pub(super) fn time_per_hour(&self, spent: Duration) -> Duration {
        Duration::try_from_secs_f64(self.per_hour(spent.as_secs_f64())).unwrap_or(Duration::MAX)
    }

    /// A share of all requests.
    pub(super) fn of_requests(&self, number: u64) -> f64 {
        share(number, self.requests)
    }

    /// A share of all loads.
    pub(super) fn of_loads(&self, number: u64) -> f64 {
        share(number, self.loads)
    }
}

/// How much of `all` it is; 0 of none.
pub(super) fn share(number: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { number as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_by_the_hour() {
        let half_an_hour = Evidence { covers: Duration::from_secs(1_800), ..Evidence::default() };
        assert_eq!(half_an_hour.per_hour(10.0), 20.0);
        assert_eq!(half_an_hour.time_per_hour(Duration::from_secs(7)), Duration::from_secs(14));
        assert_eq!(Evidence::default().per_hour(10.0), 10.0);
    }

    #[test]
    fn a_few_loads_have_no_mean() {
        let of = |loads| Evidence { loads, load_time: Duration::from_secs(1), ..Evidence::default() }.mean_load();
        assert_eq!((of(0), of(99), of(100)), (None, None, Some(Duration::from_millis(10))));
    }

    #[test]
    fn a_miss_before_a_shared_store_is_a_look_and_at_times_a_load() {
        let memory = Evidence { loads: 100, load_time: Duration::from_secs(1), ..Evidence::default() };
        let behind = StoreBehind { gets: 1_000, get_time: Duration::from_secs(2), ..StoreBehind::default() };
        assert_eq!(memory.mean_miss(), Some(Duration::from_millis(10)));
        let tiered = Evidence { shared: Some(behind), ..memory };
        assert_eq!(tiered.mean_miss(), Some(Duration::from_millis(3)));
    }
}
