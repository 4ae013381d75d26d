//! The comparison of a simulator with its store.
use cachescope_core::Simulator;

/// A store with numbers as keys, to be compared with its [`Simulator`].
pub trait Simulated {
    /// Requests `key`, and stores an entry of this weight if there is none. Returns whether there was one.
    fn request(&mut self, key: u32, weight: u32) -> bool;

    /// Returns whether there is an entry of the key. This doesn't count as a use.
    fn holds(&self, key: u32) -> bool;

    /// Removes the key's entry.
    fn remove(&mut self, key: u32);
}

/// The first difference between a simulator and its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimulationMismatch {
    /// The number of requests before the difference.
    pub after: usize,
    /// The key of the request.
    pub key: u32,
}

/// Sends the same requests to a simulator and its store, and compares them. The requests alternate between skewed
/// accesses, scans, loops that exceed the capacity, and moving working sets. Some keys are removed in between.
///
/// The third argument is `(seed, entries, most)`. The capacity of both should be about that of `entries` entries with
/// weights from 1 to `most`. The same arguments give the same requests.
///
/// ```
/// use std::collections::HashMap;
///
/// use cachescope_core::Simulator;
/// use cachescope_testing::{Simulated, check_simulator};
///
/// /// Keeps everything.
/// #[derive(Default)]
/// struct Map(HashMap<u32, u32>);
///
/// impl Simulated for Map {
///     fn request(&mut self, key: u32, weight: u32) -> bool {
///         self.0.insert(key, weight).is_some()
///     }
///     fn holds(&self, key: u32) -> bool {
///         self.0.contains_key(&key)
///     }
///     fn remove(&mut self, key: u32) {
///         self.0.remove(&key);
///     }
/// }
///
/// impl Simulator for Map {
///     fn access(&mut self, key: u32, weight: u32) -> bool {
///         self.request(key, weight)
///     }
///     fn weight_of(&self, key: u32) -> Option<u32> {
///         self.0.get(&key).copied()
///     }
///     fn remove(&mut self, key: u32) {
///         self.0.remove(&key);
///     }
///     fn clear(&mut self) {
///         self.0.clear();
///     }
///     fn has_been_full(&self) -> bool {
///         false
///     }
///     fn memory(&self) -> usize {
///         self.0.capacity() * 8
///     }
/// }
///
/// assert_eq!(check_simulator(&mut Map::default(), &mut Map::default(), (1, 100, 1)), Ok(()));
/// ```
///
/// # Errors
/// Returns the first request that was a hit for only one of them, or after which the simulator's weight of a key
/// differs from the store's.
pub fn check_simulator(
    simulator: &mut dyn Simulator,
    store: &mut dyn Simulated,
    (seed, entries, most): (u64, u32, u32),
) -> Result<(), SimulationMismatch> {
    let mut random = SplitMix64(seed);
    let weight = |key: u32| 1 + key.wrapping_mul(2_654_435_769) % most;
    for (after, key) in requests(&mut random, entries).into_iter().enumerate() {
        if simulator.access(key, weight(key)) != store.request(key, weight(key)) {
            return Err(SimulationMismatch { after, key });
        }
        let dropped = match random.below(40) {
            0 => key,
            1 => random.skewed(entries * 2),
            _ => continue,
        };
        if simulator.weight_of(dropped) != store.holds(dropped).then(|| weight(dropped)) {
            return Err(SimulationMismatch { after, key: dropped });
        }
        simulator.remove(dropped);
        store.remove(dropped);
    }
    Ok(())
}

fn requests(random: &mut SplitMix64, entries: u32) -> Vec<u32> {
    let (keys, length) = (entries * 8 + 1, 20_000 + 20 * entries as usize);
    let mut requests = Vec::new();
    while requests.len() < length {
        let (sort, start, turns) = (random.below(5), random.below(keys), random.below(4 * entries + 20));
        requests.extend((0..turns).map(|turn| match sort {
            0 | 1 => random.skewed(keys),
            2 => 1_000_000 + start * 100 + turn,
            3 => start + turn % (entries + entries / 5 + 1),
            _ => start + random.skewed(entries + 2),
        }));
    }
    requests
}

struct SplitMix64(u64);

impl SplitMix64 {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((mixed >> 32) * u64::from(end)) >> 32) as u32
    }

    /// Returns small numbers far more often than large ones.
    fn skewed(&mut self, end: u32) -> u32 {
        let below = self.below(end) + 1;
        let below = self.below(below) + 1;
        self.below(below)
    }
}
