//! What a fleet is asked.

use std::sync::Arc;

use cachescope_core::shared::StoreError;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::place::{Kept, Place};
use super::stats::{FleetInstance, FleetStats};
use crate::shared::within;

/// How many instances are asked for at once: a store has few connections, and a fleet may be large.
const AT_ONCE: usize = 16;
/// An answer takes so many time limits of one operation at most.
const PATIENCE: u32 = 10;

/// A fleet, to be asked what its instances counted. Made by [`Fleet::view`](crate::Fleet::view); a
/// [`FleetMember`](crate::FleetMember) is one as well. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FleetView {
    place: Arc<Place>,
}

impl FleetView {
    pub(super) fn new(place: Arc<Place>) -> Self {
        Self { place }
    }

    /// What the instances counted by when each published last; of none, where none did within its life.
    ///
    /// Costs a read of a list and one for each instance, 16 at a time, and the decoding of what each published. May be
    /// dropped at any point.
    ///
    /// # Errors
    /// If the store fails, panics, or doesn't answer within [`Fleet::timeout`](crate::Fleet::timeout), or in ten times
    /// as long all in all: never an answer that lacks an instance for that reason.
    pub async fn stats(&self) -> Result<FleetStats, StoreError> {
        let limit = self.place.clock.sleep(self.place.timeout.saturating_mul(PATIENCE));
        within(limit, self.ask()).await
    }

    async fn ask(&self) -> Result<FleetStats, StoreError> {
        let (roster, mut unreadable) = match self.place.roster().await? {
            Kept::Is(roster, _) => (roster, 0),
            Kept::Nothing => return Ok(FleetStats::new(vec![], 0)),
            Kept::Unreadable => return Ok(FleetStats::new(vec![], 1)),
        };
        let asked = roster.iter().map(|id| async move { self.place.published(id).await.map(|kept| (id, kept)) });
        let answers: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut instances = Vec::with_capacity(answers.len());
        for (id, kept) in answers {
            match kept {
                Kept::Is(published, age) => instances.push(FleetInstance {
                    id: id.to_string(),
                    name: published.name,
                    age,
                    ended: published.ended,
                    caches: published.caches,
                }),
                // Gone, and not yet off the roster.
                Kept::Nothing => {}
                Kept::Unreadable => unreadable += 1,
            }
        }
        Ok(FleetStats::new(instances, unreadable))
    }
}
