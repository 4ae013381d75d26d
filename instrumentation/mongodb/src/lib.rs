//! MongoDB as a cachescope store, and telemetry for its client.
//!
//! [`MongoDb`] is a shared store of `cached(...)`. [`instrument`] adds `db.client.*` telemetry to a client that is used
//! directly, without a cache.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod command_tracker;
mod document;
mod document_lock;
mod error;
mod index;
mod instrument;
mod key_operations;
mod maintenance;
mod pool_tracker;
mod server_address;
mod server_clock;
mod server_collection;
mod store;

pub use mongodb;

pub use crate::index::Expiry;
pub use crate::instrument::{instrument, instrument_with};
pub use crate::store::MongoDb;

/// The value of the `cachescope.store` attribute.
const KIND: &str = "mongodb";
