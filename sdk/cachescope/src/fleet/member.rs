//! This process as a member of a fleet.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::StoreError;
use tokio_util::sync::CancellationToken;

use super::publisher::{InstanceState, PublishStatus, Publisher};
use super::view::FleetView;

/// This process as an instance of a fleet. It publishes the numbers of its caches until it is dropped. Returned by
/// [`Fleet::join`](crate::fleet::Fleet::join). It dereferences to a [`FleetView`], which queries the fleet.
///
/// On drop, a task of the runtime publishes the last numbers; the runtime may end before that. [`FleetMember::close`]
/// publishes them reliably. The last numbers stay until they age out, marked as
/// [ended](crate::fleet::FleetInstance::ended).
#[must_use = "nothing is published once it is dropped"]
pub struct FleetMember {
    view: FleetView,
    publisher: Arc<Publisher>,
    end: CancellationToken,
}

impl FleetMember {
    /// Starts publishing: now, and then every `interval`.
    pub(super) fn start(publisher: Publisher, interval: Duration) -> Self {
        let member = Self {
            view: FleetView::new(Arc::clone(&publisher.store)),
            publisher: Arc::new(publisher),
            end: CancellationToken::new(),
        };
        let (publisher, end) = (Arc::clone(&member.publisher), member.end.clone());
        member.publisher.runtime.spawn(async move {
            loop {
                let sleep = publisher.store.clock.sleep(interval);
                // The error is logged, and the next attempt may succeed.
                let _ = publisher.publish(InstanceState::Running).await;
                if end.run_until_cancelled(sleep).await.is_none() {
                    return;
                }
            }
        });
        member
    }

    /// Returns the unique id of this instance in the fleet, in 16 hex digits: the
    /// [`id`](crate::fleet::FleetInstance::id) in [`FleetStats`](crate::fleet::FleetStats).
    #[must_use]
    pub fn id(&self) -> String {
        self.publisher.id.to_string()
    }

    /// Returns how often publishing succeeded and failed, and the last error.
    #[must_use]
    pub fn publish_status(&self) -> PublishStatus {
        self.publisher.publish_status()
    }

    /// Publishes now, instead of at the next interval. If the future is dropped, the numbers are published or not.
    ///
    /// # Errors
    ///
    /// Returns an error if the store fails or is too slow, or if the fleet is full. [`FleetMember::publish_status`]
    /// counts it.
    pub async fn publish(&self) -> Result<(), StoreError> {
        self.publisher.publish(InstanceState::Running).await
    }

    /// Publishes the last numbers and leaves the fleet.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`FleetMember::publish`]. The instance has left the fleet in any case, and its
    /// earlier numbers age out.
    pub async fn close(self) -> Result<(), StoreError> {
        self.end.cancel();
        self.publisher.publish(InstanceState::Ended).await
    }
}

impl Deref for FleetMember {
    type Target = FleetView;

    fn deref(&self) -> &FleetView {
        &self.view
    }
}

impl Drop for FleetMember {
    fn drop(&mut self) {
        if self.end.is_cancelled() {
            return;
        }
        self.end.cancel();
        let publisher = Arc::clone(&self.publisher);
        self.publisher.runtime.spawn(async move {
            let _ = publisher.publish(InstanceState::Ended).await;
        });
    }
}

impl fmt::Debug for FleetMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetMember").field("id", &self.id()).field("view", &self.view).finish_non_exhaustive()
    }
}
