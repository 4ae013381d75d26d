//! The hit rate as a function of the TTL.

use std::time::Duration;

/// The hit rates of a cache at other TTLs, with the same requests and a store of the same size.
///
/// A plain value. The hit rate at the present TTL is the measured one. The others are estimates from a sample of keys,
/// and never fall as TTLs get longer.
#[doc(alias = "ttl what-if")]
#[doc(alias = "expiration")]
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct TtlCurve {
    /// The present TTL. `None`: entries never expire.
    pub ttl: Option<Duration>,
    /// The present hit rate, 0 to 1.
    pub hit_rate: f64,
    /// The points, shortest TTL first: 0.25, 0.5, 1, 2 and 4 times the present TTL. If entries never expire: one second
    /// to one hour.
    pub points: Vec<TtlPoint>,
    /// The number of keys in the sample now.
    pub keys: usize,
}

/// The hit rate at one TTL.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct TtlPoint {
    /// The TTL.
    pub ttl: Duration,
    /// The hit rate at this TTL, 0 to 1.
    pub hit_rate: f64,
}

impl TtlCurve {
    /// Returns the hit rate at another TTL, interpolated between the two nearest points over the logarithm of the TTL.
    /// `None` outside the points.
    #[must_use]
    pub fn hit_rate_with_ttl(&self, ttl: Duration) -> Option<f64> {
        let above = self.points.iter().position(|point| point.ttl >= ttl)?;
        let upper = &self.points[above];
        if upper.ttl == ttl {
            return Some(upper.hit_rate);
        }
        let lower = &self.points[above.checked_sub(1)?];
        let way = |to: Duration| (to.as_secs_f64() / lower.ttl.as_secs_f64()).ln();
        Some(lower.hit_rate + (upper.hit_rate - lower.hit_rate) * way(ttl) / way(upper.ttl))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ttl_curve(points: &[(u64, f64)]) -> TtlCurve {
        let point = |&(secs, hit_rate)| TtlPoint { ttl: Duration::from_secs(secs), hit_rate };
        TtlCurve { ttl: None, hit_rate: 0.9, points: points.iter().map(point).collect(), keys: 1 }
    }

    #[test]
    fn hit_rate_is_interpolated_over_the_logarithm_of_the_ttl() {
        let ttl_curve = ttl_curve(&[(10, 0.5), (40, 0.7), (80, 0.8)]);
        let at = |secs| ttl_curve.hit_rate_with_ttl(Duration::from_secs(secs));
        assert_eq!((at(10), at(40), at(80)), (Some(0.5), Some(0.7), Some(0.8)));
        assert!((at(20).unwrap() - 0.6).abs() < 1e-9);
        assert_eq!((at(9), at(81)), (None, None));
    }

    #[test]
    fn hit_rate_is_none_without_points() {
        assert_eq!(ttl_curve(&[]).hit_rate_with_ttl(Duration::from_secs(1)), None);
    }
}
