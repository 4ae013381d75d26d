//! What a store of another size would hold.

/// What a store of some capacity would hold: its policy alone, on hashes of keys, without values.
///
/// A store gives some of different capacities ([`Store::simulator`](crate::Store::simulator)), and a sample of the
/// requests goes through each. None may panic or block.
pub trait Simulator: Send {
    /// A request for this key comes, whose entry weighs so much; says whether it would have been a hit. A miss stores
    /// the entry.
    fn access(&mut self, key: u32, weight: u32) -> bool;

    /// The weight of this key's entry, if it is held.
    fn weight_of(&self, key: u32) -> Option<u32>;

    /// The user drops this key's entry.
    fn remove(&mut self, key: u32);

    /// The user drops every entry.
    fn clear(&mut self);

    /// Whether it has ever had no room for an entry: until then it answers for a store that is filling up.
    fn has_been_full(&self) -> bool;

    /// The memory it takes, in bytes.
    fn memory(&self) -> usize;
}
