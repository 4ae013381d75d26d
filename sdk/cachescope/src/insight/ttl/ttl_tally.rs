//! The results of sampled requests, at the cache's own TTL and at the candidate TTLs.

use std::time::Duration;

use crate::insight::ttl::candidate_ttls::{CandidateTtls, MAX_CANDIDATES};
use crate::insight::ttl::ttl_curve::{TtlCurve, TtlPoint};

/// The number of sampled requests before a curve is reported.
const MIN_REQUESTS: f64 = 1000.0;
/// The weight of the prior: this many misses, at the measured miss rate, are added so that a few sampled misses don't
/// decide.
const PRIOR_MISSES: f64 = 10.0;

/// Counts of sampled requests, each weighted by the number of keys that its key represented at that time.
#[derive(Debug, Default)]
pub(crate) struct TtlTally {
    /// The number of requests, without weights.
    counted: f64,
    requests: f64,
    actual_misses: f64,
    misses: [f64; MAX_CANDIDATES],
}

impl TtlTally {
    /// Adds a request with a weight: whether it was a miss, and one bit for each candidate TTL at which it would have
    /// been one.
    pub(crate) fn add(&mut self, actual_miss: bool, misses: u8, weight: f64) {
        self.counted += 1.0;
        self.requests += weight;
        self.actual_misses += if actual_miss { weight } else { 0.0 };
        for (i, sum) in self.misses.iter_mut().enumerate() {
            *sum += if misses >> i & 1 != 0 { weight } else { 0.0 };
        }
    }

    pub(crate) fn counted(&self) -> f64 {
        self.counted
    }

    pub(crate) fn halve(&mut self) {
        let sums = [&mut self.counted, &mut self.requests, &mut self.actual_misses];
        for sum in sums.into_iter().chain(&mut self.misses) {
            *sum /= 2.0;
        }
    }

    /// Returns hit rates by TTL, for a cache with this TTL and hit rate. `None` before 1,000 requests were counted.
    ///
    /// The sample is corrected by the measured hit rate: a sample without the hottest keys has too many misses at any
    /// TTL.
    pub(crate) fn ttl_curve(
        &self,
        candidates: &CandidateTtls,
        ttl: Option<Duration>,
        hit_rate: f64,
        keys: usize,
    ) -> Option<TtlCurve> {
        if self.counted < MIN_REQUESTS {
            return None;
        }
        let prior = PRIOR_MISSES * self.requests / self.counted;
        let correction = ((1.0 - hit_rate) * self.requests + prior) / (self.actual_misses + prior);
        let point = |(&ttl, misses): (&u64, f64)| {
            let miss_rate = (correction * misses / self.requests).clamp(0.0, 1.0);
            TtlPoint { ttl: Duration::from_nanos(ttl), hit_rate: 1.0 - miss_rate }
        };
        let mut points: Vec<_> = candidates.ttls().iter().zip(self.misses).map(point).collect();
        if let Some(ttl) = ttl {
            // A shorter TTL can't be better than the present one, and a longer one not worse.
            points.iter_mut().for_each(|point| {
                let better = point.hit_rate.max(hit_rate);
                point.hit_rate = if point.ttl < ttl { point.hit_rate.min(hit_rate) } else { better };
            });
            points.insert(points.len() / 2, TtlPoint { ttl, hit_rate });
        }
        let mut best = 0.0_f64;
        for point in &mut points {
            best = best.max(point.hit_rate);
            point.hit_rate = best;
        }
        Some(TtlCurve { ttl, hit_rate, points, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rates(tally: &TtlTally, ttl: Option<Duration>, hit_rate: f64) -> Vec<f64> {
        let candidates = CandidateTtls::new(ttl, Duration::ZERO, Duration::ZERO);
        let ttl_curve = tally.ttl_curve(&candidates, ttl, hit_rate, 1).unwrap();
        ttl_curve.points.iter().map(|point| (point.hit_rate * 1000.0).round() / 1000.0).collect()
    }

    #[test]
    fn curve_is_none_before_a_thousand_requests() {
        let mut tally = TtlTally::default();
        let candidates = CandidateTtls::new(Some(SECOND), Duration::ZERO, Duration::ZERO);
        (0..999).for_each(|_| tally.add(true, 0b1111, 50.0));
        assert_eq!(tally.ttl_curve(&candidates, Some(SECOND), 0.5, 1), None);
        tally.add(true, 0b1111, 50.0);
        assert!(tally.ttl_curve(&candidates, Some(SECOND), 0.5, 1).is_some());
    }

    #[test]
    fn sample_is_corrected_by_the_measured_hit_rate() {
        let mut tally = TtlTally::default();
        for n in 0..100_000 {
            // Twice the misses of the cache.
            let misses = if n % 10 < 8 { 0b0001 } else { 0 } | if n % 10 < 6 { 0b0010 } else { 0 };
            let misses = misses | if n % 10 < 2 { 0b0100 } else { 0 } | if n % 10 < 1 { 0b1000 } else { 0 };
            tally.add(n % 10 < 4, misses, 3.0);
        }
        assert_eq!(rates(&tally, Some(SECOND), 0.8), [0.6, 0.7, 0.8, 0.9, 0.95]);
    }

    #[test]
    fn sample_is_used_as_it_is_without_an_actual_miss() {
        let mut tally = TtlTally::default();
        (0..10_000).for_each(|n| tally.add(false, if n % 4 == 0 { 0b11 } else { 0b01 }, 1.0));
        assert_eq!(rates(&tally, None, 1.0), [0.0, 0.75, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn hit_rates_never_fall_with_longer_ttls() {
        let mut tally = TtlTally::default();
        (0..10_000).for_each(|n| tally.add(n % 2 == 0, [0b0110, 0b1001][n % 2], 1.0));
        let rates = rates(&tally, Some(SECOND), 0.5);
        assert!(rates.is_sorted(), "{rates:?}");
        let mut halved = TtlTally { ..tally };
        halved.halve();
        assert!((halved.counted() - 5000.0).abs() < 1e-9);
    }
}
