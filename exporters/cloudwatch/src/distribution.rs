//! Histograms as CloudWatch accepts them: some values of each bucket, for percentiles, and the exact statistics.

use cachescope_exporter::{Bucket, HistogramPoint};

/// The limit for the values that are sent for one bucket: the same as in the CloudWatch agent.
const VALUES_PER_BUCKET: u64 = 10;

/// The measurements of a histogram, by bucket. Adding two distributions loses only the positions within a bucket.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Distribution {
    count: u64,
    sum: f64,
    /// `None` if the histogram didn't record it.
    min: Option<f64>,
    max: Option<f64>,
    /// The buckets that aren't empty.
    buckets: Vec<Bucket>,
}

/// The count, sum, smallest and largest value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Statistics {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// A part of a distribution that fits into one datum. The statistics of all parts add up to those of the distribution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DistributionPart {
    pub(crate) statistics: Statistics,
    /// Ascending.
    pub(crate) values: Vec<f64>,
    /// The count of each value.
    pub(crate) counts: Vec<f64>,
}

impl From<HistogramPoint> for Distribution {
    fn from(point: HistogramPoint) -> Self {
        let HistogramPoint { count, sum, min, max, buckets } = point;
        Self { count, sum, min, max, buckets: buckets.into_iter().filter(|bucket| bucket.count > 0).collect() }
    }
}

