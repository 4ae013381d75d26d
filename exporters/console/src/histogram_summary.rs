//! Summaries of histograms.

use cachescope_exporter::{Bucket, HistogramPoint};
use serde::Serialize;

/// A summary of a histogram. Quantiles are estimates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct HistogramSummary {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
}

impl HistogramSummary {
    pub(crate) fn new(point: &HistogramPoint) -> Self {
        let HistogramPoint { count, sum, min, max, ref buckets } = *point;
        let quantile = |part: f64| quantile(buckets, part, min, max);
        Self { count, sum, min, max, p50: quantile(0.5), p99: quantile(0.99) }
    }

    #[expect(clippy::cast_precision_loss, reason = "a mean is approximate")]
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// Estimates a quantile: assumes that values are evenly distributed within a bucket, and stays between `min` and `max`.
/// Returns `None` without values, and for an open bucket without a known limit.
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
    fn quantile_lies_within_its_bucket_and_between_min_and_max() {
        let at = |part| quantile(&BUCKETS, part, Some(0.5), Some(4.0));
        assert_eq!(at(0.25), Some(0.75));
        assert_eq!(at(0.5), Some(1.0));
        assert_eq!(at(0.74), Some(1.5));
        assert_eq!(at(0.99), Some(3.0));
        assert_eq!(at(1.0), Some(4.0));
    }

    #[test]
    fn quantile_is_none_when_it_cannot_be_estimated() {
        assert_eq!(quantile(&[], 0.5, None, None), None);
        assert_eq!(quantile(&BUCKETS, 0.99, None, None), None);
        assert_eq!(quantile(&BUCKETS, 0.74, None, None), Some(1.5));
    }
}
