//! Windows of time.

use std::time::Duration;

/// A window of time that ends now. A `Duration` converts to a window, up to a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// The last minute.
    Minute,
    /// The last hour.
    Hour,
    /// The last 24 hours.
    Day,
    /// The last `Duration`, at most a day.
    Last(Duration),
}

impl Window {
    /// The longest window.
    pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// Returns the length of the window.
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
