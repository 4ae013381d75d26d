//! What an instance publishes.

use std::collections::BTreeMap;

use cachescope_core::Labels;
use serde::{Deserialize, Serialize};

use crate::metrics::Snapshot;

/// What an instance publishes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Published {
    /// What it is called.
    pub(super) name: String,
    /// Whether this is its last.
    pub(super) ended: bool,
    /// One of each name, store and labels.
    pub(super) caches: Vec<Snapshot>,
}

/// One of each name, store and labels: those of several are merged. By name.
pub(super) fn together<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Vec<Snapshot> {
    let mut all: BTreeMap<(&str, &str, &Labels), Snapshot> = BTreeMap::new();
    for snapshot in snapshots {
        let Snapshot { cache, store, labels, stats } = snapshot;
        all.entry((cache, store, labels))
            .and_modify(|others| others.stats = others.stats.merge(stats))
            .or_insert_with(|| snapshot.clone());
    }
    all.into_values().collect()
}
