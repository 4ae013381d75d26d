//! What a histogram says about its values.

use opentelemetry_sdk::metrics::data::{ExponentialHistogramDataPoint, HistogramDataPoint};
use serde::Serialize;

use crate::number::Number;

/// What a histogram says about its values. Quantiles are estimates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
}

/// How many values are above `low` and not above `high`.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    low: f64,
    high: f64,
    count: u64,
}

impl Spread {
    pub(crate) fn of_buckets<T: Copy + Into<Number>>(point: &HistogramDataPoint<T>) -> Self {
        let bounds: Vec<f64> = point.bounds().collect();
        let buckets = point.bucket_counts().enumerate().map(|(index, count)| Bucket {
            low: index.checked_sub(1).map_or(f64::NEG_INFINITY, |below| bounds[below]),
            high: bounds.get(index).copied().unwrap_or(f64::INFINITY),
            count,
        });
        Self::new(buckets.collect(), point.count(), point.sum(), point.min(), point.max())
    }

    pub(crate) fn of_exponents<T: Copy + Into<Number>>(point: &ExponentialHistogramDataPoint<T>) -> Self {
        let step = f64::from(-i32::from(point.scale())).exp2();
        let side = |offset: i32, counts: Vec<u64>| {
            let numbered =
                (0_u32..).zip(counts).map(move |(index, count)| (f64::from(offset) + f64::from(index), count));
            numbered.map(move |(index, count)| Bucket {
                low: (index * step).exp2(),
                high: ((index + 1.0) * step).exp2(),
                count,
            })
        };
        let (below, above) = (point.negative_bucket(), point.positive_bucket());
        let mut buckets: Vec<Bucket> = side(below.offset(), below.counts().collect())
            .map(|Bucket { low, high, count }| Bucket { low: -high, high: -low, count })
            .collect();
        buckets.reverse();
        let zero = point.zero_threshold();
        buckets.push(Bucket { low: -zero, high: zero, count: point.zero_count() });
        buckets.extend(side(above.offset(), above.counts().collect()));
        Self::new(buckets, point.count() as u64, point.sum(), point.min(), point.max())
    }

    fn new<T: Into<Number>>(buckets: Vec<Bucket>, count: u64, sum: T, min: Option<T>, max: Option<T>) -> Self {
        let [min, max] = [min, max].map(|end| end.map(|end| end.into().approximate()));
        let quantile = |part: f64| quantile(&buckets, part, min, max);
        Self { count, sum: sum.into().approximate(), min, max, p50: quantile(0.5), p99: quantile(0.99) }
    }

    #[expect(clippy::cast_precision_loss, reason = "a mean is one")]
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// Within its bucket as if values lay evenly, and never past the least or the largest. None of no values, and in a bucket
/// that is open to where nothing limits it.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn quantile(buckets: &[Bucket], part: f64, min: Option<f64>, max: Option<f64>) -> Option<f64> {
    let all: u64 = buckets.iter().map(|bucket| bucket.count).sum();
    let wanted = part * all as f64;
    let mut below = 0.0;
    for bucket in buckets.iter().filter(|bucket| bucket.count > 0) {
        let count = bucket.count as f64;
        if below + count >= wanted {
            let low = bucket.low.max(min.unwrap_or(f64::NEG_INFINITY));
            let high = bucket.high.min(max.unwrap_or(f64::INFINITY));
            let estimate = low + (high - low) * ((wanted - below) / count);
            return estimate.is_finite().then_some(estimate);
        }
        below += count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKETS: [Bucket; 3] = [
        Bucket { low: f64::NEG_INFINITY, high: 1.0, count: 50 },
        Bucket { low: 1.0, high: 2.0, count: 48 },
        Bucket { low: 2.0, high: f64::INFINITY, count: 2 },
    ];

    #[test]
    fn quantiles_lie_in_their_bucket_and_within_the_ends() {
        let at = |part| quantile(&BUCKETS, part, Some(0.5), Some(4.0));
        assert_eq!(at(0.25), Some(0.75));
        assert_eq!(at(0.5), Some(1.0));
        assert_eq!(at(0.74), Some(1.5));
        assert_eq!(at(0.99), Some(3.0));
        assert_eq!(at(1.0), Some(4.0));
    }

    #[test]
    fn what_cannot_be_estimated_is_not_made_up() {
        assert_eq!(quantile(&[], 0.5, None, None), None);
        assert_eq!(quantile(&BUCKETS, 0.99, None, None), None);
        assert_eq!(quantile(&BUCKETS, 0.74, None, None), Some(1.5));
    }
}
