//! Publishes the numbers of an instance.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cachescope_core::StoreErrorKind;
use cachescope_core::shared::StoreError;
use tokio::runtime::Handle;

use super::fleet_store::{FleetStore, Stored};
use super::id::InstanceId;
use super::instance_list::InstanceList;
use super::publication::{Publication, merge_by_identity};
use crate::l2::random;
use crate::metrics::Snapshot;

/// Every eighth round, an instance checks whether another one is gone, and sweeps the store. An instance that isn't
/// listed yet does so as well. So a process that restarts again and again leaves no entries.
const CLEANUP_EVERY: u64 = 8;

/// Returns the numbers of an instance.
pub(super) type SnapshotSource = Arc<dyn Fn() -> Vec<Snapshot> + Send + Sync>;

/// The results of publishing. Returned by [`FleetMember::publish_status`](crate::fleet::FleetMember::publish_status).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishStatus {
    /// The number of successful publications.
    pub succeeded: u64,
    /// The number of failed publications.
    pub failed: u64,
    /// The error of the last attempt. `None` if it succeeded.
    pub error: Option<StoreErrorKind>,
    /// The size of the last successful publication, in bytes.
    pub bytes: usize,
}

/// Whether an instance is still running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InstanceState {
    Running,
    Ended,
}

/// Publishes the numbers of one instance.
pub(super) struct Publisher {
    pub(super) store: Arc<FleetStore>,
    pub(super) id: InstanceId,
    pub(super) name: String,
    pub(super) max_age: Duration,
    pub(super) source: SnapshotSource,
    pub(super) runtime: Handle,
    progress: tokio::sync::Mutex<Progress>,
    status: Mutex<PublishStatus>,
}

#[derive(Debug)]
struct Progress {
    round: u64,
    state: InstanceState,
}

impl Publisher {
    pub(super) fn new(
        store: Arc<FleetStore>,
        id: InstanceId,
        name: Option<String>,
        max_age: Duration,
        source: SnapshotSource,
        runtime: Handle,
    ) -> Self {
        let progress = Progress { round: 0, state: InstanceState::Running };
        let name = name.unwrap_or_else(|| id.to_string());
        Self {
            store,
            id,
            name,
            max_age,
            source,
            runtime,
            progress: tokio::sync::Mutex::new(progress),
            status: Mutex::default(),
        }
    }

    /// Publishes now, after a publication in progress. Does nothing once the instance has ended.
    pub(super) async fn publish(&self, state: InstanceState) -> Result<(), StoreError> {
        let mut progress = self.progress.lock().await;
        if progress.state == InstanceState::Ended {
            return Ok(());
        }
        progress.state = state;
        let outcome = self.round(progress.round, state).await;
        progress.round += 1;
        self.record_outcome(&outcome);
        outcome.map(|_| ())
    }

    pub(super) fn publish_status(&self) -> PublishStatus {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes, and updates the instance list. Returns the number of bytes. An instance is listed only after it has
    /// published, so that others don't take it for gone.
    async fn round(&self, round: u64, state: InstanceState) -> Result<usize, StoreError> {
        let store = &self.store;
        let bytes = self.encoded(state).await?;
        store.put(self.id, &bytes, self.max_age).await?;
        let (instance_list, old) = match store.instance_list().await? {
            Stored::Present(instance_list, age) => (instance_list, FleetStore::must_be_renewed(age)),
            Stored::Missing | Stored::Unreadable => (InstanceList::default(), true),
        };
        let listed = instance_list.contains(self.id);
        // This comes first, since the list may be full of instances that are gone.
        if !listed || round.is_multiple_of(CLEANUP_EVERY) {
            // A failure is retried the next time. The instance's own numbers are published.
            let _ = self.remove_gone_instance(&instance_list).await;
        }
        if !listed || old {
            store.change_instance_list(|instance_list| instance_list.with_change(self.id, None)).await?;
        }
        Ok(bytes.len())
    }

    /// Removes another instance from the list if it is gone, and sweeps the store.
    async fn remove_gone_instance(&self, instance_list: &InstanceList) -> Result<(), StoreError> {
        if let Some(other) = instance_list.pick_other(self.id, random())
            && self.store.publication(other).await? == Stored::Missing
        {
            self.store.change_instance_list(|instance_list| instance_list.with_change(self.id, Some(other))).await?;
        }
        self.store.sweep().await
    }

    /// Encodes the numbers on a blocking thread: many caches take a while, and their stores may be user code.
    async fn encoded(&self, state: InstanceState) -> Result<Vec<u8>, StoreError> {
        let (store, id, name, source) = (Arc::clone(&self.store), self.id, self.name.clone(), Arc::clone(&self.source));
        let encoding = self.runtime.spawn_blocking(move || {
            let publication =
                Publication { name, ended: state == InstanceState::Ended, caches: merge_by_identity(&source()) };
            store.encode(id, publication)
        });
        match encoding.await {
            Ok(encoded) => encoded,
            Err(error) => Err(StoreError::new(StoreErrorKind::Other, error)),
        }
    }

    /// Counts the outcome. Logs an error once, until it changes or publishing succeeds.
    fn record_outcome(&self, outcome: &Result<usize, StoreError>) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let before = status.error;
        match outcome {
            Ok(bytes) => {
                status.succeeded += 1;
                (status.error, status.bytes) = (None, *bytes);
            }
            Err(error) => {
                status.failed += 1;
                status.error = Some(error.kind());
            }
        }
        match (before, outcome) {
            (before, Err(error)) if before != Some(error.kind()) => {
                tracing::warn!(
                    fleet = ?self.store,
                    %error,
                    "failed to publish the numbers of this instance; publishing is retried"
                );
            }
            (Some(_), Ok(_)) => {
                tracing::info!(fleet = ?self.store, "publishing the numbers of this instance works again")
            }
            _ => {}
        }
    }
}
