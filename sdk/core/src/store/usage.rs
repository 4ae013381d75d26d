//! The usage of a store.

/// The usage and the limits of a store. `None` means that the store doesn't know the number, or has no such limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[doc(alias = "capacity")]
#[doc(alias = "size")]
pub struct StoreUsage {
    /// The number of entries in the store.
    pub entries: u64,
    /// The maximum number of entries.
    pub entry_limit: Option<u64>,
    /// The bytes in the store, as measured by the size function of the cache.
    pub bytes: Option<u64>,
    /// The maximum number of bytes.
    pub byte_limit: Option<u64>,
}

impl StoreUsage {
    /// Returns the sum of this usage and `other`, for caches of the same name.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        Self {
            entries: self.entries.saturating_add(other.entries),
            entry_limit: sum(self.entry_limit, other.entry_limit),
            bytes: sum(self.bytes, other.bytes),
            byte_limit: sum(self.byte_limit, other.byte_limit),
        }
    }
}
