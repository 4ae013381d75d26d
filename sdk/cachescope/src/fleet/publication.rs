//! The numbers that an instance publishes.

use std::collections::BTreeMap;

use cachescope_core::Labels;
use serde::{Deserialize, Serialize};

use crate::metrics::Snapshot;

/// The publication of an instance.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Publication {
    /// The name of the instance.
    pub(super) name: String,
    /// Whether this is the last publication.
    pub(super) ended: bool,
    /// The numbers of the caches: one for each name, store and labels.
    pub(super) caches: Vec<Snapshot>,
}

/// Merges snapshots with the same name, store and labels. Sorts them by name.
pub(super) fn merge_by_identity<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Vec<Snapshot> {
    let mut all: BTreeMap<(&str, &str, &Labels), Snapshot> = BTreeMap::new();
    for snapshot in snapshots {
        let Snapshot { cache, store, labels, stats } = snapshot;
        all.entry((cache, store, labels))
            .and_modify(|others| others.stats = others.stats.merge(stats))
            .or_insert_with(|| snapshot.clone());
    }
    all.into_values().collect()
}
