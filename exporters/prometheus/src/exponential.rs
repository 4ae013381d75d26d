//! Conversion of exponential histograms to classic buckets.

use cachescope_exporter::exponential_bound;
use opentelemetry_sdk::metrics::data::ExponentialHistogramDataPoint;

/// The largest number of buckets on either side of zero; finer histograms are merged down. Each bucket is a series in
/// Prometheus, and the SDK keeps up to 160 by default.
const MAX_BUCKETS: usize = 40;

/// The buckets on one side of zero.
struct Side {
    offset: i64,
    counts: Vec<u64>,
}

/// Returns ascending upper bounds, and the number of values between each bound and the one before.
///
/// Buckets are merged in pairs, as the SDK does when a histogram grows. So every bound of a coarser histogram is also a
/// bound of the finer one, and the series of a bound that stays goes on without a gap.
pub(crate) fn classic<T>(point: &ExponentialHistogramDataPoint<T>) -> (Vec<f64>, Vec<u64>) {
    let positive = point.positive_bucket();
    let negative = point.negative_bucket();
    buckets(
        point.scale(),
        (point.zero_threshold(), point.zero_count()),
        (positive.offset(), positive.counts().collect()),
        (negative.offset(), negative.counts().collect()),
    )
}

fn buckets(scale: i8, zero: (f64, u64), positive: (i32, Vec<u64>), negative: (i32, Vec<u64>)) -> (Vec<f64>, Vec<u64>) {
    let mut scale = i32::from(scale);
    let mut sides = [positive, negative].map(|(offset, counts)| Side { offset: i64::from(offset), counts });
    while sides.iter().any(|side| side.counts.len() > MAX_BUCKETS) {
        sides.iter_mut().for_each(Side::halve);
        scale -= 1;
    }
    let [positive, negative] = sides;
    let (mut bounds, mut counts) = (Vec::new(), Vec::new());
    let mut add = |bound: f64, count: u64| {
        // A bound above the range of floats is covered by the infinite bucket.
        if bound.is_finite() {
            bounds.push(bound);
            counts.push(count);
        }
    };
    // The bucket farthest from zero comes first. In a negative bucket, the bound nearer to zero is the upper bound.
    for (index, count) in negative.indexed().rev() {
        add(-exponential_bound(index, scale), count);
    }
    let (threshold, zeroes) = zero;
    if !negative.counts.is_empty() || zeroes > 0 {
        add(threshold, zeroes);
    }
    if let Some((lowest, _)) = positive.indexed().next() {
        // An empty bucket below the lowest one: without it, quantiles would be interpolated from zero.
        if exponential_bound(lowest, scale) > threshold {
            add(exponential_bound(lowest, scale), 0);
        }
    }
    for (index, count) in positive.indexed() {
        add(exponential_bound(index + 1, scale), count);
    }
    (bounds, counts)
}

impl Side {
    /// Merges each pair of buckets.
    fn halve(&mut self) {
        let first = self.offset.div_euclid(2);
        let mut merged = Vec::with_capacity(self.counts.len() / 2 + 1);
        for (index, count) in self.indexed() {
            let place = usize::try_from(index.div_euclid(2) - first).unwrap_or(0);
            if place == merged.len() {
                merged.push(0);
            }
            merged[place] += count;
        }
        (self.offset, self.counts) = (first, merged);
    }

    fn indexed(&self) -> impl DoubleEndedIterator<Item = (i64, u64)> + ExactSizeIterator + '_ {
        (0..self.counts.len()).map(|place| (self.offset + place as i64, self.counts[place]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_up_to(bound: f64, (bounds, counts): &(Vec<f64>, Vec<u64>)) -> u64 {
        bounds.iter().zip(counts).filter(|(b, _)| **b <= bound).map(|(_, count)| count).sum()
    }

    #[test]
    fn bucket_bounds_are_powers_of_the_base() {
        let found = buckets(0, (0.0, 5), (-1, vec![1, 2, 3]), (0, vec![7, 8]));
        assert_eq!(found, (vec![-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 4.0], vec![8, 7, 5, 0, 1, 2, 3]));
        assert_eq!(buckets(1, (0.0, 0), (2, vec![4]), (0, vec![])), (vec![2.0, 2f64.powf(1.5)], vec![0, 4]));
        assert_eq!(buckets(20, (0.0, 0), (0, vec![]), (0, vec![])), (vec![], vec![]));
    }

    #[test]
    fn merged_histogram_keeps_the_counts_below_its_bounds() {
        let counts: Vec<u64> = (0..160).collect();
        let fine = |offset| (offset, counts.clone());
        for offset in [-161, -80, -1, 0, 1, 77] {
            let coarse = buckets(5, (0.0, 3), fine(offset), fine(offset));
            let per_side = coarse.0.iter().filter(|bound| **bound > 0.0).count();
            assert!(per_side <= MAX_BUCKETS + 1, "{per_side}");
            assert_eq!(coarse.1.iter().sum::<u64>(), 3 + 2 * counts.iter().sum::<u64>());
            // The reference counts every bucket of the finer histogram.
            for bound in coarse.0.iter().copied().filter(|bound| *bound > 0.0) {
                let below = (0..160)
                    .filter(|place| exponential_bound(i64::from(offset) + place + 1, 5) <= bound)
                    .map(|n| n as u64);
                let negative: u64 = counts.iter().sum();
                assert_eq!(count_up_to(bound, &coarse), negative + 3 + below.sum::<u64>(), "{bound} at {offset}");
            }
        }
    }

    #[test]
    fn bound_above_the_float_range_is_left_to_the_infinite_bucket() {
        let (bounds, counts) = buckets(-10, (0.0, 0), (0, vec![9]), (0, vec![]));
        assert_eq!((bounds, counts), (vec![1.0], vec![0]));
    }
}
