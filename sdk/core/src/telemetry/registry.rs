//! The caches that telemetry reads, by name. Never keeps a cache alive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::attributes::{AttributeSets, Labels};
use super::group::Group;
use crate::recorder::{Recorder, Totals};
use crate::store::Levels;

/// The capacities, as multiples of the present one, for which a cache's hit rate is estimated.
pub const CAPACITY_MULTIPLES: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

/// What telemetry asks of a live cache beyond its recorder.
pub trait Source: Send + Sync {
    /// How full its store is. May do the store's pending work, to be exact.
    fn levels(&self) -> Levels;

    /// How long the oldest of its waiting requests has waited; zero if none waits.
    fn longest_wait(&self) -> Duration;

    /// The hit rate that each of [`CAPACITY_MULTIPLES`] of its capacity would give; `None` where that isn't known.
    fn curve(&self) -> Option<[f64; CAPACITY_MULTIPLES.len()]> {
        None
    }

    /// What earlier processes counted, if that is to be told.
    fn restored(&self) -> Option<Totals> {
        None
    }
}

/// What data points go by, besides what tells the series of one cache apart: its name, its kind of store, its labels.
type Name = (String, &'static str, Labels);

#[derive(Default)]
pub(crate) struct Registry {
    /// Caches of one name are added up before they are observed: of two observations with equal attributes
    /// the SDK keeps the last. A name stays when its caches are gone.
    named: Mutex<BTreeMap<Name, Arc<Namesakes>>>,
}

/// The caches of one name.
#[derive(Default)]
pub(super) struct Namesakes {
    by_error: Mutex<Vec<Members>>,
}

/// Those of them that return one type of error, which is part of some of their series.
struct Members {
    attributes: Arc<AttributeSets>,
    error_type: Option<&'static str>,
    live: Vec<Member>,
    /// What caches that are gone had counted: a counter never falls.
    retired: Totals,
}

#[derive(Clone)]
pub(super) struct Member {
    pub(super) recorder: Arc<Recorder>,
    pub(super) source: Weak<dyn Source>,
}

impl Registry {
    pub(crate) fn register(&self, recorder: &Arc<Recorder>, source: Weak<dyn Source>) -> Registration {
        let identity = recorder.identity();
        let name = (identity.cache.clone(), identity.store, identity.labels.clone());
        let namesakes = Arc::clone(self.lock().entry(name).or_default());
        namesakes.register(Member { recorder: Arc::clone(recorder), source });
        Registration { namesakes, recorder: Arc::clone(recorder) }
    }

    /// The numbers of the caches of each name. No lock is held while something is asked of a cache, since that may
    /// run a user's code (a value's `Drop`) which builds or drops caches.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let all: Vec<_> = self.lock().values().cloned().collect();
        all.iter().map(|namesakes| Group::of(namesakes)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Namesakes>>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Namesakes {
    fn register(&self, member: Member) {
        let mut all = self.lock();
        match all.iter_mut().find(|members| members.are_for(&member.recorder)) {
            Some(members) => members.live.push(member),
            None => all.push(Members {
                attributes: Arc::clone(member.recorder.attributes()),
                error_type: member.recorder.identity().error_type,
                live: vec![member],
                retired: Totals::default(),
            }),
        }
    }

    /// A cache's counts move to the retired ones under the lock, so that no collection misses them.
    fn retire(&self, recorder: &Arc<Recorder>) {
        let mut all = self.lock();
        if let Some(members) = all.iter_mut().find(|members| members.are_for(recorder)) {
            members.live.retain(|member| !Arc::ptr_eq(&member.recorder, recorder));
            members.retired = members.retired.plus(&recorder.totals());
        }
    }

    pub(super) fn live(&self) -> Vec<Member> {
        self.lock().iter().flat_map(|members| members.live.iter().cloned()).collect()
    }

    /// What those of each type of error have counted, with their attributes.
    pub(super) fn totals(&self) -> Vec<(Arc<AttributeSets>, Totals)> {
        self.lock().iter().map(|members| (Arc::clone(&members.attributes), members.totals())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Members>> {
        self.by_error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    fn are_for(&self, recorder: &Recorder) -> bool {
        self.error_type == recorder.identity().error_type
    }

    fn totals(&self) -> Totals {
        self.live.iter().fold(self.retired.clone(), |totals, member| totals.plus(&member.recorder.totals()))
    }
}

/// A cache's place in telemetry. Dropping it ends the cache's levels and keeps its counts.
pub struct Registration {
    namesakes: Arc<Namesakes>,
    recorder: Arc<Recorder>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.namesakes.retire(&self.recorder);
    }
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration").field("identity", self.recorder.identity()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("names", &self.lock().len()).finish()
    }
}
