//! The settings of a shared store.

use std::time::Duration;

/// The settings of a cache for its shared store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedSettings {
    /// The time limit of an operation.
    pub timeout: Duration,
    /// The number of consecutive failures that open the circuit breaker.
    pub breaker_failures: u32,
    /// The time for which the circuit breaker stays open.
    pub breaker_pause: Duration,
    /// The term of a lease, which is the right of one process to load a key. `None`: each process loads for itself.
    pub lease: Option<Duration>,
    /// The maximum time for which an entry is kept in memory before the shared store is read again. `None`: nothing is
    /// kept in memory.
    pub memory_ttl: Option<Duration>,
    /// Whether memory answers beyond `memory_ttl` if the shared store fails.
    pub serve_memory_on_store_error: bool,
}
