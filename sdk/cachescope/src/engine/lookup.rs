//! The lookup of a request in memory: the path of a hit.

use std::borrow::Borrow;
use std::hash::Hash;

use cachescope_core::{Entry, HashedKey, HashedRef, RequestOutcome, RequestResult, Store, Timestamp};
use cachescope_telemetry::Recorder;
use opentelemetry::Context;

use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::freshness::{Decision, Freshness, RequestMode, RequestOptions, decide};
use crate::engine::plan::{Missed, Plan};
use crate::process::switch;
use crate::telemetry::guards::RequestGuard;
use crate::telemetry::spans::RequestSummary;
use crate::telemetry::trace_scope::TraceScope;
use crate::telemetry::verbose;

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Looks the key up in memory. A hit is counted here and ends; a miss becomes an open request later.
    ///
    /// The quiet path takes no lock, allocates nothing, reads no clock and writes only to a cell of the current thread.
    /// Everything rare is out of line.
    #[inline(always)]
    pub(crate) fn look_up<Q>(&self, key: HashedRef<'_, Q>) -> Result<V, Missed<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if switch::is_off() {
            return Err(self.skip_lookup(RequestOptions { mode: RequestMode::Bypass, ..RequestOptions::default() }));
        }
        let Some(cell) = self.recorder.quiet_hit_cell() else {
            return self.look_up_observed(key, RequestOptions::default());
        };
        match self.memory.store.get(key) {
            Some(entry) if self.clock.is_certainly_before(entry.renew_from) && !self.is_sampled(key.hash()) => {
                cell.count(entry.cost);
                Ok(entry.value)
            }
            found => self.confirm(key.hash(), found),
        }
    }

    /// Starts a request that skips the lookup.
    #[cold]
    #[inline(never)]
    pub(crate) fn skip_lookup(&self, options: RequestOptions) -> Missed<V> {
        Missed { start: self.clock.now(), options, found: None, freshness: Freshness::Absent }
    }

    /// Decides by the precise time: nothing was found, the expiry is near, or the key is sampled.
    #[cold]
    #[inline(never)]
    fn confirm(&self, hash: u64, found: Option<Entry<V>>) -> Result<V, Missed<V>> {
        let now = self.clock.now();
        let entry = self.judge(found, now, RequestOptions::default())?;
        // This hit isn't timed.
        let _ = self.recorder.count_hit(now, entry.cost);
        self.record_hit(hash, &entry, now);
        Ok(entry.value)
    }

    fn judge(&self, found: Option<Entry<V>>, now: Timestamp, options: RequestOptions) -> Result<Entry<V>, Missed<V>> {
        let freshness = self.memory.policy.freshness(found.as_ref(), now, options.max_age);
        match (decide(options.mode, freshness), found) {
            (Decision::Hit, Some(entry)) => Ok(entry),
            (_, found) => Err(Missed { start: now, options, found, freshness }),
        }
    }

    /// Looks the key up for a request that is timed, has options, is in a recording span, or is the first of its
    /// thread.
    #[cold]
    #[inline(never)]
    pub(crate) fn look_up_observed<Q>(&self, key: HashedRef<'_, Q>, options: RequestOptions) -> Result<V, Missed<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let start = self.clock.now();
        let found = self.memory.store.get(key);
        let entry = self.judge(found, start, options)?;
        let weight = self.recorder.count_hit(start, entry.cost);
        let traced = Recorder::can_access_context().then(recorded_context).flatten();
        let due = weight.is_some();
        if !due && traced.is_none() && !options.verbose {
            self.record_hit(key.hash(), &entry, start);
            return Ok(entry.value);
        }
        let (end, age) = (self.clock.now(), start.since(entry.stored_at));
        if due {
            self.recorder.hit_timed(end.since(start));
        }
        let answered =
            RequestSummary { age: Some(age), ..RequestSummary::new(RequestOutcome::new(RequestResult::Hit)) };
        if let Some((within, parent)) = traced {
            within.request_ended(Some(entry.cost.duration().saturating_sub(end.since(start))));
            if let Some(parent) = parent {
                self.spans.record_completed(&parent, &self.clock, &answered, start, end);
            }
        }
        if options.verbose {
            verbose::request(self.recorder.identity(), &answered, end.since(start));
        }
        // Insight records the key last, so that its time isn't part of the hit's.
        if let (Some(watcher), Some(weight)) = (&self.watch.watcher, weight) {
            watcher.record_request(key.hash(), start, weight);
        }
        self.record_hit(key.hash(), &entry, start);
        Ok(entry.value)
    }

    /// Looks the key up in memory for a request that never loads.
    pub(crate) fn lookup_only<Q>(&self, key: HashedRef<'_, Q>, options: RequestOptions) -> Result<V, Missed<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let options = RequestOptions { mode: RequestMode::OnlyIfCached, ..options };
        if switch::is_off() { Err(self.skip_lookup(options)) } else { self.look_up_observed(key, options) }
    }

    /// Ends a request that never loads and found no hit.
    pub(crate) fn finish_lookup(&self, hash: u64, missed: Missed<V>) -> Option<V> {
        let Missed { start, options, found, freshness } = missed;
        let request = RequestGuard::start(self.guards(), start, options);
        match (decide(options.mode, freshness), found) {
            (Decision::Stale, Some(entry)) => {
                Some(self.answer_with(hash, request, entry, start, RequestOutcome::new(RequestResult::Stale)))
            }
            _ => {
                request.end(RequestOutcome::new(RequestResult::Absent));
                None
            }
        }
    }

    /// Looks the key up in memory and in the shared store, for a request that never loads.
    pub(crate) async fn look_everywhere(&self, key: HashedKey<K>, options: RequestOptions) -> Option<V> {
        match self.lookup_only(key.as_ref(), options) {
            Ok(value) => Some(value),
            Err(missed) if self.l2.is_some() && !switch::is_off() => {
                let plan = Plan::only_if_cached(missed.options.max_age);
                self.look_in_l2(&key, missed, plan).await
            }
            Err(missed) => self.finish_lookup(key.hash(), missed),
        }
    }
}

/// Returns the current trace if it is recorded, and its context if the current span records.
fn recorded_context() -> Option<(TraceScope, Option<Context>)> {
    Context::map_current(|cx| {
        let within = TraceScope::current(cx)?;
        Some((within, within.records.then(|| cx.clone())))
    })
}
