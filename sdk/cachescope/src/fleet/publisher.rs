//! How an instance publishes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cachescope_core::StoreErrorKind;
use cachescope_core::shared::StoreError;
use tokio::runtime::Handle;

use super::id::InstanceId;
use super::place::{Kept, Place};
use super::published::{Published, together};
use super::roster::Roster;
use crate::metrics::Snapshot;
use crate::shared::random;

/// Each so many rounds an instance looks whether another is gone, and has the store swept. Whoever isn't listed yet
/// looks as well, so that a process which starts again and again leaves no trail.
const LOOK_EVERY: u64 = 8;

/// Where an instance's numbers come from.
pub(super) type Source = Arc<dyn Fn() -> Vec<Snapshot> + Send + Sync>;

/// How publishing goes. Made by [`FleetMember::publishing`](crate::FleetMember::publishing).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publishing {
    /// How often it succeeded.
    pub succeeded: u64,
    /// How often it failed.
    pub failed: u64,
    /// Why it failed the last time; `None` if it succeeded.
    pub error: Option<StoreErrorKind>,
    /// How many bytes were published the last time that succeeded.
    pub bytes: usize,
}

/// Whether an instance goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Runs,
    Ends,
}

/// Publishes one instance's numbers.
pub(super) struct Publisher {
    pub(super) place: Arc<Place>,
    pub(super) id: InstanceId,
    pub(super) name: String,
    pub(super) life: Duration,
    pub(super) source: Source,
    pub(super) runtime: Handle,
    turn: tokio::sync::Mutex<Turn>,
    told: Mutex<Publishing>,
}

#[derive(Debug)]
struct Turn {
    round: u64,
    standing: Standing,
}

impl Publisher {
    pub(super) fn new(
        place: Arc<Place>,
        id: InstanceId,
        name: Option<String>,
        life: Duration,
        source: Source,
        runtime: Handle,
    ) -> Self {
        let turn = Turn { round: 0, standing: Standing::Runs };
        let name = name.unwrap_or_else(|| id.to_string());
        Self { place, id, name, life, source, runtime, turn: tokio::sync::Mutex::new(turn), told: Mutex::default() }
    }

    /// Publishes now, after whoever does so already; nothing once the instance has ended.
    pub(super) async fn publish(&self, standing: Standing) -> Result<(), StoreError> {
        let mut turn = self.turn.lock().await;
        if turn.standing == Standing::Ends {
            return Ok(());
        }
        turn.standing = standing;
        let outcome = self.round(turn.round, standing).await;
        turn.round += 1;
        self.tell(&outcome);
        outcome.map(|_| ())
    }

    pub(super) fn publishing(&self) -> Publishing {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes were published. What is listed has been published before, so that nobody takes it for gone.
    async fn round(&self, round: u64, standing: Standing) -> Result<usize, StoreError> {
        let place = &self.place;
        let bytes = self.encoded(standing).await?;
        place.put(self.id, &bytes, self.life).await?;
        let (roster, old) = match place.roster().await? {
            Kept::Is(roster, age) => (roster, Place::is_old(age)),
            Kept::Nothing | Kept::Unreadable => (Roster::default(), true),
        };
        let listed = roster.lists(self.id);
        // First, since a roster may be full of those that are gone.
        if !listed || round.is_multiple_of(LOOK_EVERY) {
            // What fails is tried again the next time: its own numbers are published.
            let _ = self.tidy(&roster).await;
        }
        if !listed || old {
            place.change_roster(|roster| roster.changed(self.id, None)).await?;
        }
        Ok(bytes.len())
    }

    /// Takes another off the roster if it is gone, and has the store swept.
    async fn tidy(&self, roster: &Roster) -> Result<(), StoreError> {
        if let Some(other) = roster.another(self.id, random())
            && self.place.published(other).await? == Kept::Nothing
        {
            self.place.change_roster(|roster| roster.changed(self.id, Some(other))).await?;
        }
        self.place.sweep().await
    }

    /// Off the threads that tasks run on: many caches take their time, and their stores may be the user's.
    async fn encoded(&self, standing: Standing) -> Result<Vec<u8>, StoreError> {
        let (place, id, name, source) = (Arc::clone(&self.place), self.id, self.name.clone(), Arc::clone(&self.source));
        let encoding = self.runtime.spawn_blocking(move || {
            let published = Published { name, ended: standing == Standing::Ends, caches: together(&source()) };
            place.encode(id, published)
        });
        match encoding.await {
            Ok(encoded) => encoded,
            Err(error) => Err(StoreError::new(StoreErrorKind::Other, error)),
        }
    }

    /// Counts it, and says what hinders it once, until something else does or nothing.
    fn tell(&self, outcome: &Result<usize, StoreError>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.error;
        match outcome {
            Ok(bytes) => {
                told.succeeded += 1;
                (told.error, told.bytes) = (None, *bytes);
            }
            Err(error) => {
                told.failed += 1;
                told.error = Some(error.kind());
            }
        }
        match (before, outcome) {
            (before, Err(error)) if before != Some(error.kind()) => {
                tracing::warn!(fleet = ?self.place, %error, "this instance's numbers aren't published; it is tried again");
            }
            (Some(_), Ok(_)) => tracing::info!(fleet = ?self.place, "this instance's numbers are published again"),
            _ => {}
        }
    }
}
