//! The identity of a cache in telemetry.

use std::collections::BTreeMap;

/// The identity of a cache. In one process, caches with the same name, kind of store and labels are reported as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheIdentity {
    /// The name of the cache.
    pub name: String,
    /// The kind of the store.
    pub store: &'static str,
    /// The error type of the wrapped function, or `None` if the function returns no errors.
    pub error_type: Option<&'static str>,
    /// The labels, which telemetry adds as attributes.
    pub labels: Labels,
}

/// The names and values of a cache's labels.
pub type Labels = BTreeMap<String, String>;
