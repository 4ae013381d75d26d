//! Events of a cache, and the observer that receives them.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};
use std::time::Duration;

use crate::identity::CacheIdentity;
use crate::outcome::{
    EvictionReason, LoadOutcome, LoadTrigger, Operation, RejectionReason, StaleEvent, StoreErrorKind, Tier,
    WaitOutcome, WaitScope,
};
use crate::request_outcome::RequestOutcome;

/// An event of a cache. Each event is also counted in the cache's metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A request ended.
    Request {
        /// The outcome.
        outcome: RequestOutcome,
        /// The duration, or `None` for a hit that isn't timed.
        duration: Option<Duration>,
    },
    /// A load, which is one run of the wrapped function, ended.
    Load {
        /// The reason for the load.
        trigger: LoadTrigger,
        /// The outcome.
        outcome: LoadOutcome,
        /// The duration.
        duration: Duration,
    },
    /// A wait for another request's load, or for a free load slot, ended.
    Wait {
        /// The owner of the load.
        scope: WaitScope,
        /// The outcome.
        outcome: WaitOutcome,
        /// The duration.
        duration: Duration,
    },
    /// An operation on a store ended. Look-ups in memory are reported for timed hits only.
    Operation {
        /// The store.
        tier: Tier,
        /// The operation.
        operation: Operation,
        /// The duration.
        duration: Duration,
    },
    /// An operation on the shared store failed.
    StoreFailed {
        /// The operation.
        operation: Operation,
        /// The kind of the error.
        kind: StoreErrorKind,
    },
    /// An expired entry was served, or a load replaced it.
    Stale {
        /// The fate of the entry.
        event: StaleEvent,
        /// The time since the entry expired.
        age: Duration,
    },
    /// An entry left the store.
    Evicted {
        /// The reason.
        reason: EvictionReason,
    },
    /// A loaded value wasn't stored.
    Rejected {
        /// The reason.
        reason: RejectionReason,
    },
    /// A value of known size was stored.
    Stored {
        /// The size in bytes.
        bytes: u64,
    },
}

/// Receives the events of caches as they happen. Implement it to feed your own metrics backend.
///
/// A cache without an observer pays nothing for it. With an observer, a hit costs a clock read, a shared write and the
/// call. The observer runs on the thread that caused the event, sometimes under a lock of the cache or of its store.
/// So it must be quick, and must not call a cache. A panic of the observer is caught, and logged once per process.
#[doc(alias = "listener")]
#[doc(alias = "hook")]
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Receives an event of the cache with this identity.
    fn observe(&self, cache: &CacheIdentity, event: Event);
}

impl<T: Observer + ?Sized> Observer for Arc<T> {
    fn observe(&self, cache: &CacheIdentity, event: Event) {
        (**self).observe(cache, event);
    }
}

/// Passes `event` to `observer`, and catches a panic of the observer.
pub fn notify(observer: &dyn Observer, cache: &CacheIdentity, event: Event) {
    if catch_unwind(AssertUnwindSafe(|| observer.observe(cache, event))).is_err() {
        static LOGGED: Once = Once::new();
        LOGGED.call_once(|| tracing::error!(cache = cache.name, "cache observer panicked: it misses events"));
    }
}
