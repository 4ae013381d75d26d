//! An instance of a fleet.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::StoreError;
use tokio_util::sync::CancellationToken;

use super::publisher::{Publisher, Publishing, Standing};
use super::view::FleetView;

/// This process as an instance of a fleet: it publishes what its caches count for as long as this is held. Made by
/// [`Fleet::join`](crate::Fleet::join); what it can be asked of the fleet are a [`FleetView`]'s methods.
///
/// When it is dropped, its last numbers are published by a task of the runtime, which may end before; with
/// [`FleetMember::close`] they surely are. They stay until they age out, marked as those of one that has
/// [ended](crate::FleetInstance::ended).
#[must_use = "nothing is published once it is dropped"]
pub struct FleetMember {
    view: FleetView,
    publisher: Arc<Publisher>,
    end: CancellationToken,
}

impl FleetMember {
    /// Begins to publish, at once and then at each `interval`.
    pub(super) fn start(publisher: Publisher, interval: Duration) -> Self {
        let member = Self {
            view: FleetView::new(Arc::clone(&publisher.place)),
            publisher: Arc::new(publisher),
            end: CancellationToken::new(),
        };
        let (publisher, end) = (Arc::clone(&member.publisher), member.end.clone());
        member.publisher.runtime.spawn(async move {
            loop {
                let sleep = publisher.place.clock.sleep(interval);
                // An error is told, and the next time may do better.
                let _ = publisher.publish(Standing::Runs).await;
                if end.run_until_cancelled(sleep).await.is_none() {
                    return;
                }
            }
        });
        member
    }

    /// What nothing else in the fleet is called: 16 hex digits, the [`id`](crate::FleetInstance::id) it has there.
    #[must_use]
    pub fn id(&self) -> String {
        self.publisher.id.to_string()
    }

    /// How publishing goes: how often it succeeded and failed, and why.
    #[must_use]
    pub fn publishing(&self) -> Publishing {
        self.publisher.publishing()
    }

    /// Publishes now, and not at the next interval. Dropped before it is done, it has happened or not.
    ///
    /// # Errors
    /// If the store fails or takes too long, or the fleet is full. It is counted in [`FleetMember::publishing`].
    pub async fn publish(&self) -> Result<(), StoreError> {
        self.publisher.publish(Standing::Runs).await
    }

    /// Publishes the last numbers, and ends.
    ///
    /// # Errors
    /// As [`FleetMember::publish`]; it has ended in any case, and what was published before ages out.
    pub async fn close(self) -> Result<(), StoreError> {
        self.end.cancel();
        self.publisher.publish(Standing::Ends).await
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
            let _ = publisher.publish(Standing::Ends).await;
        });
    }
}

impl fmt::Debug for FleetMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetMember").field("id", &self.id()).field("view", &self.view).finish_non_exhaustive()
    }
}
