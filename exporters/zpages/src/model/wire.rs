//! Durations and times as JSON numbers.

use std::time::{Duration, SystemTime};

/// Returns a duration in nanoseconds.
pub(super) fn nanos(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

/// Returns a time in milliseconds since 1970, as browsers expect.
pub(super) fn millis(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as f64
}
