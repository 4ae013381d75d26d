//! The numbers of a histogram at one moment.

/// The number of buckets into which each power of two is split, as an exponent of two.
const SUB_BITS: u32 = 3;
const SUBS: usize = 1 << SUB_BITS;
/// Numbers of 2^47 and more share the last bucket: durations above 39 hours, sizes above 128 TiB. Their maximum and sum
/// stay exact.
const MAX_EXPONENT: usize = 46;
pub(super) const BUCKETS: usize = (MAX_EXPONENT - SUB_BITS as usize + 2) * SUBS;

/// The content of a histogram at one moment, without a unit. [`Durations`](super::Durations) and
/// [`Sizes`](super::Sizes) add the unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Distribution {
    /// Empty if nothing was recorded.
    pub(super) buckets: Box<[u64]>,
    pub(super) sum: u64,
    pub(super) max: u64,
}

impl Distribution {
    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |count, held| count.saturating_add(*held))
    }

    pub(super) const fn sum(&self) -> u64 {
        self.sum
    }

    pub(super) fn mean(&self) -> u64 {
        self.sum.checked_div(self.count()).unwrap_or(0)
    }

    pub(super) const fn max(&self) -> u64 {
        self.max
    }

    pub(super) fn quantile(&self, q: f64) -> Option<u64> {
        self.quantile_within(q, self.max)
    }

    /// Returns the quantile, limited to `max`.
    fn quantile_within(&self, q: f64, max: u64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        // The rank of the nearest-rank definition: 1 to `count`.
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count);
        let mut below = 0;
        let bucket = self.buckets.iter().position(|held| {
            below = held.saturating_add(below);
            below >= rank
        })?;
        let (low, high) = (lower_edge(bucket), lower_edge(bucket + 1) - 1);
        Some((low + (high - low) / 2).min(max))
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let longer = self.buckets.len().max(other.buckets.len());
        let at = |buckets: &[u64], index| buckets.get(index).copied().unwrap_or(0);
        Self {
            buckets: (0..longer)
                .map(|index| at(&self.buckets, index).saturating_add(at(&other.buckets, index)))
                .collect(),
            sum: self.sum.wrapping_add(other.sum),
            max: self.max.max(other.max),
        }
    }

    /// Returns the values recorded between `earlier` and this, with `recent` as their maximum.
    pub(super) fn since(&self, earlier: &Self, recent: u64) -> Self {
        let before = |index| earlier.buckets.get(index).copied().unwrap_or(0);
        let buckets: Box<[u64]> =
            self.buckets.iter().enumerate().map(|(index, held)| held.saturating_sub(before(index))).collect();
        // A number that is recorded while a period ends may have its maximum in one period and its bucket in the other.
        // No maximum is below its own bucket.
        let least = buckets.iter().rposition(|held| *held > 0).map_or(0, lower_edge);
        let max = if least == 0 && buckets.first().is_none_or(|zeros| *zeros == 0) { 0 } else { recent.max(least) };
        Self { buckets, sum: self.sum.wrapping_sub(earlier.sum), max }
    }

    /// Returns the values recorded between two readings, between which periods may have ended. A maximum that isn't the
    /// overall maximum is the middle of its bucket.
    pub(super) fn minus(&self, earlier: &Self) -> Self {
        let mut since = self.since(earlier, if self.max > earlier.max { self.max } else { 0 });
        since.max = since.quantile_within(1.0, self.max).map_or(0, |middle| middle.max(since.max));
        since
    }

    /// Returns the buckets that aren't empty, each with its index.
    #[cfg(feature = "serde")]
    pub(super) fn non_empty(&self) -> impl Iterator<Item = (usize, u64)> {
        self.buckets.iter().copied().enumerate().filter(|(_, held)| *held > 0)
    }

    /// Creates the distribution from the result of [`Distribution::non_empty`]. Buckets that don't exist are ignored.
    #[cfg(feature = "serde")]
    pub(super) fn from_non_empty(sum: u64, max: u64, held: impl IntoIterator<Item = (usize, u64)>) -> Self {
        let mut distribution = Self { sum, max, ..Self::default() };
        held.into_iter().for_each(|(bucket, held)| distribution.add_cell(bucket.saturating_add(2), held));
        distribution
    }

    /// The number of cells that [`Distribution::cells`] can have.
    pub(super) const CELLS: usize = BUCKETS + 2;

    /// Returns the sum, the maximum and the buckets that aren't zero, each with its index.
    pub(super) fn cells(&self) -> impl Iterator<Item = (usize, u64)> {
        [self.sum, self.max].into_iter().chain(self.buckets.iter().copied()).enumerate().filter(|(_, held)| *held > 0)
    }

    /// Adds a cell of another distribution. A cell beyond the last is ignored.
    pub(super) fn add_cell(&mut self, index: usize, value: u64) {
        match index {
            0 => self.sum = self.sum.wrapping_add(value),
            1 => self.max = self.max.max(value),
            _ => {
                if self.buckets.is_empty() {
                    self.buckets = vec![0; BUCKETS].into();
                }
                if let Some(held) = self.buckets.get_mut(index - 2) {
                    *held = held.saturating_add(value);
                }
            }
        }
    }
}

pub(super) fn bucket_of(value: u64) -> usize {
    if value < SUBS as u64 {
        return value as usize;
    }
    let exponent = value.ilog2();
    let sub = (value >> (exponent - SUB_BITS)) as usize & (SUBS - 1);
    let bucket = (exponent - SUB_BITS + 1) as usize * SUBS + sub;
    bucket.min(BUCKETS - 1)
}

/// Returns the lowest number of a bucket.
pub(super) fn lower_edge(bucket: usize) -> u64 {
    if bucket < SUBS {
        return bucket as u64;
    }
    let exponent = bucket / SUBS - 1;
    ((SUBS + bucket % SUBS) as u64) << exponent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_and_buckets_are_inverse() {
        for bucket in 0..BUCKETS {
            assert_eq!(bucket_of(lower_edge(bucket)), bucket);
            assert_eq!(bucket_of(lower_edge(bucket + 1) - 1), bucket);
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }
}
