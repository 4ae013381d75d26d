//! The reason for which a key has no entry, in two bits.

use cachescope_core::MissReason;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
/// The reason for which an entry was removed, or was never stored.
pub(crate) enum AbsenceReason {
    Evicted,
    Expired,
    Invalidated,
    Rejected,
}

impl AbsenceReason {
    pub(crate) const ALL: [Self; 4] = [Self::Evicted, Self::Expired, Self::Invalidated, Self::Rejected];

    /// Returns the reason with this number. Only the two lowest bits count.
    pub(crate) fn from_bits(number: u32) -> Self {
        Self::ALL[(number & 3) as usize]
    }

    /// Converts the reason to the miss reason of a request.
    pub(crate) fn to_miss_reason(self) -> MissReason {
        match self {
            Self::Evicted => MissReason::Evicted,
            Self::Expired => MissReason::Expired,
            Self::Invalidated => MissReason::Invalidated,
            Self::Rejected => MissReason::Rejected,
        }
    }
}
