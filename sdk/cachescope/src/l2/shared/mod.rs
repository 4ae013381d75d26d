//! The use of a shared store by requests: lookups, leases, writes, invalidations and maintenance.

mod breaker;
mod build;
mod cached;
mod coding;
mod expiry;
mod lead;
mod lease;
mod listener;
mod lookup;
mod maintenance;
mod outbox;
mod read;
mod tier;
mod time_limit;
mod write;

pub(crate) use self::build::build;
pub(crate) use self::lead::Led;
pub(crate) use self::lease::Storing;
#[cfg(feature = "fleet")]
pub(crate) use self::lease::{Lease, random};
pub(crate) use self::tier::SharedTier;
#[cfg(feature = "fleet")]
pub(crate) use self::time_limit::within;
