//! The events of sampled keys, as the models see them.

use std::time::Duration;

use cachescope_core::{EvictionReason, Timestamp};

/// An event of a sampled key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampledEvent {
    pub(crate) hash: u64,
    pub(crate) at: Timestamp,
    pub(crate) event: KeyEvent,
}

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyEvent {
    /// A request was answered from memory, by an entry of this age.
    Hit { age: Duration, weight: u32 },
    /// A request loaded a value and stored it. There was no entry before.
    LoadedAbsent { weight: u32 },
    /// A request loaded a value and stored it. The entry before had expired.
    LoadedExpired { weight: u32 },
    /// A value was stored that no request waited for.
    Refreshed { weight: u32 },
    /// The entry was removed for this reason, and no newer one replaced it.
    Evicted(EvictionReason),
}

impl KeyEvent {
    /// Returns the weight of the entry that is in memory after the event.
    pub(crate) const fn weight(self) -> Option<u32> {
        match self {
            Self::Hit { weight, .. }
            | Self::LoadedAbsent { weight }
            | Self::LoadedExpired { weight }
            | Self::Refreshed { weight } => Some(weight),
            Self::Evicted(_) => None,
        }
    }
}
