//! The facts about a cache that insight needs.

use std::time::Duration;

use cachescope_core::StoreUsage;

/// The memory of a cache, and how long entries stay in it.
pub(crate) struct MemoryView {
    pub(crate) kind: &'static str,
    pub(crate) usage: StoreUsage,
    /// The TTL, if all entries have the same one.
    pub(crate) ttl: Option<Duration>,
    pub(crate) expires: bool,
    pub(crate) l2: Option<L2View>,
}

/// The settings and measurements of the shared store (L2).
#[derive(Clone, Copy)]
pub(crate) struct L2View {
    /// The duration of a lease, in which one process has the right to load a key. `None`: each process loads for
    /// itself.
    pub(crate) lease: Option<Duration>,
    /// The time after which a request stops waiting for the load of another. `None`: there is no limit.
    pub(crate) wait_timeout: Option<Duration>,
    /// The time for encoding and decoding values, divided by the time for the operations of the store.
    pub(crate) coding_ratio: Option<f64>,
}
