//! One cached value and what its cache must know of it.

use std::time::Duration;

use crate::clock::{Moment, nanos};

/// A value as a store keeps it. Cloned on every hit, so a large `V` belongs in an `Arc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<V> {
    /// What the load returned.
    pub value: V,
    /// When it was stored.
    pub stored_at: Moment,
    /// From when on it is to be renewed, though it is fresh; never later than `fresh_until`.
    pub renew_from: Moment,
    /// Until when it is fresh; [`Moment::NEVER`] if it doesn't expire.
    pub fresh_until: Moment,
    /// What its load took.
    pub cost: Cost,
    /// What it takes of its store's limit: 1 where entries are counted, else bytes, up to 4 GiB. The store's
    /// [`weigh`](crate::Store::weigh) says it.
    pub weight: u32,
}

impl<V> Entry<V> {
    /// An entry of weight 1 that was stored at `stored_at`, never expires and cost nothing.
    #[must_use]
    pub const fn new(value: V, stored_at: Moment) -> Self {
        Self { value, stored_at, renew_from: Moment::NEVER, fresh_until: Moment::NEVER, cost: Cost::NOTHING, weight: 1 }
    }
}

/// How long a load took, in half the room of a [`Duration`]'s nanoseconds: to seven digits.
///
/// ```
/// use std::time::Duration;
/// use cachescope_core::Cost;
///
/// let cost = Cost::of(Duration::from_millis(250));
/// assert_eq!(cost.duration(), Duration::from_millis(250));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    nanos: f32,
}

/// Made of durations alone, so never a NaN.
impl Eq for Cost {}

impl Cost {
    /// That of what wasn't loaded.
    pub const NOTHING: Self = Self { nanos: 0.0 };

    /// That of a load which took so long.
    #[must_use]
    pub fn of(took: Duration) -> Self {
        Self { nanos: nanos(took) as f32 }
    }

    /// In nanoseconds.
    #[inline(always)]
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.nanos as u64
    }

    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_nanos(self.nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_right_to_seven_digits() {
        for nanos in [0, 1, 999, 16_777_216, 123_456_789_012, 86_400_000_000_000] {
            let kept = Cost::of(Duration::from_nanos(nanos)).nanos();
            assert!(kept.abs_diff(nanos) as f64 <= nanos as f64 * 6e-8, "{nanos}: {kept}");
        }
        assert_eq!(Cost::of(Duration::MAX).nanos(), u64::MAX);
    }
}
