//! A store behind memory, or in its place, that several processes use: how requests go about it.

mod breaker;
mod coding;
mod lead;
mod lease;
mod limit;
mod listening;
mod outbox;
mod present;
mod seek;
mod storing;
mod tier;
mod upkeep;

pub(crate) use self::lead::Led;
#[cfg(feature = "fleet")]
pub(crate) use self::lease::Lease;
pub(crate) use self::lease::{Storing, random};
#[cfg(feature = "fleet")]
pub(crate) use self::limit::within;
pub(crate) use self::tier::SharedTier;
