//! A ring of slots in a [`KeySlab`](super::KeySlab).

/// No slot.
pub(super) const NONE: u16 = u16::MAX;

/// A ring of slots with a hand, as in the CLOCK policy. The hand points to the oldest slot, or to the place where a
/// search continues. The last slot of the ring is the one before the hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRing {
    pub(super) hand: u16,
    pub(super) slots: usize,
    pub(super) weight: u64,
}

impl Default for SlotRing {
    fn default() -> Self {
        Self { hand: NONE, slots: 0, weight: 0 }
    }
}

impl SlotRing {
    /// Returns the slot at the hand, or `None` if the ring is empty.
    #[must_use]
    pub fn hand(&self) -> Option<u16> {
        (self.hand != NONE).then_some(self.hand)
    }

    /// Returns the number of slots in the ring.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Returns the total weight of the slots.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.weight
    }
}
