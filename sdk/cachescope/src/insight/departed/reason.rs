//! Why a key isn't there any more, in two bits.

use cachescope_core::MissReason;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
/// Why a key left, or never came in.
pub(super) enum Reason {
    Evicted,
    Expired,
    Invalidated,
    Rejected,
}

impl Reason {
    pub(super) const ALL: [Self; 4] = [Self::Evicted, Self::Expired, Self::Invalidated, Self::Rejected];

    /// The reason of this number; of its two lowest bits.
    pub(super) fn of(number: u32) -> Self {
        Self::ALL[(number & 3) as usize]
    }

    /// What a request that misses such a key is told.
    pub(super) fn miss(self) -> MissReason {
        match self {
            Self::Evicted => MissReason::Evicted,
            Self::Expired => MissReason::Expired,
            Self::Invalidated => MissReason::Invalidated,
            Self::Rejected => MissReason::Rejected,
        }
    }
}
