//! What a histogram measured, in buckets, and how CloudWatch is told: some values of each bucket for percentiles, and
//! the exact statistics beside them.

/// Values said of one bucket at most: as many as the CloudWatch agent says.
const INNER_VALUES: u64 = 10;

/// Measurements by bucket. Equal to the sum of its parts: adding two of them up loses nothing but where in a bucket
/// each lay.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Distribution {
    count: u64,
    sum: f64,
    /// Not every histogram knows.
    min: Option<f64>,
    max: Option<f64>,
    /// Those that aren't empty.
    buckets: Vec<Bucket>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    low: f64,
    high: f64,
    count: u64,
}

/// How many, their sum, the least and the largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Statistics {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// As much of a distribution as fits into one datum. The statistics of all parts add up to the whole's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) statistics: Statistics,
    /// Ascending.
    pub(crate) values: Vec<f64>,
    /// How often each.
    pub(crate) counts: Vec<f64>,
}

/// One side of zero of an exponential histogram.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExponentialSide {
    pub(crate) offset: i32,
    pub(crate) counts: Vec<u64>,
}

impl Distribution {
    /// Of these totals, with its buckets to follow.
    pub(crate) fn new(count: u64, sum: f64, min: Option<f64>, max: Option<f64>) -> Self {
        Self { count, sum, min, max, buckets: Vec::new() }
    }

    /// With buckets that end at each of `bounds`, and one above them.
    pub(crate) fn explicit(mut self, bounds: &[f64], counts: &[u64]) -> Self {
        for (at, count) in counts.iter().enumerate() {
            let low = at.checked_sub(1).and_then(|before| bounds.get(before)).copied().unwrap_or(f64::NEG_INFINITY);
            let high = bounds.get(at).copied().unwrap_or(f64::INFINITY);
            self.push(low, high, *count);
        }
        self
    }

    /// With buckets whose bounds are powers of `2^(2^-scale)`.
    pub(crate) fn exponential(
        mut self,
        scale: i8,
        zeros: u64,
        zero_threshold: f64,
        positive: &ExponentialSide,
        negative: &ExponentialSide,
    ) -> Self {
        let bound = |index: i64| (index as f64 * 2f64.powi(-i32::from(scale))).exp2();
        for (index, count) in (i64::from(negative.offset)..).zip(&negative.counts) {
            self.push(-bound(index + 1), -bound(index), *count);
        }
        self.push(-zero_threshold, zero_threshold, zeros);
        for (index, count) in (i64::from(positive.offset)..).zip(&positive.counts) {
            self.push(bound(index), bound(index + 1), *count);
        }
        self
    }

