//! What every [`ByteStore`](crate::shared::ByteStore) promises, as tests to run a store of one's own against.
//!
//! A case takes keys and scopes that nobody else uses, so that cases can share a server and run at once, and clears
//! them when it is through. It knows the store by its operations alone, runs on any executor, and judges time by the
//! monotonic clock: an operation is held to a deadline only where it certainly began after it, or ended before it, so
//! a slow machine makes a case slower and never wrong.
//!
//! All of them in one test:
//!
//! ```
//! # use cachescope_core::shared::ByteStore;
//! use cachescope_core::contract::{self, Promises};
//!
//! # async fn example(store: impl ByteStore) {
//! if let Err(broken) = contract::check(&store, Promises { sweeps: true, ..Promises::default() }).await {
//!     panic!("{broken:#?}");
//! }
//! # }
//! ```
//!
//! Or one by one, each reported by its name: see [`cases`].
//!
//! A store in memory that brings a [`Simulator`](crate::Simulator) has [`simulates`] to hold that to.

mod at_once;
mod broken;
mod case;
mod dropped;
mod fenced;
mod ground;
mod in_memory;
mod keys;
mod leases;
mod life;
#[cfg(test)]
mod memory;
mod notices;
mod promises;
mod scopes;
mod simulates;
mod steps;
mod upkeep;
mod values;

pub use self::broken::Broken;
pub use self::case::{Case, cases, check};
pub use self::in_memory::{Fault, InMemory};
pub use self::promises::Promises;
pub use self::simulates::{Differ, Simulated, simulates};
