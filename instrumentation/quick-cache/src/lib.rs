//! quick_cache for cachescope: [`QuickCache`] is an in-memory store of `cached(...)`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod eviction_counter;
mod simulator;
mod store;
mod weighted_key;

pub use crate::store::{QuickCache, QuickCacheStore};

/// The value of the `cachescope.store` attribute.
const KIND: &str = "quick_cache";
