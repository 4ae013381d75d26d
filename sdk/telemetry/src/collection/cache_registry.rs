//! The caches that telemetry reads, by name. The registry never keeps a cache alive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use cachescope_core::{CacheIdentity, Labels, StoreUsage};

use super::attributes::{CAPACITY_MULTIPLES, CacheAttributeSets};
use crate::recorder::totals::Totals;

/// The counters of one cache, as the registry reads them. Implemented by the recorder.
pub(crate) trait CountedCache: Send + Sync {
    fn identity(&self) -> &CacheIdentity;

    fn attributes(&self) -> &Arc<CacheAttributeSets>;

    /// Returns every counter.
    fn totals(&self) -> Totals;

    /// Returns the number of requests so far. The number is approximate while requests run.
    fn requests_so_far(&self) -> u64;

    fn loads_active(&self) -> u64;

    fn waits_active(&self) -> u64;
}

/// The values that telemetry reads from a live cache, in addition to its counters.
pub trait CacheSource: Send + Sync {
    /// Returns the usage of the cache's store. The store may first do pending work, in order to be exact.
    fn usage(&self) -> StoreUsage;

    /// Returns how long the longest-waiting request has waited so far, or zero if no request waits.
    fn longest_wait(&self) -> Duration;

    /// Returns the estimated hit ratio for each of [`CAPACITY_MULTIPLES`], or `None` if it isn't known.
    fn curve(&self) -> Option<[f64; CAPACITY_MULTIPLES.len()]> {
        None
    }

    /// Returns the numbers of earlier processes, or `None` if they aren't reported.
    fn restored(&self) -> Option<Totals> {
        None
    }
}

/// The name, the kind of store and the labels: the attributes that all series of a cache have.
type Name = (String, &'static str, Labels);

#[derive(Default)]
pub(crate) struct CacheRegistry {
    /// Caches of the same name are added up before they are observed, because the SDK keeps only the last of two
    /// observations with equal attributes. A name stays when its caches are gone.
    named: Mutex<BTreeMap<Name, Arc<CacheGroup>>>,
}

/// The caches of the same name.
#[derive(Default)]
pub(super) struct CacheGroup {
    by_error: Mutex<Vec<Members>>,
}

/// The caches that return the same error type, which is an attribute of some of their series.
struct Members {
    attributes: Arc<CacheAttributeSets>,
    error_type: Option<&'static str>,
    live: Vec<Member>,
    /// The numbers of dropped caches, because a counter must never fall.
    retired: Totals,
}

#[derive(Clone)]
pub(super) struct Member {
    pub(super) recorder: Arc<dyn CountedCache>,
    pub(super) source: Weak<dyn CacheSource>,
}

impl CacheRegistry {
    pub(crate) fn register(
        &self,
        recorder: &Arc<dyn CountedCache>,
        source: Weak<dyn CacheSource>,
    ) -> CacheRegistration {
        let identity = recorder.identity();
        let name = (identity.name.clone(), identity.store, identity.labels.clone());
        let group = Arc::clone(self.lock().entry(name).or_default());
        group.register(Member { recorder: Arc::clone(recorder), source });
        CacheRegistration { group, recorder: Arc::clone(recorder) }
    }

    /// Returns the caches of each name. Read them without the registry's lock: a cache may run a user's code (a value's
    /// `Drop`) that builds or drops caches.
    pub(super) fn groups(&self) -> Vec<Arc<CacheGroup>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<CacheGroup>>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheGroup {
    fn register(&self, member: Member) {
        let mut all = self.lock();
        match all.iter_mut().find(|members| members.have_error_type_of(&*member.recorder)) {
            Some(members) => members.live.push(member),
            None => all.push(Members {
                attributes: Arc::clone(member.recorder.attributes()),
                error_type: member.recorder.identity().error_type,
                live: vec![member],
                retired: Totals::default(),
            }),
        }
    }

    /// Moves a cache's numbers to the retired ones, under the lock, so that no collection misses them.
    fn retire(&self, recorder: &Arc<dyn CountedCache>) {
        let mut all = self.lock();
        if let Some(members) = all.iter_mut().find(|members| members.have_error_type_of(&**recorder)) {
            members.live.retain(|member| !Arc::ptr_eq(&member.recorder, recorder));
            members.retired = members.retired.plus(&recorder.totals());
        }
    }

    pub(super) fn live(&self) -> Vec<Member> {
        self.lock().iter().flat_map(|members| members.live.iter().cloned()).collect()
    }

    /// Returns the numbers and attribute sets for each error type.
    pub(super) fn totals(&self) -> Vec<(Arc<CacheAttributeSets>, Totals)> {
        self.lock().iter().map(|members| (Arc::clone(&members.attributes), members.totals())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Members>> {
        self.by_error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    fn have_error_type_of(&self, recorder: &dyn CountedCache) -> bool {
        self.error_type == recorder.identity().error_type
    }

    fn totals(&self) -> Totals {
        self.live.iter().fold(self.retired.clone(), |totals, member| totals.plus(&member.recorder.totals()))
    }
}

/// The registration of a cache. Dropping it ends the cache's gauges; its counters stay.
pub struct CacheRegistration {
    group: Arc<CacheGroup>,
    recorder: Arc<dyn CountedCache>,
}

impl Drop for CacheRegistration {
    fn drop(&mut self) {
        self.group.retire(&self.recorder);
    }
}

impl std::fmt::Debug for CacheRegistration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration").field("identity", self.recorder.identity()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CacheRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheRegistry").field("names", &self.lock().len()).finish()
    }
}
