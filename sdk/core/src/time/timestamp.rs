//! Points in time, and durations in nanoseconds.

use std::time::Duration;

/// A point in the monotonic time of a [`Clock`](super::Clock), in nanoseconds since the clock's origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// A point in time that never comes: the expiry of an entry that doesn't expire.
    pub const NEVER: Self = Self(u64::MAX);

    /// Creates the timestamp `nanos` nanoseconds after the clock's origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since the clock's origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the time from `earlier` to `self`, or zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the timestamp `duration` earlier, but not earlier than the clock's origin.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }

    /// Returns the timestamp `duration` later, or [`Timestamp::NEVER`] if the result can't be represented (584 years).
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

/// Converts a duration to nanoseconds. Durations of 584 years and longer become `u64::MAX`.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(cachescope_core::nanos(Duration::from_micros(2)), 2_000);
/// assert_eq!(cachescope_core::nanos(Duration::MAX), u64::MAX);
/// ```
#[must_use]
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_saturate() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
        assert_eq!(Timestamp(5).after(Duration::MAX), Timestamp::NEVER);
    }
}
