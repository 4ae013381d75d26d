//! The caches that telemetry reads, by name. Never keeps a cache alive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use opentelemetry::KeyValue;

use super::attributes::AttributeSets;
use crate::outcome::{Failure, RejectionReason};
use crate::recorder::{Recorder, Totals};
use crate::store::Levels;

/// What telemetry asks of a live cache beyond its recorder.
pub trait Source: Send + Sync {
    /// How full its store is. May do the store's pending work, to be exact.
    fn levels(&self) -> Levels;

    /// How long the oldest of its waiting requests has waited; zero if none waits.
    fn longest_wait(&self) -> Duration;
}

/// What data points go by, besides what tells the series of one cache apart: its name and its kind of store.
type Name = (String, &'static str);

#[derive(Default)]
pub(crate) struct Registry {
    /// Caches of one name are added up before they are observed: of two observations with equal attributes
    /// the SDK keeps the last.
    named: Mutex<BTreeMap<Name, Vec<Members>>>,
}

/// The caches of one name that return one type of error, which is part of some of their series.
struct Members {
    attributes: Arc<AttributeSets>,
    error_type: Option<&'static str>,
    live: Vec<Member>,
    /// What caches that are gone had counted: a counter never falls.
    retired: Totals,
}

#[derive(Clone)]
struct Member {
    recorder: Arc<Recorder>,
    source: Weak<dyn Source>,
}

impl Registry {
    pub(crate) fn register(self: &Arc<Self>, recorder: &Arc<Recorder>, source: Weak<dyn Source>) -> Registration {
        let member = Member { recorder: Arc::clone(recorder), source };
        let mut named = self.lock();
        let all = named.entry(name_of(recorder)).or_default();
        match all.iter_mut().find(|members| members.are_for(recorder)) {
            Some(members) => members.live.push(member),
            None => all.push(Members {
                attributes: Arc::clone(recorder.attributes()),
                error_type: recorder.identity().error_type,
                live: vec![member],
                retired: Totals::default(),
            }),
        }
        Registration { registry: Arc::downgrade(self), recorder: Arc::clone(recorder) }
    }

    /// A cache's counts move to the retired ones under the lock, so that no collection misses them.
    fn retire(&self, recorder: &Arc<Recorder>) {
        let mut named = self.lock();
        let mut all = named.get_mut(&name_of(recorder)).into_iter().flatten();
        if let Some(members) = all.find(|members| members.are_for(recorder)) {
            members.live.retain(|member| !Arc::ptr_eq(&member.recorder, recorder));
            members.retired = members.retired.plus(&recorder.totals());
        }
    }

    /// The caches of each name. The lock is free again before anything of a cache is asked, since that may
    /// run a user's code (a value's `Drop`) which builds or drops caches.
    pub(crate) fn groups(&self) -> Vec<Group> {
        self.lock().values().map(|all| Group::of(all)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Vec<Members>>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name_of(recorder: &Recorder) -> Name {
    (recorder.identity().cache.clone(), recorder.identity().store)
}

impl Members {
    fn are_for(&self, recorder: &Recorder) -> bool {
        self.error_type == recorder.identity().error_type
    }

    fn totals(&self) -> Totals {
        self.live.iter().fold(self.retired.clone(), |totals, member| totals.plus(&member.recorder.totals()))
    }
}

/// The numbers of the caches of one name, at the time of a collection.
pub(crate) struct Group {
    /// Those of each type of error; never none.
    parts: Vec<(Arc<AttributeSets>, Totals)>,
    totals: Totals,
    live: Vec<Member>,
}

impl Group {
    fn of(all: &[Members]) -> Self {
        let parts: Vec<_> = all.iter().map(|members| (Arc::clone(&members.attributes), members.totals())).collect();
        Self {
            totals: parts.iter().fold(Totals::default(), |totals, (_, part)| totals.plus(part)),
            parts,
            live: all.iter().flat_map(|members| members.live.iter().cloned()).collect(),
        }
    }

    /// How many requests ended so, for every series of theirs.
    pub(crate) fn endings(&self) -> impl Iterator<Item = (u64, &[KeyValue])> {
        self.parts.iter().enumerate().flat_map(move |(index, (attributes, part))| {
            attributes.endings.iter().filter_map(move |(ending, attributes)| {
                // An error's series is its type's; all other series are the same for all parts.
                let totals = match ending.failure {
                    Some(Failure::Error) => part,
                    _ if index == 0 => &self.totals,
                    _ => return None,
                };
                Some((totals.ended(*ending), &attributes[..]))
            })
        })
    }

    /// How many entries left, by reason, if that is counted.
    pub(crate) fn evictions(&self) -> impl Iterator<Item = (u64, &[KeyValue])> {
        let counted = self.parts.iter().map(|(attributes, _)| &attributes.evictions).find(|sets| !sets.is_empty());
        let counted = counted.into_iter().flatten();
        counted.map(|(reason, attributes)| (self.totals.evicted(*reason), &attributes[..]))
    }

    /// How many loaded values weren't stored, by reason.
    pub(crate) fn rejections(&self) -> impl Iterator<Item = (u64, &[KeyValue])> {
        let sets = self.parts.first().map(|(attributes, _)| &attributes.rejections).into_iter().flatten();
        RejectionReason::ALL.into_iter().zip(sets).map(|(reason, set)| (self.totals.rejected(reason), &set[..]))
    }

    /// The attributes of what has one series a name.
    pub(crate) fn attributes(&self) -> &[KeyValue] {
        self.parts.first().map_or(&[], |(attributes, _)| &attributes.base)
    }

    pub(crate) fn hit_timing_interval(&self) -> f64 {
        self.totals.hit_timing_interval()
    }

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
        f.debug_struct("Registry").field("names", &self.lock().len()).finish()
    }
}
