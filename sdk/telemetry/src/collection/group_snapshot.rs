//! The numbers of all caches of one name, at the time of a collection.

use std::sync::Arc;
use std::time::Duration;

use cachescope_core::{Failure, RequestResult, StoreUsage};
use opentelemetry::KeyValue;

use super::attributes::{CAPACITY_MULTIPLES, CacheAttributeSets};
use super::cache_registry::{CacheGroup, CacheSource, Member};
use crate::panic_guard::unless_it_panics;
use crate::recorder::totals::Totals;

/// A snapshot of the caches of one name: plain values. It keeps neither a cache nor its recorder alive.
pub(crate) struct GroupSnapshot {
    /// The numbers for each error type. Never empty.
    parts: Vec<(Arc<CacheAttributeSets>, Totals)>,
    totals: Totals,
    /// `None` if a cache panicked while it was read.
    pub(crate) usage: Option<StoreUsage>,
    /// `None` if a cache panicked while it was read.
    pub(crate) longest_wait: Option<Duration>,
    /// The curve of the cache with the most requests that has one.
    curve: Option<[f64; CAPACITY_MULTIPLES.len()]>,
    /// The numbers of earlier processes, or `None` if they aren't reported.
    restored: Option<Totals>,
    pub(crate) loads_active: u64,
    pub(crate) waits_active: u64,
}

impl GroupSnapshot {
    pub(super) fn new(caches: &CacheGroup) -> Self {
        let live = caches.live();
        // The stores are read first: their pending work counts evictions.
        let usage = unless_it_panics(|| sources(&live).fold(StoreUsage::default(), |all, one| all.plus(one.usage())));
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
        let parts = caches.totals();
        Self {
            totals: parts.iter().fold(Totals::default(), |totals, (_, part)| totals.plus(part)),
            parts,
            usage,
            longest_wait,
            curve: curve.flatten(),
            restored: restored.flatten(),
            loads_active: live.iter().map(|member| member.recorder.loads_active()).sum(),
            waits_active: live.iter().map(|member| member.recorder.waits_active()).sum(),
        }
    }

    /// Returns the number of requests for each series of outcomes.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (u64, &[KeyValue])> {
        self.parts.iter().enumerate().flat_map(move |(index, (attributes, part))| {
            attributes.outcomes.iter().filter_map(move |(outcome, attributes)| {
                // Each error type has its own series of errors. All other series are shared by all error types.
                let totals = match outcome.failure {
                    Some(Failure::Error) => part,
                    _ if index == 0 => &self.totals,
                    _ => return None,
                };
                Some((totals.ended(*outcome), &attributes[..]))
            })
        })
    }

    /// Returns the number of evictions by reason, if evictions are counted.
    pub(crate) fn evictions(&self) -> impl Iterator<Item = (u64, &[KeyValue])> {
        let counted = self.parts.iter().map(|(attributes, _)| &attributes.evictions).find(|sets| !sets.is_empty());
        let counted = counted.into_iter().flatten();
        counted.map(|(reason, attributes)| (self.totals.evicted(*reason), &attributes[..]))
    }

    /// Returns the number of loaded values that weren't stored, by reason.
    pub(crate) fn rejections(&self) -> impl Iterator<Item = (u64, &[KeyValue])> {
        let sets = self.parts.first().map(|(attributes, _)| &attributes.rejections).into_iter().flatten();
        sets.map(|(reason, set)| (self.totals.rejected(*reason), &set[..]))
    }

    /// Returns the number of failed operations on the shared store, by operation and error.
    pub(crate) fn store_errors(&self) -> impl Iterator<Item = (u64, &[KeyValue])> {
        let sets = self.parts.first().map(|(attributes, _)| &attributes.store_errors).into_iter().flatten();
        sets.map(|((operation, kind), set)| (self.totals.store_errors(*operation, *kind), &set[..]))
    }

    /// Returns the estimated hit ratio for each multiple of the capacity, if it is known.
    pub(crate) fn curve(&self) -> impl Iterator<Item = (f64, &[KeyValue])> {
        let sets = self.parts.first().map(|(attributes, _)| &attributes.capacities).into_iter().flatten();
        self.curve.into_iter().flatten().zip(sets).map(|(hit_rate, set)| (hit_rate, &set[..]))
    }

    /// Returns the number of requests that earlier processes counted, by result.
    pub(crate) fn restored(&self) -> impl Iterator<Item = (u64, &[KeyValue])> {
        let sets = self.parts.first().map(|(attributes, _)| &attributes.results).into_iter().flatten();
        let results = RequestResult::ALL.into_iter().zip(sets);
        let restored = self.restored.iter();
        restored.flat_map(move |totals| results.clone().map(|(result, set)| (totals.result(result), &set[..])))
    }

    /// Returns the load time avoided, minus the time spent on caching.
    pub(crate) fn saved(&self) -> Duration {
        self.totals.saved()
    }

    /// Returns the attributes of metrics with one series per name.
    pub(crate) fn attributes(&self) -> &[KeyValue] {
        self.parts.first().map_or(&[], |(attributes, _)| &attributes.base)
    }

    pub(crate) fn hit_timing_interval(&self) -> f64 {
        self.totals.hit_timing_interval()
    }
}

fn sources(live: &[Member]) -> impl Iterator<Item = Arc<dyn CacheSource>> {
    live.iter().filter_map(|member| member.source.upgrade())
}
