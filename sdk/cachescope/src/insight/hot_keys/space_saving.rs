//! The heaviest of many keys, counted with a fixed number of counters.

/// The number of counters. A key with more than 1/128 of the total always has one.
const COUNTERS: usize = 128;
/// Marks an unused counter. The hash 0 itself is never counted.
const UNUSED: u64 = 0;

/// Counts the heaviest of many hashes with the space-saving algorithm (Metwally, Agrawal, El Abbadi, 2005).
///
/// A hash without a counter replaces the hash with the smallest count, and inherits that count. So no count is too low,
/// and none is too high by more than the inherited count.
///
/// Takes 3 KiB. Finding a hash takes about 50 ns, a replacement twice as long.
#[derive(Debug)]
pub(crate) struct SpaceSaving {
    hashes: [u64; COUNTERS],
    counts: [u64; COUNTERS],
    errors: [u64; COUNTERS],
    total: u64,
}

/// One of the heaviest hashes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HeavyHitter {
    pub(crate) hash: u64,
    /// The share of the total, 0 to 1. Never too low.
    pub(crate) share: f64,
    /// The largest amount by which `share` may be too high.
    pub(crate) error: f64,
}

impl SpaceSaving {
    pub(crate) fn new() -> Self {
        let zeros = [0; COUNTERS];
        Self { hashes: [UNUSED; COUNTERS], counts: zeros, errors: zeros, total: 0 }
    }

    /// Adds `weight` to the count of `hash`. For the hash 0, only the total grows.
    pub(crate) fn add(&mut self, hash: u64, weight: u64) {
        self.total = self.total.saturating_add(weight);
        if hash == UNUSED {
            return;
        }
        let at = self.hashes.iter().position(|held| *held == hash).unwrap_or_else(|| self.replace_smallest(hash));
        self.counts[at] = self.counts[at].saturating_add(weight);
    }

    /// Halves all counts.
    pub(crate) fn halve(&mut self) {
        self.total /= 2;
        for count in self.counts.iter_mut().chain(&mut self.errors) {
            *count /= 2;
        }
    }

    /// Returns at most `most` hashes, the heaviest first.
    pub(crate) fn heaviest(&self, most: usize) -> Vec<HeavyHitter> {
        let mut order: Vec<_> = (0..COUNTERS).filter(|at| self.counts[*at] > 0).collect();
        order.sort_by_key(|at| std::cmp::Reverse(self.counts[*at]));
        let share = |of: u64| of as f64 / self.total.max(1) as f64;
        let heavy = |at: usize| HeavyHitter {
            hash: self.hashes[at],
            share: share(self.counts[at]),
            error: share(self.errors[at]),
        };
        order.into_iter().take(most).map(heavy).collect()
    }

    fn replace_smallest(&mut self, hash: u64) -> usize {
        let mut smallest = 0;
        for at in 1..COUNTERS {
            if self.counts[at] < self.counts[smallest] {
                smallest = at;
            }
        }
        self.hashes[smallest] = hash;
        self.errors[smallest] = self.counts[smallest];
        smallest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_counted_exactly_while_counters_suffice() {
        let mut counts = SpaceSaving::new();
        for hash in 1..=100 {
            (0..hash).for_each(|_| counts.add(hash, 2));
        }
        let top = counts.heaviest(2);
        assert_eq!(top, [100, 99].map(|hash| HeavyHitter { hash, share: hash as f64 / 5050.0, error: 0.0 }));
        counts.halve();
        assert_eq!(counts.heaviest(2), top);
        assert_eq!(counts.heaviest(1000).len(), 100);
    }

    #[test]
    fn share_is_never_too_low_and_too_high_by_at_most_its_error() {
        let mut counts = SpaceSaving::new();
        let mut real = std::collections::HashMap::<u64, u64>::new();
        let mut random = 1_u64;
        for _ in 0..200_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Roughly a Zipf distribution: as many requests for keys 1 to 10 as for 10 to 100.
            let hash = (50_000_f64).powf((random >> 11) as f64 / 2_f64.powi(53)) as u64;
            counts.add(hash, hash % 3 + 1);
            *real.entry(hash).or_default() += hash % 3 + 1;
        }
        let total: u64 = real.values().sum();
        for heavy in counts.heaviest(COUNTERS) {
            let share = real[&heavy.hash] as f64 / total as f64;
            assert!(heavy.share >= share && heavy.share - heavy.error <= share + 1e-12, "{heavy:?} {share}");
            assert!(heavy.error <= 1.0 / COUNTERS as f64);
        }
        let mut order: Vec<_> = real.iter().collect();
        order.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let heaviest: Vec<_> = counts.heaviest(10).iter().map(|heavy| heavy.hash).collect();
        assert!(order[..10].iter().all(|(hash, _)| heaviest.contains(hash)), "{heaviest:?} {:?}", &order[..10]);
    }

    #[test]
    fn heaviest_is_empty_before_anything_is_counted() {
        let mut counts = SpaceSaving::new();
        assert_eq!(counts.heaviest(10), []);
        counts.add(0, 5);
        counts.add(7, 5);
        assert_eq!(counts.heaviest(10), [HeavyHitter { hash: 7, share: 0.5, error: 0.0 }]);
    }
}
