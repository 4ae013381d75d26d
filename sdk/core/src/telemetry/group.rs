//! The numbers of the caches of one name, at the time of a collection: plain values.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};
use std::time::Duration;

use opentelemetry::KeyValue;

use super::attributes::AttributeSets;
use super::registry::{CAPACITY_MULTIPLES, Member, Namesakes, Source};
use crate::outcome::{Failure, RequestResult};
use crate::recorder::Totals;
use crate::store::Levels;

/// Keeps no cache alive, nor its recorder.
pub(crate) struct Group {
    /// Those of each type of error; never none.
    parts: Vec<(Arc<AttributeSets>, Totals)>,
    totals: Totals,
    /// `None` where a cache panicked over it.
    pub(crate) levels: Option<Levels>,
    /// `None` where a cache panicked over it.
    pub(crate) longest_wait: Option<Duration>,
    /// Of the cache that had the most requests, of those that know it.
    curve: Option<[f64; CAPACITY_MULTIPLES.len()]>,
    /// What earlier processes counted; `None` where nobody wants that told.
    restored: Option<Totals>,
    pub(crate) loads_active: u64,
    pub(crate) waits_active: u64,
}

impl Group {
    pub(super) fn of(namesakes: &Namesakes) -> Self {
        let live = namesakes.live();
        // The stores first: settling them counts the evictions that were pending.
        let levels = unless_it_panics(|| sources(&live).fold(Levels::default(), |all, one| all.plus(one.levels())));
        let longest_wait =
            unless_it_panics(|| sources(&live).map(|source| source.longest_wait()).max().unwrap_or_default());
        let curve = unless_it_panics(|| {
            let known = live.iter().filter_map(|member| {
                let curve = member.source.upgrade()?.curve()?;
                Some((member.recorder.requests_so_far(), curve))
            });
            known.max_by_key(|(requests, _)| *requests).map(|(_, curve)| curve)
        });
        let restored = unless_it_panics(|| {
            sources(&live).filter_map(|source| source.restored()).reduce(|all, one| all.plus(&one))
        });
        let parts = namesakes.totals();
        Self {
            totals: parts.iter().fold(Totals::default(), |totals, (_, part)| totals.plus(part)),
            parts,
            levels,
            longest_wait,
            curve: curve.flatten(),
            restored: restored.flatten(),
            loads_active: live.iter().map(|member| member.recorder.loads_active()).sum(),
            waits_active: live.iter().map(|member| member.recorder.waits_active()).sum(),
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
        sets.map(|(reason, set)| (self.totals.rejected(*reason), &set[..]))
    }

    /// How many operations on the shared store failed, by operation and what went wrong.
    pub(crate) fn store_errors(&self) -> impl Iterator<Item = (u64, &[KeyValue])> {
        let sets = self.parts.first().map(|(attributes, _)| &attributes.store_errors).into_iter().flatten();
        sets.map(|((operation, kind), set)| (self.totals.store_errors(*operation, *kind), &set[..]))
    }

    /// The hit rate that each multiple of the capacity would give, where that is known.
    pub(crate) fn curve(&self) -> impl Iterator<Item = (f64, &[KeyValue])> {
        let sets = self.parts.first().map(|(attributes, _)| &attributes.capacities).into_iter().flatten();
        self.curve.into_iter().flatten().zip(sets).map(|(hit_rate, set)| (hit_rate, &set[..]))
    }

    /// How many requests earlier processes counted, by result.
    pub(crate) fn restored(&self) -> impl Iterator<Item = (u64, &[KeyValue])> {
        let sets = self.parts.first().map(|(attributes, _)| &attributes.results).into_iter().flatten();
        let results = RequestResult::ALL.into_iter().zip(sets);
        let restored = self.restored.iter();
        restored.flat_map(move |totals| results.clone().map(|(result, set)| (totals.result(result), &set[..])))
    }

    /// What entries saved the requests they answered.
    pub(crate) fn saved(&self) -> Duration {
        self.totals.saved()
    }

    /// The attributes of what has one series a name.
    pub(crate) fn attributes(&self) -> &[KeyValue] {
        self.parts.first().map_or(&[], |(attributes, _)| &attributes.base)
    }

    pub(crate) fn hit_timing_interval(&self) -> f64 {
        self.totals.hit_timing_interval()
    }
}

fn sources(live: &[Member]) -> impl Iterator<Item = Arc<dyn Source>> {
    live.iter().filter_map(|member| member.source.upgrade())
}

/// What `ask` gives. A panic in a callback would poison the SDK's whole pipeline; one of a cache (its store's, a
/// key's `Drop`) or of a pool costs the points of its name that needed the answer, of this collection, and is said once
/// a process.
pub(crate) fn unless_it_panics<T>(ask: impl FnOnce() -> T) -> Option<T> {
    let answer = catch_unwind(AssertUnwindSafe(ask)).ok();
    if answer.is_none() {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            tracing::error!("a cache or a pool panicked while its telemetry was collected; its numbers have gaps");
        });
    }
    answer
}
