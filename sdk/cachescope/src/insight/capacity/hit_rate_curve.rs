//! The hit rate as a function of capacity.

use cachescope_telemetry::CAPACITY_MULTIPLES;

/// The hit rates of a cache at other capacities, for the requests that it has had: a hit-ratio (or miss-ratio) curve.
///
/// The curve comes from scaled-down simulations of the store, each fed with a sample of the keys, and corrected by the
/// cache's measured misses. It is reported as it is, even if a larger capacity hits less. If the cache has never
/// evicted, and another capacity would hold all of its entries, the hit rate there is known: it is the present one.
///
/// A single key with a large influence is rarely in the sample. With moka, one key that was once very hot can keep all
/// others out until its frequency is halved. On one real trace, a larger moka store hit 5 points less than the curve
/// predicted for this reason.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use cachescope::{Moka, cached};
///
/// let squares = cached("math.squares", |n: u64| async move { n * n }).store(Moka::with_capacity(100)).build();
/// for n in 0..2_000 {
///     squares.call(n % 150).await;
/// }
/// let curve = squares.insight().curve().expect("two thousand requests are enough");
/// assert!(curve.hit_rate_at(200).is_some_and(|twice| twice > curve.hit_rate));
/// # });
/// ```
#[doc(alias = "miss-ratio curve")]
#[doc(alias = "miss_ratio_curve")]
#[doc(alias = "mrc")]
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub struct HitRateCurve {
    /// The present capacity, in entries or bytes.
    pub capacity: u64,
    /// Whether capacities are in bytes.
    pub in_bytes: bool,
    /// The share of all requests that memory answers now.
    pub hit_rate: f64,
    /// The points, smallest capacity first. The present capacity is one of them.
    pub points: Vec<HitRatePoint>,
    /// Whether the store's own policy was simulated. If not, LRU was: for a store with another policy the curve may be
    /// off by several points.
    pub own_policy: bool,
    /// The number of requests that were simulated.
    pub samples: u64,
    /// The share of keys in the sample, 0 to 1.
    pub sampling_rate: f64,
}

/// The expected hit rate at one capacity.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub struct HitRatePoint {
    /// The capacity as a multiple of the present one.
    pub multiple: f64,
    /// The capacity, in entries or bytes.
    pub capacity: u64,
    /// The expected hit rate, 0 to 1.
    pub hit_rate: f64,
    /// Whether the simulation has been full, or hits nine of ten requests. Before that, the point describes a cache
    /// that is still filling up.
    pub settled: bool,
    /// The margin of error of the hit rate, 0 to 1: two standard deviations of the sampling error.
    pub margin: f64,
}

impl HitRateCurve {
    /// Returns the hit rate at a capacity between the smallest and the largest point, interpolated between the two
    /// nearest points over the logarithm of capacity. `None` outside the points.
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

    /// Returns the hit rates in the order of [`CAPACITY_MULTIPLES`].
    pub(crate) fn hit_rates(&self) -> Option<[f64; CAPACITY_MULTIPLES.len()]> {
        let rates: Vec<f64> = self.points.iter().map(|point| point.hit_rate).collect();
        rates.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hit_rate_is_interpolated_over_the_logarithm_of_capacity() {
        let point = |multiple: f64, hit_rate| HitRatePoint {
            multiple,
            capacity: (100.0 * multiple) as u64,
            hit_rate,
            settled: true,
            margin: 0.0,
        };
        let curve = HitRateCurve {
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
