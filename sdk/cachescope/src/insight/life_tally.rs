//! How sampled requests fared, with the lives that entries have and those that are tried.

use std::time::Duration;

use crate::insight::candidate_lives::{CandidateLives, MOST};
use crate::insight::lifetimes::{LifetimePoint, Lifetimes};

/// So many sampled requests at least before anything is said.
const ENOUGH: f64 = 1000.0;
/// So many live misses as agree with the live rate are imagined, lest few real ones decide.
const IMAGINED: f64 = 10.0;

/// Counts of sampled requests, each weighed by how many keys its own stood for then.
#[derive(Debug, Default)]
pub(crate) struct LifeTally {
    /// How many were counted, unweighed.
    counted: f64,
    requests: f64,
    live_misses: f64,
    misses: [f64; MOST],
}

impl LifeTally {
    /// A request that is one of so many: whether it was a miss, and a bit for each life with which it would have been.
    pub(crate) fn add(&mut self, live_miss: bool, misses: u8, weight: f64) {
        self.counted += 1.0;
        self.requests += weight;
        self.live_misses += if live_miss { weight } else { 0.0 };
        for (i, sum) in self.misses.iter_mut().enumerate() {
            *sum += if misses >> i & 1 != 0 { weight } else { 0.0 };
        }
    }

    pub(crate) fn counted(&self) -> f64 {
        self.counted
    }

    pub(crate) fn halve(&mut self) {
        let sums = [&mut self.counted, &mut self.requests, &mut self.live_misses];
        for sum in sums.into_iter().chain(&mut self.misses) {
            *sum /= 2.0;
        }
    }

    /// Hit rates by life, where the cache has this one. `None` before 1,000 requests were counted.
    ///
    /// What a sample says of a life is put right by what it says, and what is known, of the cache as it is: a sample
    /// without the hottest keys has too many misses with any life.
    pub(crate) fn lifetimes(
        &self,
        lives: &CandidateLives,
        ttl: Option<Duration>,
        hit_rate: f64,
        keys: usize,
    ) -> Option<Lifetimes> {
        if self.counted < ENOUGH {
            return None;
        }
        let imagined = IMAGINED * self.requests / self.counted;
        let right = ((1.0 - hit_rate) * self.requests + imagined) / (self.live_misses + imagined);
        let point = |(&ttl, misses): (&u64, f64)| {
            let miss_rate = (right * misses / self.requests).clamp(0.0, 1.0);
            LifetimePoint { ttl: Duration::from_nanos(ttl), hit_rate: 1.0 - miss_rate }
        };
        let mut points: Vec<_> = lives.ttls().iter().zip(self.misses).map(point).collect();
        if let Some(ttl) = ttl {
            // Those of shorter lives can't be better than what the cache has, and those of longer ones not worse.
            points.iter_mut().for_each(|point| {
                let better = point.hit_rate.max(hit_rate);
                point.hit_rate = if point.ttl < ttl { point.hit_rate.min(hit_rate) } else { better };
            });
            points.insert(points.len() / 2, LifetimePoint { ttl, hit_rate });
        }
        let mut best = 0.0_f64;
        for point in &mut points {
            best = best.max(point.hit_rate);
            point.hit_rate = best;
        }
        Some(Lifetimes { ttl, hit_rate, points, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rates(tally: &LifeTally, ttl: Option<Duration>, hit_rate: f64) -> Vec<f64> {
        let lives = CandidateLives::new(ttl, Duration::ZERO, Duration::ZERO);
        let lifetimes = tally.lifetimes(&lives, ttl, hit_rate, 1).unwrap();
        lifetimes.points.iter().map(|point| (point.hit_rate * 1000.0).round() / 1000.0).collect()
    }

    #[test]
    fn nothing_is_said_before_a_thousand() {
        let mut tally = LifeTally::default();
        let lives = CandidateLives::new(Some(SECOND), Duration::ZERO, Duration::ZERO);
        (0..999).for_each(|_| tally.add(true, 0b1111, 50.0));
        assert_eq!(tally.lifetimes(&lives, Some(SECOND), 0.5, 1), None);
        tally.add(true, 0b1111, 50.0);
        assert!(tally.lifetimes(&lives, Some(SECOND), 0.5, 1).is_some());
    }

    #[test]
    fn the_sample_is_put_right_by_the_live_rate() {
        let mut tally = LifeTally::default();
        for n in 0..100_000 {
            // Twice the misses the cache has.
            let misses = if n % 10 < 8 { 0b0001 } else { 0 } | if n % 10 < 6 { 0b0010 } else { 0 };
            let misses = misses | if n % 10 < 2 { 0b0100 } else { 0 } | if n % 10 < 1 { 0b1000 } else { 0 };
            tally.add(n % 10 < 4, misses, 3.0);
        }
        assert_eq!(rates(&tally, Some(SECOND), 0.8), [0.6, 0.7, 0.8, 0.9, 0.95]);
    }

    #[test]
    fn without_a_live_miss_the_sample_is_believed() {
        let mut tally = LifeTally::default();
        (0..10_000).for_each(|n| tally.add(false, if n % 4 == 0 { 0b11 } else { 0b01 }, 1.0));
        assert_eq!(rates(&tally, None, 1.0), [0.0, 0.75, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn rates_never_fall() {
        let mut tally = LifeTally::default();
        (0..10_000).for_each(|n| tally.add(n % 2 == 0, [0b0110, 0b1001][n % 2], 1.0));
        let rates = rates(&tally, Some(SECOND), 0.5);
        assert!(rates.is_sorted(), "{rates:?}");
        let mut halved = LifeTally { ..tally };
        halved.halve();
        assert!((halved.counted() - 5000.0).abs() < 1e-9);
    }
}
