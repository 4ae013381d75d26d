//! The numbers of a cache with the cache's identity, for sending and storing.

use cachescope_core::{CacheIdentity, Labels};

use crate::metrics::Stats;

/// The numbers of a cache at one time, with the cache's identity. A plain value; the feature `serde` makes it
/// serialisable. Returned by [`CacheMetrics::snapshot`](crate::metrics::CacheMetrics::snapshot).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub struct Snapshot {
    /// The name of the cache.
    pub cache: String,
    /// The kind of its store.
    pub store: String,
    /// Its labels.
    pub labels: Labels,
    /// Its numbers.
    pub stats: Stats,
}

impl Snapshot {
    pub(crate) fn new(identity: &CacheIdentity, stats: Stats) -> Self {
        let CacheIdentity { name: cache, store, labels, .. } = identity.clone();
        Self { cache, store: store.to_owned(), labels, stats }
    }
}
