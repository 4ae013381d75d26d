//! Why entries left a store, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why an entry left its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EvictionReason {
    /// The store was full.
    Size,
    /// Its time had passed, and the store swept it.
    Expired,
    /// A newer value of the same key took its place.
    Replaced,
    /// The user dropped it.
    Invalidated,
}

impl EvictionReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Size, Self::Expired, Self::Replaced, Self::Invalidated];

    /// The value of the attribute `cachescope.eviction.reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Invalidated => "invalidated",
        }
    }
}

/// Where a store counts its evictions. Clones count into the same numbers; counting costs one relaxed add.
///
/// ```
/// use cachescope_core::{EvictionReason, Evictions};
///
/// let evictions = Evictions::default();
/// evictions.clone().count(EvictionReason::Size);
/// assert_eq!(evictions.get(EvictionReason::Size), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Evictions {
    counts: Arc<[AtomicU64; EvictionReason::ALL.len()]>,
}

impl Evictions {
    /// Counts one entry that left.
    pub fn count(&self, reason: EvictionReason) {
        self.counts[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many have left for this reason.
    #[must_use]
    pub fn get(&self, reason: EvictionReason) -> u64 {
        self.counts[reason as usize].load(Ordering::Relaxed)
    }
}
