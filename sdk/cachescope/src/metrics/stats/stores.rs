//! The numbers of the store in memory and of the shared store.

use cachescope_core::{EvictionReason, Operation, RejectionReason, StoreErrorKind, Tier, WaitOutcome, WaitScope};
use cachescope_telemetry::{Durations, Sizes};

use crate::metrics::Stats;

impl Stats {
    /// Returns the durations of this operation on the store in memory. For lookups: those of timed hits.
    #[must_use]
    pub fn operation(&self, operation: Operation) -> &Durations {
        self.counts.operation_durations(Tier::L1, operation)
    }

    /// Returns the sizes of stored entries, in bytes. Empty if the cache has no
    /// [`entry_size`](crate::Builder::entry_size).
    #[must_use]
    pub fn entry_size(&self) -> &Sizes {
        self.counts.entry_sizes()
    }

    /// Returns the entries that were removed from the store for this reason.
    #[doc(alias = "removals")]
    #[must_use]
    pub fn evictions(&self, reason: EvictionReason) -> u64 {
        self.counts.totals.evicted(reason)
    }

    /// Returns the loaded values that weren't stored, for this reason. The callers got these values anyway.
    #[must_use]
    pub fn rejections(&self, reason: RejectionReason) -> u64 {
        self.counts.totals.rejected(reason)
    }

    /// Returns the durations of this operation on the shared store, including failed ones.
    #[must_use]
    pub fn store_operation(&self, operation: Operation) -> &Durations {
        self.counts.operation_durations(Tier::L2, operation)
    }

    /// Returns the operations on the shared store that failed with this kind of error.
    #[must_use]
    pub fn store_errors(&self, operation: Operation, kind: StoreErrorKind) -> u64 {
        self.counts.totals.store_errors(operation, kind)
    }

    /// Returns the waits for a lease on the shared store, held by a load of another process, with this outcome.
    #[must_use]
    pub fn store_waits(&self, outcome: WaitOutcome) -> u64 {
        self.counts.waits(WaitScope::Store, outcome)
    }

    /// Returns the durations of these waits.
    #[must_use]
    pub fn store_wait_duration(&self, outcome: WaitOutcome) -> &Durations {
        self.counts.wait_durations(WaitScope::Store, outcome)
    }
}
