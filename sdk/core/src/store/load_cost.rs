//! The duration of a load, in 4 bytes.

use std::time::Duration;

use crate::time::nanos;

/// The duration of a load, with a precision of seven digits. Takes 4 bytes, half of a `u64` of nanoseconds.
///
/// ```
/// use std::time::Duration;
/// use cachescope_core::LoadCost;
///
/// let cost = LoadCost::new(Duration::from_millis(250));
/// assert_eq!(cost.duration(), Duration::from_millis(250));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadCost {
    nanos: f32,
}

/// A `LoadCost` is made from durations only, so it is never NaN.
impl Eq for LoadCost {}

impl LoadCost {
    /// The cost of a value that wasn't loaded.
    pub const ZERO: Self = Self { nanos: 0.0 };

    /// Creates the cost of a load that took `duration`.
    #[must_use]
    pub fn new(duration: Duration) -> Self {
        Self { nanos: nanos(duration) as f32 }
    }

    /// Returns the cost in nanoseconds.
    #[inline(always)]
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.nanos as u64
    }

    /// Returns the cost as a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_nanos(self.nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_cost_is_exact_to_seven_digits() {
        for nanos in [0, 1, 999, 16_777_216, 123_456_789_012, 86_400_000_000_000] {
            let kept = LoadCost::new(Duration::from_nanos(nanos)).nanos();
            assert!(kept.abs_diff(nanos) as f64 <= nanos as f64 * 6e-8, "{nanos}: {kept}");
        }
        assert_eq!(LoadCost::new(Duration::MAX).nanos(), u64::MAX);
    }
}
