//! How far back to look.

use std::time::Duration;

/// How far back a window of a cache's numbers reaches. A `Duration` is one as well, up to a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// The last minute.
    Minute,
    /// The last hour.
    Hour,
    /// The last 24 hours.
    Day,
    /// The last so long; longer than a day is a day.
    Last(Duration),
}

impl Window {
    /// The longest there is.
    pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// How far it reaches.
    #[must_use]
    pub fn duration(self) -> Duration {
        match self {
            Self::Minute => Duration::from_secs(60),
            Self::Hour => Duration::from_secs(60 * 60),
            Self::Day => Self::LONGEST,
            Self::Last(duration) => duration.min(Self::LONGEST),
        }
    }
}

impl From<Duration> for Window {
    fn from(duration: Duration) -> Self {
        Self::Last(duration)
    }
}
