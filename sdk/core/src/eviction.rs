//! Why entries left a store, counted.

use std::fmt;
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

#[derive(Default)]
struct Counted {
    numbers: [AtomicU64; EvictionReason::ALL.len()],
    observer: OnceLock<(Identity, Arc<dyn Observer>)>,
    remembers: OnceLock<Arc<dyn Remembers>>,
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counted").field(&self.numbers).finish()
    }
}

/// Whoever remembers which keys' entries have left. Called on the thread that drops them, under the store's locks.
pub trait Remembers: Send + Sync + 'static {
    /// The entry of the key with this hash has left, and no newer one took its place.
    fn left(&self, hash: u64, reason: EvictionReason);
}

impl Evictions {
    /// Counts one entry that left.
    pub fn count(&self, reason: EvictionReason) {
        self.counted.numbers[reason as usize].fetch_add(1, Ordering::Relaxed);
        if let Some((cache, observer)) = self.counted.observer.get() {
            tell(&**observer, cache, Event::Evicted { reason });
        }
    }

    /// Counts one entry that left, whose key has this hash.
    pub fn left(&self, hash: u64, reason: EvictionReason) {
        self.count(reason);
        if reason == EvictionReason::Replaced {
            return;
        }
        if let Some(memory) = self.counted.remembers.get() {
            memory.left(hash, reason);
        }
    }

    /// Has `memory` told of each that leaves by [`Evictions::left`]; once, whoever comes first.
    pub fn remembered_by(&self, memory: Arc<dyn Remembers>) {
        let _ = self.counted.remembers.set(memory);
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
