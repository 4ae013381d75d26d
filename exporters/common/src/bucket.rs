/// A bucket of a histogram: the number of values above `low` and not above `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The exclusive lower bound; negative infinity in a bucket that is open below.
    pub low: f64,
    /// The inclusive upper bound; infinity in a bucket that is open above.
    pub high: f64,
    /// The number of values in the bucket.
    pub count: u64,
}

/// The buckets on one side of zero of an exponential histogram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExponentialSide {
    /// The index of the first bucket.
    pub offset: i32,
    /// The number of values in each bucket, in the order of the indexes.
    pub counts: Vec<u64>,
}

impl Bucket {
    /// Returns the buckets of an explicit-bucket histogram, ascending: one that ends at each of `bounds`, and one above
    /// them. Empty buckets are included.
    ///
    /// ```
    /// use cachescope_exporter::Bucket;
    ///
    /// let buckets = Bucket::explicit(&[1.0], [3, 4]);
    /// assert_eq!(buckets[1], Bucket { low: 1.0, high: f64::INFINITY, count: 4 });
    /// ```
    pub fn explicit(bounds: &[f64], counts: impl IntoIterator<Item = u64>) -> Vec<Self> {
        let bucket = |(index, count): (usize, u64)| Self {
            low: index.checked_sub(1).and_then(|below| bounds.get(below)).copied().unwrap_or(f64::NEG_INFINITY),
            high: bounds.get(index).copied().unwrap_or(f64::INFINITY),
            count,
        };
        counts.into_iter().enumerate().map(bucket).collect()
    }

    /// Returns the buckets of an exponential histogram, ascending: the negative ones, one around zero, the positive ones.
    /// Empty buckets are included.
    ///
    /// ```
    /// use cachescope_exporter::{Bucket, ExponentialSide};
    ///
    /// // At scale 0 the bounds are the powers of two.
    /// let positive = ExponentialSide { offset: 1, counts: vec![4] };
    /// let buckets = Bucket::exponential(0, 0.0, 3, &positive, &ExponentialSide::default());
    /// let expected = [Bucket { low: 0.0, high: 0.0, count: 3 }, Bucket { low: 2.0, high: 4.0, count: 4 }];
    /// assert_eq!(buckets, expected);
    /// ```
    pub fn exponential(
        scale: i8,
        zero_threshold: f64,
        zero_count: u64,
        positive: &ExponentialSide,
        negative: &ExponentialSide,
    ) -> Vec<Self> {
        let bound = |index: i64| exponential_bound(index, i32::from(scale));
        let indexed = |side: &ExponentialSide| {
            let indexes = i64::from(side.offset)..;
            indexes.zip(side.counts.clone()).collect::<Vec<(i64, u64)>>()
        };
        let negative = indexed(negative).into_iter().rev();
        let negative = negative.map(|(index, count)| Self { low: -bound(index + 1), high: -bound(index), count });
        let zero = Self { low: -zero_threshold, high: zero_threshold, count: zero_count };
        let positive = indexed(positive).into_iter();
        let positive = positive.map(|(index, count)| Self { low: bound(index), high: bound(index + 1), count });
        negative.chain([zero]).chain(positive).collect()
    }

    /// Returns the bucket with both bounds multiplied by `factor`, which must be positive: for another unit.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { low: self.low * factor, high: self.high * factor, ..self }
    }
}

/// Returns the lower bound of the bucket `index` of an exponential histogram at `scale`: `2^(index / 2^scale)`.
///
/// A bound that buckets of different scales share is the same `f64` at each of them.
#[must_use]
pub fn exponential_bound(index: i64, scale: i32) -> f64 {
    (index as f64 * f64::from(-scale).exp2()).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explicit_buckets_are_open_at_both_ends() {
        let buckets = Bucket::explicit(&[1.0, 5.0], [3, 0, 2]);
        let expected = [
            Bucket { low: f64::NEG_INFINITY, high: 1.0, count: 3 },
            Bucket { low: 1.0, high: 5.0, count: 0 },
            Bucket { low: 5.0, high: f64::INFINITY, count: 2 },
        ];
        assert_eq!(buckets, expected);
        assert_eq!(Bucket::explicit(&[], [4])[0].low, f64::NEG_INFINITY);
    }

    #[test]
    fn exponential_buckets_ascend_over_both_sides_of_zero() {
        let positive = ExponentialSide { offset: 1, counts: vec![4, 0, 1] };
        let negative = ExponentialSide { offset: 0, counts: vec![2, 5] };
        let buckets = Bucket::exponential(0, 0.5, 3, &positive, &negative);
        let expected = [(-4.0, -2.0, 5), (-2.0, -1.0, 2), (-0.5, 0.5, 3), (2.0, 4.0, 4), (4.0, 8.0, 0), (8.0, 16.0, 1)];
        assert_eq!(buckets, expected.map(|(low, high, count)| Bucket { low, high, count }));
    }

    #[test]
    fn shared_bounds_are_equal_at_every_scale() {
        for index in -100..100 {
            assert_eq!(exponential_bound(index, 2).to_bits(), exponential_bound(4 * index, 4).to_bits());
        }
    }
}
