//! MongoDB as a cachescope store, and telemetry for its client.
//!
//! [`MongoDb`] is a store of `cached(...)`. [`instrument`] gives whoever uses the client directly its `db.client.*`
//! telemetry, without any cache.

mod clock;
mod commands;
mod connections;
mod failure;
mod index;
mod record;
mod server;
mod store;
mod telemetry;
mod turns;
mod upkeep;

pub use mongodb;

pub use crate::index::Expiry;
pub use crate::store::MongoDb;
pub use crate::telemetry::{instrument, instrument_with};

/// The value of the attribute `cachescope.store`.
const KIND: &str = "mongodb";
