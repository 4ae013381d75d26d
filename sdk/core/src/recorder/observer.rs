//! Who is told what happens in a cache, as it happens.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};
use std::time::Duration;

use crate::eviction::EvictionReason;
use crate::outcome::{
    Ending, LoadOutcome, LoadTrigger, Operation, RejectionReason, StaleEvent, StoreErrorKind, Tier, WaitOutcome,
    WaitScope,
};
use crate::telemetry::Identity;

/// Something that happened in a cache: the very things that its numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A request ended.
    Request {
        /// How.
        ending: Ending,
        /// What it took; `None` of a hit that isn't timed.
        duration: Option<Duration>,
    },
    /// A run of the wrapped function ended.
    Load {
        /// What made it run.
        trigger: LoadTrigger,
        /// How it ended.
        outcome: LoadOutcome,
        /// What it took.
        duration: Duration,
    },
    /// A wait for another request's load, or for a place to load in, ended.
    Wait {
        /// For whom.
        scope: WaitScope,
        /// How.
        outcome: WaitOutcome,
        /// What it took.
        duration: Duration,
    },
    /// A store was asked for something. Of look-ups in memory, those of timed hits.
    Operation {
        /// Which store.
        tier: Tier,
        /// For what.
        operation: Operation,
        /// What it took.
        duration: Duration,
    },
    /// The shared store failed to do what it was asked for.
    StoreFailed {
        /// What that was.
        operation: Operation,
        /// What went wrong.
        kind: StoreErrorKind,
    },
    /// An entry past its time was served, or a load took its place.
    Stale {
        /// Which of both.
        event: StaleEvent,
        /// How far past its time it was.
        age: Duration,
    },
    /// An entry left the store.
    Evicted {
        /// Why.
        reason: EvictionReason,
    },
    /// A loaded value wasn't stored.
    Rejected {
        /// Why.
        reason: RejectionReason,
    },
    /// A value of known size was stored.
    Stored {
        /// How large it is.
        bytes: u64,
    },
}

/// Is told what happens in caches, as it happens: for a back end of one's own.
///
/// Without one nothing of this costs anything; with one, a hit costs a clock read, a shared write and the call. It is
/// called on the path of whoever caused the event, at times under a lock of the cache or its store: it must be quick,
/// and must not call a cache. A panic of it ends there, and is said once a process.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// `event` happened in this cache.
    fn observe(&self, cache: &Identity, event: Event);
}

impl<T: Observer + ?Sized> Observer for Arc<T> {
    fn observe(&self, cache: &Identity, event: Event) {
        (**self).observe(cache, event);
    }
}

/// Tells `observer`, whatever it does with that.
pub(crate) fn tell(observer: &dyn Observer, cache: &Identity, event: Event) {
    if catch_unwind(AssertUnwindSafe(|| observer.observe(cache, event))).is_err() {
        static SAID: Once = Once::new();
        SAID.call_once(|| tracing::error!(cache = cache.cache, "an observer of caches panicked; it misses events"));
    }
}
