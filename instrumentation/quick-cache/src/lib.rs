//! quick_cache for cachescope: [`QuickCache`] is a store of `cached(...)`.

mod leaving;
mod simulator;
mod store;
mod weighed;

pub use crate::store::{QuickCache, QuickCacheStore};

/// The value of the attribute `cachescope.store`.
const KIND: &str = "quick_cache";
