//! Simulation of a store at another capacity.

mod key_slab;
mod slot_ring;

pub use self::key_slab::KeySlab;
pub use self::slot_ring::SlotRing;

/// A scaled-down simulation of a store's eviction policy at some capacity: hashes of keys, without values.
///
/// A store returns simulators of different capacities ([`Store::simulator`](crate::Store::simulator)), and a sample of
/// the requests goes through each. A simulator must not panic or block.
#[doc(alias = "ghost cache")]
#[doc(alias = "shadow cache")]
#[doc(alias = "miniature simulation")]
pub trait Simulator: Send {
    /// Simulates a request for `key`, whose entry has this weight. Returns whether it would be a hit. A miss stores the
    /// entry.
    fn access(&mut self, key: u32, weight: u32) -> bool;

    /// Returns the weight of this key's entry, or `None` if the key has no entry.
    fn weight_of(&self, key: u32) -> Option<u32>;

    /// Removes this key's entry, as the user does.
    fn remove(&mut self, key: u32);

    /// Removes all entries, as the user does.
    fn clear(&mut self);

    /// Returns whether the simulated store was ever full. Until then, its hit ratio is that of a store that is filling
    /// up.
    fn has_been_full(&self) -> bool;

    /// Returns the memory that the simulator uses, in bytes.
    fn memory(&self) -> usize;
}
