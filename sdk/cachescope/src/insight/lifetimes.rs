//! What a cache's hit rate would be if its entries lived longer, or shorter.

use std::time::Duration;

/// Hit rates by how long entries live, all else being as it is: the same requests, and a store of the same size.
///
/// A plain value. The hit rate at the cache's own life is the one it has; the others are estimates from a sample of
/// keys, and never fall as lives get longer.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Lifetimes {
    /// How long entries live now; `None` is for ever.
    pub ttl: Option<Duration>,
    /// The hit rate that goes with it, 0 to 1.
    pub hit_rate: f64,
    /// Shortest first: a quarter, half, once, twice and four times the life, or a second to an hour where entries live
    /// for ever.
    pub points: Vec<LifetimePoint>,
    /// How many keys are sampled now.
    pub keys: usize,
}

/// The hit rate at one life.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct LifetimePoint {
    /// How long entries would live.
    pub ttl: Duration,
    /// The hit rate with that, 0 to 1.
    pub hit_rate: f64,
}

impl Lifetimes {
    /// The hit rate if entries lived so long, on the straight line over the logarithm of time between the two points
    /// next to it. `None` outside of the points.
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

    fn lifetimes(points: &[(u64, f64)]) -> Lifetimes {
        let point = |&(secs, hit_rate)| LifetimePoint { ttl: Duration::from_secs(secs), hit_rate };
        Lifetimes { ttl: None, hit_rate: 0.9, points: points.iter().map(point).collect(), keys: 1 }
    }

    #[test]
    fn between_points_it_goes_straight_over_the_logarithm() {
        let lifetimes = lifetimes(&[(10, 0.5), (40, 0.7), (80, 0.8)]);
        let at = |secs| lifetimes.hit_rate_with_ttl(Duration::from_secs(secs));
        assert_eq!((at(10), at(40), at(80)), (Some(0.5), Some(0.7), Some(0.8)));
        assert!((at(20).unwrap() - 0.6).abs() < 1e-9);
        assert_eq!((at(9), at(81)), (None, None));
    }

    #[test]
    fn without_points_there_is_no_answer() {
        assert_eq!(lifetimes(&[]).hit_rate_with_ttl(Duration::from_secs(1)), None);
    }
}
