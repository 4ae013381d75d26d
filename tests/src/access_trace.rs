//! Synthetic access traces: the same keys for the same arguments, on every machine.

/// Returns keys 0 to `keys` - 1 by Zipf's law, key 0 the hottest: the key of rank r occurs in proportion to 1 / r^`alpha`.
///
/// Exact, with a table of 8 bytes for each key.
///
/// # Panics
/// If there are no keys.
pub fn zipf(alpha: f64, keys: u64, requests: usize, seed: u64) -> impl Iterator<Item = u64> {
    assert!(keys > 0, "Zipf's law needs a key");
    let mut total = 0.0;
    let shares = (1..=keys).map(|rank| {
        total += (rank as f64).powf(-alpha);
        total
    });
    let below: Vec<f64> = shares.collect();
    let mut random = SplitMix64(seed);
    (0..requests).map(move |_| {
        let at = random.share() * total;
        // Rounding may give the end of the range, which belongs to the last key.
        (below.partition_point(|below| *below <= at) as u64).min(keys - 1)
    })
}

/// Returns each key once: 0, 1, 2, …
pub fn scan(requests: usize) -> impl Iterator<Item = u64> {
    0..requests as u64
}

/// Returns the same keys in the same order, repeatedly: the worst case for LRU if they don't fit.
///
/// # Panics
/// On the first key, if `keys` is zero.
pub fn looping(keys: u64, requests: usize) -> impl Iterator<Item = u64> {
    scan(requests).map(move |request| request % keys)
}

/// Returns keys of a set with equal probability; another set replaces it after `every` requests.
///
/// # Panics
/// On the first key, if `set` or `every` is zero.
pub fn shifting(set: u64, every: usize, requests: usize, seed: u64) -> impl Iterator<Item = u64> {
    let mut random = SplitMix64(seed);
    scan(requests).map(move |request| request / every as u64 * set + random.below(set))
}

/// Returns the mix of a store of records: seven of ten requests by Zipf's law (0.9) over `keys` keys, two of a loop over
/// a quarter as many other keys, and one of a scan without repetition.
///
/// # Panics
/// If there are fewer than four keys.
pub fn mixed(keys: u64, requests: usize, seed: u64) -> impl Iterator<Item = u64> {
    assert!(keys >= 4, "a quarter of {keys} keys is none");
    let mut random = SplitMix64(!seed);
    let mut hot = zipf(0.9, keys, requests, seed);
    let mut looping = looping(keys / 4, requests);
    let mut scan = scan(requests);
    (0..requests).map_while(move |_| match random.below(10) {
        0..7 => hot.next(),
        7..9 => looping.next().map(|key| keys + key),
        _ => scan.next().map(|key| 2 * keys + key),
    })
}

/// Sebastiano Vigna's generator, as that of a crate may change with its version.
#[derive(Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number of at least 0 and less than 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a number less than `limit`, with equal probability to 2^-64 times `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        assert!(limit > 0, "nothing is below 0");
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn distinct(keys: impl Iterator<Item = u64>) -> usize {
        keys.collect::<HashSet<_>>().len()
    }

    /// The number of requests for each key.
    fn counts(keys: impl Iterator<Item = u64>) -> HashMap<u64, u64> {
        let mut counts = HashMap::new();
        for key in keys {
            *counts.entry(key).or_default() += 1;
        }
        counts
    }

    #[test]
    fn generator_gives_the_published_numbers() {
        let mut random = SplitMix64(1_234_567);
        let first = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.next(), random.next(), random.next()], first);
    }

    #[test]
    fn zipf_gives_each_rank_its_share() {
        for alpha in [0.6, 0.9, 1.2] {
            let (keys, requests) = (1_000, 1_000_000);
            let counts = counts(zipf(alpha, keys, requests, 7));
            let whole: f64 = (1..=keys).map(|rank| (rank as f64).powf(-alpha)).sum();
            let expected = |rank: u64| requests as f64 * (rank as f64).powf(-alpha) / whole;
            for rank in [1, 2, 10, 100] {
                // Chance exceeds four standard deviations in one of 15,000 trials.
                let (counted, expected) = (counts[&(rank - 1)] as f64, expected(rank));
                assert!((counted - expected).abs() < 4.0 * expected.sqrt(), "{alpha} {rank}: {counted} {expected}");
            }
            let top = counts[&0] as f64 / expected(1);
            assert!((0.99..1.01).contains(&top), "{alpha}: the hottest key's share is {top} of what it should be");
            assert!(counts.keys().all(|key| *key < keys));
        }
        // All keys are equally likely.
        assert!(counts(zipf(0.0, 10, 100_000, 1)).values().all(|count| (9_600..10_400).contains(count)));
        assert_eq!(distinct(zipf(1.0, 1, 100, 1)), 1);
    }

    #[test]
    fn scan_has_each_key_once_and_loop_repeats_them() {
        assert_eq!(scan(5).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(looping(3, 7).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn shifting_set_changes_after_the_given_requests() {
        let keys: Vec<_> = shifting(100, 10_000, 30_000, 3).collect();
        for (phase, keys) in (0..).zip(keys.chunks(10_000)) {
            assert!(keys.iter().all(|key| key / 100 == phase), "phase {phase}");
            assert_eq!(distinct(keys.iter().copied()), 100);
            let counts = counts(keys.iter().copied());
            assert!(counts.values().all(|count| (50..=150).contains(count)), "all alike: {counts:?}");
        }
    }

    #[test]
    fn mix_has_its_parts_in_proportion() {
        let (keys, requests) = (1_000, 100_000);
        let all: Vec<_> = mixed(keys, requests, 5).collect();
        let of = |from: u64, to: u64| all.iter().copied().filter(move |key| (from..to).contains(key));
        let share = |from, to| of(from, to).count() as f64 / requests as f64;
        assert!((share(0, keys) - 0.7).abs() < 0.01 && (share(keys, 2 * keys) - 0.2).abs() < 0.01);
        assert!((share(2 * keys, u64::MAX) - 0.1).abs() < 0.01);
        assert_eq!(distinct(of(keys, 2 * keys)), 250);
        assert_eq!(distinct(of(2 * keys, u64::MAX)), of(2 * keys, u64::MAX).count());
    }

    #[test]
    fn same_arguments_give_the_same_keys_and_another_seed_other_keys() {
        let some = |seed| {
            let all =
                zipf(0.9, 1_000, 1_000, seed).chain(shifting(50, 100, 1_000, seed)).chain(mixed(100, 1_000, seed));
            all.collect::<Vec<_>>()
        };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        // A change here would change measurements that users compare with.
        assert_eq!(zipf(0.9, 1_000, 8, 42).collect::<Vec<_>>(), [230, 2, 7, 13, 0, 486, 4, 328]);
        assert_eq!(mixed(1_000, 8, 42).collect::<Vec<_>>(), [230, 1_000, 2, 7, 13, 0, 486, 4]);
    }
}
