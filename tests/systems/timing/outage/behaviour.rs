//! The behaviours of a collector.

use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Healthy,
    /// No program listens.
    Absent,
    /// Reads requests and never answers.
    Hanging,
    /// Answers after a while.
    Slow(Duration),
    /// HTTP 400, or INVALID_ARGUMENT.
    Refusing,
    /// HTTP 503, or UNAVAILABLE.
    Busy,
    /// HTTP 429 or RESOURCE_EXHAUSTED, both with a time to wait.
    Exhausted,
}

impl Behaviour {
    pub(crate) const SLOW: Self = Self::Slow(Duration::from_millis(50));

    /// Whether exports fail.
    pub(crate) fn fails(self) -> bool {
        !matches!(self, Self::Healthy | Self::Slow(_))
    }
}
