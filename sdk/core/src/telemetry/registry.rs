//! The caches that telemetry reads, by name. Never keeps a cache alive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::attributes::{AttributeSets, Identity};
use crate::recorder::{Recorder, Totals};
use crate::store::Levels;

/// What telemetry asks of a live cache beyond its recorder.
pub trait Source: Send + Sync {
    /// How full its store is. May do the store's pending work, to be exact.
    fn levels(&self) -> Levels;

    /// How long the oldest of its waiting requests has waited; zero if none waits.
    fn longest_wait(&self) -> Duration;
}

#[derive(Default)]
pub(crate) struct Registry {
    members: Mutex<BTreeMap<Identity, Members>>,
}

/// The caches of one identity. Their numbers are added up before they are observed: of two observations
/// with equal attributes the SDK keeps the last.
struct Members {
    attributes: Arc<AttributeSets>,
    live: Vec<Member>,
    /// What caches that are gone had counted: a counter never falls.
    retired: Totals,
}

struct Member {
    recorder: Arc<Recorder>,
    source: Weak<dyn Source>,
}

/// One identity's numbers at the time of a collection.
pub(crate) struct Group {
    pub(crate) attributes: Arc<AttributeSets>,
    pub(crate) totals: Totals,
    live: Vec<Member>,
}

impl Registry {
    pub(crate) fn register(self: &Arc<Self>, recorder: &Arc<Recorder>, source: Weak<dyn Source>) -> Registration {
        let member = Member { recorder: Arc::clone(recorder), source };
        self.lock()
            .entry(recorder.identity().clone())
            .or_insert_with(|| Members {
                attributes: Arc::clone(recorder.attributes()),
                live: Vec::new(),
                retired: Totals::default(),
            })
            .live
            .push(member);
        Registration { registry: Arc::downgrade(self), recorder: Arc::clone(recorder) }
    }

    /// A cache's counts move to the retired ones under the lock, so that no collection misses them.
    fn retire(&self, recorder: &Arc<Recorder>) {
        if let Some(members) = self.lock().get_mut(recorder.identity()) {
            members.live.retain(|member| !Arc::ptr_eq(&member.recorder, recorder));
            members.retired = members.retired.plus(&recorder.totals());
        }
    }

    /// Every group. The lock is free again before anything of a cache is asked, since that may run a
    /// user's code (a value's `Drop`) which builds or drops caches.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let members = self.lock();
        members
            .values()
            .map(|members| Group {
                attributes: Arc::clone(&members.attributes),
                totals: members
                    .live
                    .iter()
                    .fold(members.retired.clone(), |totals, member| totals.plus(&member.recorder.totals())),
                live: members
                    .live
                    .iter()
                    .map(|member| Member {
                        recorder: Arc::clone(&member.recorder),
                        source: Weak::clone(&member.source),
                    })
                    .collect(),
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Identity, Members>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    fn sources(&self) -> impl Iterator<Item = Arc<dyn Source>> {
        self.live.iter().filter_map(|member| member.source.upgrade())
    }

    pub(crate) fn levels(&self) -> Levels {
        self.sources().fold(Levels::default(), |levels, source| levels.plus(source.levels()))
    }

    pub(crate) fn longest_wait(&self) -> Duration {
        self.sources().map(|source| source.longest_wait()).max().unwrap_or_default()
    }

    pub(crate) fn loads_active(&self) -> u64 {
        self.live.iter().map(|member| member.recorder.loads_active()).sum()
    }

    pub(crate) fn waits_active(&self) -> u64 {
        self.live.iter().map(|member| member.recorder.waits_active()).sum()
    }
}

/// A cache's place in telemetry. Dropping it ends the cache's levels and keeps its counts.
#[derive(Debug)]
pub struct Registration {
    registry: Weak<Registry>,
    recorder: Arc<Recorder>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.retire(&self.recorder);
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("identities", &self.lock().len()).finish()
    }
}
