//! The hit rate as a function of capacity.

use cachescope_core::CAPACITY_MULTIPLES;

/// What hit rates other capacities would give a cache, by what it has been asked for.
///
/// It is told by miniatures of the store that run along, a sample of the keys going through each, held to what the cache
/// itself misses. It is shown as it is, also where more room gives less. Where the cache has never had to evict, and holds
/// no more than some other capacity would, that one's hit rate is known: it is the same.
///
/// Single keys that decide much are hardly among the sampled ones. With moka one that was very hot once can keep all
/// others out until its counts are halved: on one real trace a larger moka hit 5 points less than this said, for that.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use cachescope::{Moka, cached};
///
/// let squares = cached("math.squares", |n: u64| async move { n * n }).store(Moka::with_capacity(100)).build();
/// for n in 0..2_000 {
///     squares.call(n % 150).await;
/// }
/// let curve = squares.insight().curve().expect("two thousand requests tell");
/// assert!(curve.hit_rate_at(200).is_some_and(|twice| twice > curve.hit_rate));
/// # });
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub struct Curve {
    /// The present capacity, in entries or bytes.
    pub capacity: u64,
    /// Whether capacities are bytes.
    pub in_bytes: bool,
    /// What the cache itself answers from memory, of all it is asked.
    pub hit_rate: f64,
    /// From the smallest capacity to the largest, the present one among them.
    pub points: Vec<CurvePoint>,
    /// Whether the store's own policy was simulated. If not, it was LRU's: for stores of other policies an approximation
    /// that may be off by several points.
    pub own_policy: bool,
    /// Requests that went through the miniatures.
    pub samples: u64,
    /// The share of keys that is sampled.
    pub sampling_rate: f64,
}

/// A capacity and what it would give.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub struct CurvePoint {
    /// So many times the present capacity.
    pub multiple: f64,
    /// The capacity, in entries or bytes.
    pub capacity: u64,
    /// The hit rate it would give, 0 to 1.
    pub hit_rate: f64,
    /// Whether its miniature has been full, or hits nine of ten requests. Until then it answers for a cache that is filling
    /// up.
    pub settled: bool,
    /// How far the hit rate may be off, 0 to 1: two standard deviations of what sampling does.
    pub margin: f64,
}

impl Curve {
    /// The hit rate at a capacity between the smallest and the largest point: on the line between its neighbours over
    /// the logarithm of capacity.
    #[must_use]
    pub fn hit_rate_at(&self, capacity: u64) -> Option<f64> {
        let over = self.points.iter().position(|point| point.capacity >= capacity)?;
        let upper = &self.points[over];
        if upper.capacity == capacity {
            return Some(upper.hit_rate);
        }
        let lower = self.points.get(over.checked_sub(1)?)?;
        let [from, at, to] = [lower.capacity, capacity, upper.capacity].map(|capacity| (capacity as f64).ln());
        Some(lower.hit_rate + (upper.hit_rate - lower.hit_rate) * (at - from) / (to - from))
    }

    /// The hit rates in the order of [`CAPACITY_MULTIPLES`].
    pub(crate) fn hit_rates(&self) -> Option<[f64; CAPACITY_MULTIPLES.len()]> {
        let rates: Vec<f64> = self.points.iter().map(|point| point.hit_rate).collect();
        rates.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_points_it_is_on_the_line_over_the_logarithm() {
        let point = |multiple: f64, hit_rate| CurvePoint {
            multiple,
            capacity: (100.0 * multiple) as u64,
            hit_rate,
            settled: true,
            margin: 0.0,
        };
        let curve = Curve {
            capacity: 100,
            in_bytes: false,
            hit_rate: 0.5,
            points: vec![point(0.25, 0.2), point(1.0, 0.5), point(4.0, 0.9)],
            own_policy: true,
            samples: 1_000,
            sampling_rate: 1.0,
        };
        assert_eq!([25, 100, 400].map(|capacity| curve.hit_rate_at(capacity)), [Some(0.2), Some(0.5), Some(0.9)]);
        let between = curve.hit_rate_at(200).unwrap();
        assert!((between - 0.7).abs() < 1e-12, "{between}");
        assert_eq!([24, 401].map(|capacity| curve.hit_rate_at(capacity)), [None, None]);
    }
}