impl Distribution {
    /// Creates a distribution of an explicit-bucket histogram.
    #[cfg(test)]
    pub(crate) fn explicit(
        count: u64,
        sum: f64,
        (min, max): (Option<f64>, Option<f64>),
        bounds: &[f64],
        counts: &[u64],
    ) -> Self {
        HistogramPoint { count, sum, min, max, buckets: Bucket::explicit(bounds, counts.iter().copied()) }.into()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Converts the distribution to another unit.
    pub(crate) fn times(mut self, factor: f64) -> Self {
        self.sum *= factor;
        self.min = self.min.map(|min| min * factor);
        self.max = self.max.map(|max| max * factor);
        for bucket in &mut self.buckets {
            *bucket = bucket.scaled(factor);
        }
        self
    }

    /// Adds the measurements of another distribution.
    pub(crate) fn add(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        if other.is_empty() {
            return;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.zip(other.min).map(|(a, b)| a.min(b));
        self.max = self.max.zip(other.max).map(|(a, b)| a.max(b));
        self.buckets.extend(other.buckets);
        self.buckets.sort_by(|a, b| a.low.total_cmp(&b.low).then(a.high.total_cmp(&b.high)));
        self.buckets.dedup_by(|next, kept| {
            let same = next.low.total_cmp(&kept.low).is_eq() && next.high.total_cmp(&kept.high).is_eq();
            if same {
                kept.count += next.count;
            }
            same
        });
    }

    /// Splits the distribution into parts of at most `most` values. If there are many buckets, each gets fewer values, so that
    /// one part suffices if possible. A distribution without buckets is one part without values.
    pub(crate) fn parts(&self, most: usize) -> Vec<DistributionPart> {
        let weighted = self.weighted(most);
        let mean = self.sum / self.count as f64;
        let min = self.min.or(weighted.first().map(|(value, _)| *value)).unwrap_or(mean);
        let max = self.max.or(weighted.last().map(|(value, _)| *value)).unwrap_or(mean);
        let whole = Statistics { count: self.count as f64, sum: self.sum, min, max };
        let mut chunks: Vec<&[(f64, u64)]> = weighted.chunks(most).collect();
        let Some(last) = chunks.pop().filter(|_| !chunks.is_empty()) else {
            return vec![DistributionPart::new(whole, &weighted)];
        };
        // The difference between the exact sum and that of the values is divided among the parts by their counts.
        let approximated: f64 = weighted.iter().map(|(value, count)| value * *count as f64).sum();
        let missed = (whole.sum - approximated) / whole.count;
        let mut left = whole;
        let mut parts = Vec::with_capacity(chunks.len() + 1);
        for chunk in chunks {
            let count = chunk.iter().map(|(_, count)| *count).sum::<u64>() as f64;
            let sum = chunk.iter().map(|(value, count)| value * *count as f64).sum::<f64>() + missed * count;
            let low = if parts.is_empty() { min } else { chunk[0].0 };
            let part = Statistics { count, sum, min: low, max: chunk[chunk.len() - 1].0 };
            left.count -= count;
            left.sum -= sum;
            parts.push(DistributionPart::new(part, chunk));
        }
        parts.push(DistributionPart::new(Statistics { min: last[0].0, ..left }, last));
        parts
    }

    /// Returns values with their counts, ascending.
    fn weighted(&self, most: usize) -> Vec<(f64, u64)> {
        let share = most.checked_div(self.buckets.len()).unwrap_or(0) as u64;
        let each = share.clamp(1, VALUES_PER_BUCKET);
        let mut values: Vec<_> = self.buckets.iter().flat_map(|bucket| spread(self.tight(bucket), each)).collect();
        values.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        values.dedup_by(|(next, more), (kept, count)| {
            let same = *next == *kept;
            if same {
                *count += *more;
            }
            same
        });
        values
    }

    /// Returns the bucket narrowed to the range that values can have.
    fn tight(&self, bucket: &Bucket) -> Bucket {
        let (min, max) = (self.min.unwrap_or(f64::NEG_INFINITY), self.max.unwrap_or(f64::INFINITY));
        let (mut low, mut high) = (bucket.low.max(min).min(max), bucket.high.min(max).max(min));
        // An open bucket is narrowed to its other end.
        if !low.is_finite() {
            low = high;
        }
        if !high.is_finite() {
            high = low;
        }
        if !low.is_finite() {
            (low, high) = (self.sum / self.count as f64, self.sum / self.count as f64);
        }
        Bucket { low, high, count: bucket.count }
    }
}

/// Returns at most `most` values spread evenly over the bucket, each with a count that is as even as possible.
fn spread(bucket: Bucket, most: u64) -> impl Iterator<Item = (f64, u64)> {
    let Bucket { low, high, count } = bucket;
    let values = if low == high { 1 } else { most.min(count).max(1) };
    let (share, rest) = (count / values, count % values);
    (0..values).map(move |at| {
        let value = low + (high - low) * ((at as f64 + 0.5) / values as f64);
        (value.max(low).min(high), share + u64::from(at < rest))
    })
}

impl DistributionPart {
    fn new(statistics: Statistics, weighted: &[(f64, u64)]) -> Self {
        Self {
            statistics,
            values: weighted.iter().map(|(value, _)| *value).collect(),
            counts: weighted.iter().map(|(_, count)| *count as f64).collect(),
        }
    }

    /// Returns all numbers of the part.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = f64> {
        let Statistics { count, sum, min, max } = self.statistics;
        [count, sum, min, max].into_iter().chain(self.values.iter().copied()).chain(self.counts.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use cachescope_exporter::ExponentialSide;
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: [f64; 3] = [1.0, 5.0, 10.0];

    #[test]
    fn values_lie_in_their_bucket_and_statistics_are_exact() {
        let of = Distribution::explicit(25, 77.0, (Some(0.5), Some(12.0)), &BOUNDS, &[3, 20, 0, 2]);
        let parts = of.parts(150);
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].statistics, Statistics { count: 25.0, sum: 77.0, min: 0.5, max: 12.0 });
        let within = |low: f64, high: f64| -> Vec<(f64, f64)> {
            let all = parts[0].values.iter().copied().zip(parts[0].counts.iter().copied());
            all.filter(|(value, _)| (low..=high).contains(value)).collect()
        };
        let of = |part: &[(f64, f64)]| (part.len(), part.iter().map(|(_, count)| count).sum::<f64>());
        assert_eq!(of(&within(0.5, 1.0)), (3, 3.0));
        assert_eq!(of(&within(1.0, 5.0)), (10, 20.0));
        assert_eq!(of(&within(10.0, 12.0)), (2, 2.0));
        assert_eq!(parts[0].values.len(), 15);
    }

    #[test]
    fn open_bucket_is_narrowed_to_its_other_end() {
        let of = Distribution::explicit(3, 20.0, (None, None), &BOUNDS, &[1, 0, 0, 2]);
        let parts = of.parts(150);
        assert_eq!((parts[0].values.as_slice(), parts[0].counts.as_slice()), (&[1.0, 10.0][..], &[1.0, 2.0][..]));
        assert_eq!(parts[0].statistics, Statistics { count: 3.0, sum: 20.0, min: 1.0, max: 10.0 });
    }

    #[test]
    fn distribution_without_buckets_has_only_statistics() {
        let parts = Distribution::explicit(4, 8.0, (Some(1.0), Some(3.0)), &[], &[]).parts(150);
        assert_eq!(parts[0].statistics, Statistics { count: 4.0, sum: 8.0, min: 1.0, max: 3.0 });
        assert!(parts[0].values.is_empty());
        let parts = Distribution::explicit(4, 8.0, (None, None), &[], &[4]).parts(150);
        assert_eq!((parts[0].values[0], parts[0].statistics.min, parts[0].statistics.max), (2.0, 2.0, 2.0));
    }

    #[test]
    fn empty_exponential_buckets_are_left_out() {
        let positive = ExponentialSide { offset: 1, counts: vec![4, 0, 1] };
        let negative = ExponentialSide { offset: 0, counts: vec![2] };
        let buckets = Bucket::exponential(0, 0.0, 3, &positive, &negative);
        let of = Distribution::from(HistogramPoint { count: 10, sum: 20.0, min: Some(-1.5), max: Some(12.0), buckets });
        // Scale 0: bounds are the powers of two.
        assert_eq!(
            of.buckets,
            [
                Bucket { low: -2.0, high: -1.0, count: 2 },
                Bucket { low: 0.0, high: 0.0, count: 3 },
                Bucket { low: 2.0, high: 4.0, count: 4 },
                Bucket { low: 8.0, high: 16.0, count: 1 },
            ]
        );
        let parts = of.parts(150);
        assert!(parts[0].values.iter().all(|value| (-1.5..=12.0).contains(value)), "{:?}", parts[0]);
        assert_eq!(parts[0].counts.iter().sum::<f64>(), 10.0);
    }

    #[test]
    fn equal_buckets_are_added() {
        let mut one = Distribution::explicit(2, 3.0, (Some(1.0), Some(2.0)), &BOUNDS, &[1, 1]);
        one.add(Distribution::explicit(3, 30.0, (Some(4.0), Some(20.0)), &BOUNDS, &[0, 1, 0, 2]));
        let both = Distribution::explicit(5, 33.0, (Some(1.0), Some(20.0)), &BOUNDS, &[1, 2, 0, 2]);
        assert_eq!(one, both);
        one.add(Distribution::explicit(1, 1.0, (None, None), &BOUNDS, &[1]));
        assert_eq!((one.count, one.min), (6, None), "the minimum is unknown if one of both is");
    }

    #[test]
    fn unit_conversion_applies_to_all_numbers() {
        let of = Distribution::explicit(2, 3.0, (Some(1.0), Some(2.0)), &[1.0, 2.0], &[1, 1]);
        let times = Distribution::explicit(2, 180.0, (Some(60.0), Some(120.0)), &[60.0, 120.0], &[1, 1]);
        assert_eq!(of.times(60.0), times);
    }

    proptest! {
        #[test]
        fn parts_add_up_and_stay_within_the_limit(
            counts in proptest::collection::vec(0u64..1_000, 2..400),
            most in 1usize..200,
            off in -1.0f64..1.0,
        ) {
            let bounds: Vec<f64> = (1..counts.len()).map(|at| at as f64).collect();
            let count: u64 = counts.iter().sum();
            prop_assume!(count > 0);
            let middle: f64 = counts.iter().enumerate().map(|(at, count)| (at as f64 + 0.5) * *count as f64).sum();
            let sum = middle + off * count as f64 / 2.0;
            let of = Distribution::explicit(count, sum, (Some(0.0), Some(counts.len() as f64)), &bounds, &counts);
            let parts = of.parts(most);
            let occupied = counts.iter().filter(|count| **count > 0).count();
            prop_assert!(parts.len() <= occupied.div_ceil(most));
            prop_assert!(parts.iter().all(|part| part.values.len() <= most && part.values.len() == part.counts.len()));
            let total = |of: fn(&DistributionPart) -> f64| parts.iter().map(of).sum::<f64>();
            prop_assert_eq!(total(|part| part.statistics.count), count as f64);
            prop_assert_eq!(total(|part| part.counts.iter().sum()), count as f64);
            prop_assert!((total(|part| part.statistics.sum) - sum).abs() <= 1e-9 * sum.abs().max(1.0));
            prop_assert_eq!(parts[0].statistics.min, 0.0);
            prop_assert_eq!(parts[parts.len() - 1].statistics.max, counts.len() as f64);
            for part in &parts {
                let Statistics { min, max, .. } = part.statistics;
                prop_assert!(part.values.iter().all(|value| (min..=max).contains(value)));
            }
        }
    }
}
