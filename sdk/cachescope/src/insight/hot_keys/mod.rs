//! The keys with the most requests, and the keys with the longest total load time.

pub(crate) mod space_saving;

use cachescope_core::Timestamp;

use crate::insight::decay::Decay;
use crate::insight::hot_keys::space_saving::{HeavyHitter, SpaceSaving};

/// The hottest keys of a cache. A plain value.
///
/// Keys are identified by their hashes, which are valid within one run of the process. A key has a name only if
/// [`Builder::hot_key_names`](crate::Builder::hot_key_names) is set.
#[doc(alias = "heavy hitters")]
#[doc(alias = "top_keys")]
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct HotKeys {
    /// The keys with the most requests: at most 10, hottest first. Estimates if only some hits are sampled.
    pub by_requests: Vec<HotKey>,
    /// The keys with the longest total load time: at most 10, hottest first.
    pub by_load_time: Vec<HotKey>,
}

/// One of the hottest keys of a cache.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct HotKey {
    /// The hash of the key.
    pub hash: u64,
    /// The name of the key, if [`Builder::hot_key_names`](crate::Builder::hot_key_names) is set.
    pub name: Option<String>,
    /// The share of the key of all requests, or of all load time, 0 to 1.
    pub share: f64,
    /// The largest amount by which `share` may be too high because counters are limited. The uncertainty of sampled
    /// hits isn't included.
    pub error: f64,
}

/// Counts requests and load time per key. Takes 6 KiB.
#[derive(Debug)]
pub(crate) struct HotKeyCounter {
    requests: SpaceSaving,
    load_nanos: SpaceSaving,
    decay: Decay,
}

impl HotKeyCounter {
    /// The number of keys that are reported.
    const REPORTED: usize = 10;

    pub(crate) fn new() -> Self {
        Self { requests: SpaceSaving::new(), load_nanos: SpaceSaving::new(), decay: Decay::default() }
    }

    /// Records requests for a key. A sampled hit counts with its `weight`: 512 if one hit in 512 is sampled.
    pub(crate) fn record_requests(&mut self, hash: u64, weight: u64) {
        self.requests.add(hash, weight);
    }

    /// Records a load of a key that took `nanos` nanoseconds.
    pub(crate) fn record_load(&mut self, hash: u64, nanos: u64) {
        self.load_nanos.add(hash, nanos);
    }

    /// Applies the decay that is due at `now`. Must be called now and then.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        for _ in 0..self.decay.half_lives(now) {
            self.requests.halve();
            self.load_nanos.halve();
            self.decay.restart(now);
        }
    }

    /// Returns the hottest keys, without names.
    pub(crate) fn top(&self) -> HotKeys {
        let top = |counts: &SpaceSaving| {
            let key =
                |heavy: HeavyHitter| HotKey { hash: heavy.hash, name: None, share: heavy.share, error: heavy.error };
            counts.heaviest(Self::REPORTED).into_iter().map(key).collect()
        };
        HotKeys { by_requests: top(&self.requests), by_load_time: top(&self.load_nanos) }
    }

    /// Returns the size in bytes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    #[test]
    fn requests_and_load_time_are_counted_separately() {
        let mut counter = HotKeyCounter::new();
        assert_eq!(counter.top(), HotKeys::default());
        (0..3).for_each(|_| counter.record_requests(1, 512));
        (0..512).for_each(|_| counter.record_requests(2, 1));
        counter.record_load(2, 750);
        counter.record_load(3, 250);
        let top = counter.top();
        let key = |hash, share| HotKey { hash, name: None, share, error: 0.0 };
        assert_eq!(top.by_requests, [key(1, 0.75), key(2, 0.25)]);
        assert_eq!(top.by_load_time, [key(2, 0.75), key(3, 0.25)]);
        assert!(counter.memory() <= 8000);
    }

    #[test]
    fn top_has_ten_keys_and_old_requests_count_less() {
        let mut counter = HotKeyCounter::new();
        counter.advance(Timestamp::from_nanos(HOUR));
        (1..=20).for_each(|hash| counter.record_requests(hash, 100 * hash));
        assert_eq!(counter.top().by_requests.len(), 10);
        counter.advance(Timestamp::from_nanos(2 * HOUR - 1));
        counter.record_requests(30, 1500);
        assert_eq!(counter.top().by_requests[0].hash, 20);
        counter.advance(Timestamp::from_nanos(2 * HOUR));
        counter.record_requests(30, 750);
        assert_eq!(counter.top().by_requests[0].hash, 30);
        counter.advance(Timestamp::from_nanos(99 * HOUR));
        assert_eq!(counter.top(), HotKeys::default());
    }
}
