//! How a collector behaves.

use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Healthy,
    /// Nobody listens.
    Absent,
    /// Takes what it is sent, and never answers.
    Hanging,
    /// Answers after a while.
    Slow(Duration),
    /// HTTP 400, or INVALID_ARGUMENT.
    Refusing,
    /// HTTP 503, or UNAVAILABLE.
    Busy,
    /// HTTP 429 with a time to wait, or RESOURCE_EXHAUSTED with one.
    Exhausted,
}

impl Manner {
    pub(crate) const SLOW: Self = Self::Slow(Duration::from_millis(50));

    /// Whether there is something to complain of.
    pub(crate) fn fails(self) -> bool {
        !matches!(self, Self::Healthy | Self::Slow(_))
    }
}
