//! Queries a fleet.

use std::sync::Arc;

use cachescope_core::shared::StoreError;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::fleet_store::{FleetStore, Stored};
use super::stats::{FleetInstance, FleetStats};
use crate::l2::within;

/// The number of concurrent reads: a store has few connections, and a fleet may be large.
const CONCURRENT_READS: usize = 16;
/// The time limit of a query, as a multiple of the limit of one operation.
const TIMEOUTS_PER_ANSWER: u32 = 10;

/// A view of a fleet, which returns the numbers of its instances. Returned by
/// [`Fleet::view`](crate::fleet::Fleet::view); a [`FleetMember`](crate::fleet::FleetMember) dereferences to one. Cheap
/// to clone.
#[derive(Clone, Debug)]
pub struct FleetView {
    store: Arc<FleetStore>,
}

impl FleetView {
    pub(super) fn new(store: Arc<FleetStore>) -> Self {
        Self { store }
    }

    /// Returns the numbers that the instances published last. Empty if all of them have aged out.
    ///
    /// Reads a list, and one entry per instance, 16 at a time, and decodes them. The future may be dropped at any time.
    ///
    /// # Errors
    ///
    /// Returns an error if the store fails or panics, if an operation takes longer than
    /// [`Fleet::timeout`](crate::fleet::Fleet::timeout), or if all of them take ten times as long. An answer never
    /// lacks an instance for such a reason.
    pub async fn stats(&self) -> Result<FleetStats, StoreError> {
        let limit = self.store.clock.sleep(self.store.timeout.saturating_mul(TIMEOUTS_PER_ANSWER));
        within(limit, self.read_all()).await
    }

    async fn read_all(&self) -> Result<FleetStats, StoreError> {
        let (instance_list, mut unreadable) = match self.store.instance_list().await? {
            Stored::Present(instance_list, _) => (instance_list, 0),
            Stored::Missing => return Ok(FleetStats::new(vec![], 0)),
            Stored::Unreadable => return Ok(FleetStats::new(vec![], 1)),
        };
        let asked =
            instance_list.iter().map(|id| async move { self.store.publication(id).await.map(|kept| (id, kept)) });
        let answers: Vec<_> = stream::iter(asked).buffer_unordered(CONCURRENT_READS).try_collect().await?;
        let mut instances = Vec::with_capacity(answers.len());
        for (id, kept) in answers {
            match kept {
                Stored::Present(publication, age) => instances.push(FleetInstance {
                    id: id.to_string(),
                    name: publication.name,
                    age,
                    ended: publication.ended,
                    caches: publication.caches,
                }),
                // The instance is gone, but still listed.
                Stored::Missing => {}
                Stored::Unreadable => unreadable += 1,
            }
        }
        Ok(FleetStats::new(instances, unreadable))
    }
}