    fn push(&mut self, low: f64, high: f64, count: u64) {
        if count > 0 {
            self.buckets.push(Bucket { low, high, count });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of it in another unit.
    pub(crate) fn times(mut self, factor: f64) -> Self {
        self.sum *= factor;
        self.min = self.min.map(|min| min * factor);
        self.max = self.max.map(|max| max * factor);
        for bucket in &mut self.buckets {
            bucket.low *= factor;
            bucket.high *= factor;
        }
        self
    }

    /// With what the other measured.
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

    /// In parts of at most `most` values. One part, if at all possible: where buckets are many, each says fewer values.
    /// A distribution without buckets is one part without values.
    pub(crate) fn parts(&self, most: usize) -> Vec<Part> {
        let weighted = self.weighted(most);
        let mean = self.sum / self.count as f64;
        let min = self.min.or(weighted.first().map(|(value, _)| *value)).unwrap_or(mean);
        let max = self.max.or(weighted.last().map(|(value, _)| *value)).unwrap_or(mean);
        let whole = Statistics { count: self.count as f64, sum: self.sum, min, max };
        let mut chunks: Vec<&[(f64, u64)]> = weighted.chunks(most).collect();
        let Some(last) = chunks.pop().filter(|_| !chunks.is_empty()) else {
            return vec![Part::new(whole, &weighted)];
        };
        // What the values miss of the true sum goes to each part by its share of the count.
        let said: f64 = weighted.iter().map(|(value, count)| value * *count as f64).sum();
        let missed = (whole.sum - said) / whole.count;
        let mut left = whole;
        let mut parts = Vec::with_capacity(chunks.len() + 1);
        for chunk in chunks {
            let count = chunk.iter().map(|(_, count)| *count).sum::<u64>() as f64;
            let sum = chunk.iter().map(|(value, count)| value * *count as f64).sum::<f64>() + missed * count;
            let low = if parts.is_empty() { min } else { chunk[0].0 };
            let part = Statistics { count, sum, min: low, max: chunk[chunk.len() - 1].0 };
            left.count -= count;
            left.sum -= sum;
            parts.push(Part::new(part, chunk));
        }
        parts.push(Part::new(Statistics { min: last[0].0, ..left }, last));
        parts
    }

    /// Values with their counts, ascending.
    fn weighted(&self, most: usize) -> Vec<(f64, u64)> {
        let room = most.checked_div(self.buckets.len()).unwrap_or(0) as u64;
        let each = room.clamp(1, INNER_VALUES);
        let mut values: Vec<_> = self.buckets.iter().flat_map(|bucket| self.tight(bucket).inner(each)).collect();
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

    /// The bucket as far as anything can be in it.
    fn tight(&self, bucket: &Bucket) -> Bucket {
        let (min, max) = (self.min.unwrap_or(f64::NEG_INFINITY), self.max.unwrap_or(f64::INFINITY));
        let (mut low, mut high) = (bucket.low.max(min).min(max), bucket.high.min(max).max(min));
        // A bucket without an end is taken for its other one.
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

impl Bucket {
    /// At most `most` values, evenly spread, and as evenly as can be how often each.
    fn inner(self, most: u64) -> impl Iterator<Item = (f64, u64)> {
        let values = if self.low == self.high { 1 } else { most.min(self.count).max(1) };
        let (share, rest) = (self.count / values, self.count % values);
        (0..values).map(move |at| {
            let value = self.low + (self.high - self.low) * ((at as f64 + 0.5) / values as f64);
            (value.max(self.low).min(self.high), share + u64::from(at < rest))
        })
    }
}

impl Part {
    fn new(statistics: Statistics, weighted: &[(f64, u64)]) -> Self {
        Self {
            statistics,
            values: weighted.iter().map(|(value, _)| *value).collect(),
            counts: weighted.iter().map(|(_, count)| *count as f64).collect(),
        }
    }

    /// Every number of it.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = f64> {
        let Statistics { count, sum, min, max } = self.statistics;
        [count, sum, min, max].into_iter().chain(self.values.iter().copied()).chain(self.counts.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: [f64; 3] = [1.0, 5.0, 10.0];

    #[test]
    fn values_lie_in_their_bucket_and_statistics_are_exact() {
        let of = Distribution::new(25, 77.0, Some(0.5), Some(12.0)).explicit(&BOUNDS, &[3, 20, 0, 2]);
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
    fn a_bucket_without_an_end_is_taken_for_its_other_one() {
        let of = Distribution::new(3, 20.0, None, None).explicit(&BOUNDS, &[1, 0, 0, 2]);
        let parts = of.parts(150);
        assert_eq!((parts[0].values.as_slice(), parts[0].counts.as_slice()), (&[1.0, 10.0][..], &[1.0, 2.0][..]));
        assert_eq!(parts[0].statistics, Statistics { count: 3.0, sum: 20.0, min: 1.0, max: 10.0 });
    }

    #[test]
    fn one_without_buckets_has_its_statistics_alone() {
        let parts = Distribution::new(4, 8.0, Some(1.0), Some(3.0)).parts(150);
        assert_eq!(parts[0].statistics, Statistics { count: 4.0, sum: 8.0, min: 1.0, max: 3.0 });
        assert!(parts[0].values.is_empty());
        let parts = Distribution::new(4, 8.0, None, None).explicit(&[], &[4]).parts(150);
        assert_eq!((parts[0].values[0], parts[0].statistics.min, parts[0].statistics.max), (2.0, 2.0, 2.0));
    }

    #[test]
    fn exponential_buckets_have_the_bounds_of_the_specification() {
        let positive = ExponentialSide { offset: 1, counts: vec![4, 0, 1] };
        let negative = ExponentialSide { offset: 0, counts: vec![2] };
        let of = Distribution::new(10, 20.0, Some(-1.5), Some(12.0)).exponential(0, 3, 0.0, &positive, &negative);
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
    fn equal_buckets_add_up() {
        let mut one = Distribution::new(2, 3.0, Some(1.0), Some(2.0)).explicit(&BOUNDS, &[1, 1]);
        one.add(Distribution::new(3, 30.0, Some(4.0), Some(20.0)).explicit(&BOUNDS, &[0, 1, 0, 2]));
        let both = Distribution::new(5, 33.0, Some(1.0), Some(20.0)).explicit(&BOUNDS, &[1, 2, 0, 2]);
        assert_eq!(one, both);
        one.add(Distribution::new(1, 1.0, None, None).explicit(&BOUNDS, &[1]));
        assert_eq!((one.count, one.min), (6, None), "who doesn't know the least can't say it for both");
    }

    #[test]
    fn another_unit_is_another_unit_for_all_of_it() {
        let of = Distribution::new(2, 3.0, Some(1.0), Some(2.0)).explicit(&[1.0, 2.0], &[1, 1]);
        let times = Distribution::new(2, 180.0, Some(60.0), Some(120.0)).explicit(&[60.0, 120.0], &[1, 1]);
        assert_eq!(of.times(60.0), times);
    }

    proptest! {
        #[test]
        fn parts_add_up_and_none_is_too_long(
            counts in proptest::collection::vec(0u64..1_000, 2..400),
            most in 1usize..200,
            off in -1.0f64..1.0,
        ) {
            let bounds: Vec<f64> = (1..counts.len()).map(|at| at as f64).collect();
            let count: u64 = counts.iter().sum();
            prop_assume!(count > 0);
            let middle: f64 = counts.iter().enumerate().map(|(at, count)| (at as f64 + 0.5) * *count as f64).sum();
            let sum = middle + off * count as f64 / 2.0;
            let of = Distribution::new(count, sum, Some(0.0), Some(counts.len() as f64)).explicit(&bounds, &counts);
            let parts = of.parts(most);
            let occupied = counts.iter().filter(|count| **count > 0).count();
            prop_assert!(parts.len() <= occupied.div_ceil(most));
            prop_assert!(parts.iter().all(|part| part.values.len() <= most && part.values.len() == part.counts.len()));
            let total = |of: fn(&Part) -> f64| parts.iter().map(of).sum::<f64>();
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
