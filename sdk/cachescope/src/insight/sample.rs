//! What becomes of a sampled key, as the models of its cache see it.

use std::time::Duration;

use cachescope_core::{EvictionReason, Moment};

/// Something happened to a key that is sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) hash: u64,
    pub(crate) at: Moment,
    pub(crate) what: Seen,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Memory had an entry that answered a request, of this age.
    Hit { age: Duration, weight: u32 },
    /// A request's load gave a value, which was stored: there was no entry.
    LoadedAbsent { weight: u32 },
    /// The same: the entry was past its time.
    LoadedExpired { weight: u32 },
    /// A value was stored that no request waited for.
    Refreshed { weight: u32 },
    /// The entry left for this reason, and no newer one took its place.
    Left(EvictionReason),
}

impl Seen {
    /// Of the entry that is there now.
    pub(super) const fn weight(self) -> Option<u32> {
        match self {
            Self::Hit { weight, .. }
            | Self::LoadedAbsent { weight }
            | Self::LoadedExpired { weight }
            | Self::Refreshed { weight } => Some(weight),
            Self::Left(_) => None,
        }
    }
}
