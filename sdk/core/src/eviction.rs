//! Why entries left a store, counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::recorder::{Event, Observer, tell};
use crate::telemetry::Identity;

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
    counted: Arc<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    numbers: [AtomicU64; EvictionReason::ALL.len()],
    observer: OnceLock<(Identity, Arc<dyn Observer>)>,
}

impl Evictions {
    /// Counts one entry that left.
    pub fn count(&self, reason: EvictionReason) {
        self.counted.numbers[reason as usize].fetch_add(1, Ordering::Relaxed);
        if let Some((cache, observer)) = self.counted.observer.get() {
            tell(&**observer, cache, Event::Evicted { reason });
        }
    }

    /// How many have left for this reason.
    #[must_use]
    pub fn get(&self, reason: EvictionReason) -> u64 {
        self.counted.numbers[reason as usize].load(Ordering::Relaxed)
    }

    /// Has `observer` told of each as well; once, whoever comes first.
    pub(crate) fn observed_by(&self, cache: Identity, observer: Arc<dyn Observer>) {
        let _ = self.counted.observer.set((cache, observer));
    }
}
