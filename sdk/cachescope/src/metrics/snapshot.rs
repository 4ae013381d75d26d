//! A cache's numbers with its name, to be sent and stored.

use cachescope_core::{Identity, Labels};

use crate::metrics::Stats;

/// A cache's numbers at one moment, and whose they are. A plain value; with the feature `serde` it can be sent and
/// stored. Made by [`CacheMetrics::snapshot`](crate::CacheMetrics::snapshot).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub struct Snapshot {
    /// The cache's name.
    pub cache: String,
    /// The kind of store it has.
    pub store: String,
    /// What the user says of it.
    pub labels: Labels,
    /// Its numbers.
    pub stats: Stats,
}

impl Snapshot {
    pub(crate) fn of(identity: &Identity, stats: Stats) -> Self {
        let Identity { cache, store, labels, .. } = identity.clone();
        Self { cache, store: store.to_owned(), labels, stats }
    }
}
