//! Conformance tests for [`ByteStore`](cachescope_core::shared::ByteStore)s and
//! [`Simulator`](cachescope_core::Simulator)s, and a store in memory with injected faults.
//!
//! A case uses keys and scopes of its own, and removes them at its end. So cases can run at the same time, and share a
//! server with other tests. A case knows the store only by its operations, and runs on any executor.
//!
//! A case measures time with the monotonic clock. It checks an operation against a deadline only if the operation
//! certainly started after the deadline, or ended before it. So a slow machine makes a case slower, but never makes it
//! fail.
//!
//! To run all cases in one test:
//!
//! ```
//! # use cachescope_core::shared::ByteStore;
//! use cachescope_testing::Capabilities;
//!
//! # async fn example(store: impl ByteStore) {
//! if let Err(violations) = cachescope_testing::check(&store, Capabilities { sweeps: true, ..Capabilities::default() }).await {
//!     panic!("{violations:#?}");
//! }
//! # }
//! ```
//!
//! To report each case under its own name, see [`cases`].
//!
//! [`check_simulator`] compares a [`Simulator`](cachescope_core::Simulator) with its store. [`InMemory`] is a shared
//! store for tests of your own code.

mod cancellation;
mod capabilities;
mod case;
mod concurrency;
mod expiry;
mod fencing;
mod in_memory;
mod invalidations;
mod keys;
mod leases;
mod maintenance;
mod scopes;
mod simulation;
mod steps;
#[cfg(test)]
mod suite_tests;
mod test_context;
mod values;
mod violation;

pub use self::capabilities::Capabilities;
pub use self::case::{Case, cases, check};
pub use self::in_memory::{Fault, InMemory};
pub use self::simulation::{Simulated, SimulationMismatch, check_simulator};
pub use self::violation::Violation;
