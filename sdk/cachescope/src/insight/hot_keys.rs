//! The keys that are asked for the most, and those whose loads take the most time.

use cachescope_core::Moment;

use crate::insight::HALF_LIFE;
use crate::insight::space_saving::{Heavy, SpaceSaving};

/// A cache's hottest keys. A plain value.
///
/// Keys are told by their hash, within the run of a process; by name only where the cache was told to.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct HotKeys {
    /// By how often they are asked for: at most 10, hottest first. Estimates, where only some hits are looked at.
    pub by_requests: Vec<HotKey>,
    /// By how long their loads took, all together: at most 10, hottest first.
    pub by_load_time: Vec<HotKey>,
}

/// One of a cache's hottest keys.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct HotKey {
    /// The key's hash.
    pub hash: u64,
    /// The key, where the cache was told to name keys.
    pub name: Option<String>,
    /// Its share of all requests, or of the time that all loads took, 0 to 1.
    pub share: f64,
    /// By how much the share may be too high for want of counters, at most. How many requests a sampled hit really
    /// stands for isn't in it.
    pub error: f64,
}

/// Counts requests and load time by key. Takes 6 KiB.
#[derive(Debug)]
pub(crate) struct KeyHeat {
    requests: SpaceSaving,
    load_nanos: SpaceSaving,
    halved: Option<Moment>,
}

impl KeyHeat {
    /// How many keys are told.
    const TOP: usize = 10;

    pub(crate) fn new() -> Self {
        Self { requests: SpaceSaving::new(), load_nanos: SpaceSaving::new(), halved: None }
    }

    /// A request of this key, which stands for so many: one in 512 hits that is looked at, for 512.
    pub(crate) fn requests(&mut self, hash: u64, weight: u64) {
        self.requests.add(hash, weight);
    }

    /// A load of this key, which took so long.
    pub(crate) fn loaded(&mut self, hash: u64, nanos: u64) {
        self.load_nanos.add(hash, nanos);
    }

    /// Takes note of the time: what was counted counts half for every hour. To be called now and then.
    pub(crate) fn advance(&mut self, now: Moment) {
        let since = *self.halved.get_or_insert(now);
        // What is halved 64 times is gone.
        let times = (now.since(since).as_secs() / HALF_LIFE.as_secs()).min(64);
        for _ in 0..times {
            self.requests.halve();
            self.load_nanos.halve();
            self.halved = Some(now);
        }
    }

    /// The hottest keys, without their names.
    pub(crate) fn top(&self) -> HotKeys {
        let top = |counts: &SpaceSaving| {
            let key = |heavy: Heavy| HotKey { hash: heavy.hash, name: None, share: heavy.share, error: heavy.error };
            counts.heaviest(Self::TOP).into_iter().map(key).collect()
        };
        HotKeys { by_requests: top(&self.requests), by_load_time: top(&self.load_nanos) }
    }

    /// Bytes it takes.
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
    fn requests_and_load_time_are_apart() {
        let mut heat = KeyHeat::new();
        assert_eq!(heat.top(), HotKeys::default());
        (0..3).for_each(|_| heat.requests(1, 512));
        (0..512).for_each(|_| heat.requests(2, 1));
        heat.loaded(2, 750);
        heat.loaded(3, 250);
        let top = heat.top();
        let key = |hash, share| HotKey { hash, name: None, share, error: 0.0 };
        assert_eq!(top.by_requests, [key(1, 0.75), key(2, 0.25)]);
        assert_eq!(top.by_load_time, [key(2, 0.75), key(3, 0.25)]);
        assert!(heat.memory() <= 8000);
    }

    #[test]
    fn ten_are_told_and_what_was_long_ago_counts_less() {
        let mut heat = KeyHeat::new();
        heat.advance(Moment::from_nanos(HOUR));
        (1..=20).for_each(|hash| heat.requests(hash, 100 * hash));
        assert_eq!(heat.top().by_requests.len(), 10);
        heat.advance(Moment::from_nanos(2 * HOUR - 1));
        heat.requests(30, 1500);
        assert_eq!(heat.top().by_requests[0].hash, 20);
        heat.advance(Moment::from_nanos(2 * HOUR));
        heat.requests(30, 750);
        assert_eq!(heat.top().by_requests[0].hash, 30);
        heat.advance(Moment::from_nanos(99 * HOUR));
        assert_eq!(heat.top(), HotKeys::default());
    }
}
