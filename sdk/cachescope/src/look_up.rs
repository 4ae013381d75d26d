//! How a request looks in the store: the path of a hit.

use std::borrow::Borrow;
use std::hash::Hash;

use cachescope_core::{Ending, Entry, HashedKey, HashedRef, Moment, Recorder, RequestResult, Store};
use opentelemetry::Context;

use crate::books::OpenRequest;
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::Engine;
use crate::policy::{Decision, Mode, Standing, Wishes, decide};
use crate::spans::Answered;
use crate::within::Within;
use crate::{switch, verbose};

/// A look-up that a hit wasn't all of.
pub(crate) struct Missed<V> {
    /// When the request began.
    pub(crate) start: Moment,
    pub(crate) wishes: Wishes,
    /// What was found, and how it stands.
    pub(crate) found: Option<Entry<V>>,
    pub(crate) standing: Standing,
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Looks in the store. A hit is counted here and is over; a miss is yet to become a request.
    ///
    /// The quiet path takes no lock, allocates nothing, reads no clock and writes only to a cell of this
    /// thread's own; all that is rare is out of line.
    #[inline(always)]
    pub(crate) fn look_up<Q>(&self, key: HashedRef<'_, Q>) -> Result<V, Missed<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if switch::is_off() {
            return Err(self.unlooked(Wishes { mode: Mode::Bypass, ..Wishes::default() }));
        }
        let Some(cell) = self.recorder.quiet_hit_cell() else {
            return self.look_up_observed(key, Wishes::default());
        };
        match self.store.get(key) {
            Some(entry) if self.clock.is_surely_before(entry.renew_from) && !self.is_sampled(key.hash()) => {
                cell.count(entry.cost);
                Ok(entry.value)
            }
            found => self.confirm(key.hash(), found),
        }
    }

    /// A request that doesn't look.
    #[cold]
    #[inline(never)]
    pub(crate) fn unlooked(&self, wishes: Wishes) -> Missed<V> {
        Missed { start: self.clock.now(), wishes, found: None, standing: Standing::Absent }
    }

    /// Nothing found, or found so near its expiry that the precise time has to decide, or of a key that is sampled.
    #[cold]
    #[inline(never)]
    fn confirm(&self, hash: u64, found: Option<Entry<V>>) -> Result<V, Missed<V>> {
        let now = self.clock.now();
        let entry = self.judge(found, now, Wishes::default())?;
        // A quiet one: it isn't to be timed.
        let _ = self.recorder.count_hit(now, entry.cost);
        self.saw_hit(hash, &entry, now);
        Ok(entry.value)
    }

    fn judge(&self, found: Option<Entry<V>>, now: Moment, wishes: Wishes) -> Result<Entry<V>, Missed<V>> {
        let standing = self.policy.standing(found.as_ref(), now, wishes.max_age);
        match (decide(wishes.mode, standing), found) {
            (Decision::Hit, Some(entry)) => Ok(entry),
            (_, found) => Err(Missed { start: now, wishes, found, standing }),
        }
    }

    /// A look-up that is timed, or in a span, or a thread's first, or of a request with wishes.
    #[cold]
    #[inline(never)]
    pub(crate) fn look_up_observed<Q>(&self, key: HashedRef<'_, Q>, wishes: Wishes) -> Result<V, Missed<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let start = self.clock.now();
        let found = self.store.get(key);
        let entry = self.judge(found, start, wishes)?;
        let stands_for = self.recorder.count_hit(start, entry.cost);
        let traced = Recorder::may_ask_for_context().then(recorded_context).flatten();
        let due = stands_for.is_some();
        if !due && traced.is_none() && !wishes.verbose {
            self.saw_hit(key.hash(), &entry, start);
            return Ok(entry.value);
        }
        let (end, age) = (self.clock.now(), start.since(entry.stored_at));
        if due {
            self.recorder.hit_timed(end.since(start));
        }
        let answered = Answered { age: Some(age), ..Answered::so(Ending::of(RequestResult::Hit)) };
        if let Some((within, parent)) = traced {
            within.request_ended(Some(entry.cost.duration().saturating_sub(end.since(start))));
            if let Some(parent) = parent {
                self.spans.after_the_fact(&parent, &self.clock, &answered, start, end);
            }
        }
        if wishes.verbose {
            verbose::request(self.recorder.identity(), &answered, end.since(start));
        }
        // What watches the cache takes its time after that of the hit.
        if let (Some(watcher), Some(stands_for)) = (&self.watcher, stands_for) {
            watcher.asked(key.hash(), start, stands_for);
        }
        self.saw_hit(key.hash(), &entry, start);
        Ok(entry.value)
    }

    /// What a request that only looks finds in memory.
    pub(crate) fn look_only<Q>(&self, key: HashedRef<'_, Q>, wishes: Wishes) -> Result<V, Missed<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let wishes = Wishes { mode: Mode::OnlyIfCached, ..wishes };
        if switch::is_off() { Err(self.unlooked(wishes)) } else { self.look_up_observed(key, wishes) }
    }

    /// Answers a request that only looks, and found no hit.
    pub(crate) fn end_look(&self, hash: u64, missed: Missed<V>) -> Option<V> {
        let Missed { start, wishes, found, standing } = missed;
        let request = OpenRequest::start(self.books(), start, wishes);
        match (decide(wishes.mode, standing), found) {
            (Decision::Stale, Some(entry)) => {
                Some(self.answer_with(hash, request, entry, start, Ending::of(RequestResult::Stale)))
            }
            _ => {
                request.end(Ending::of(RequestResult::Absent));
                None
            }
        }
    }

    /// The same, wherever it may find something: in the shared store, too.
    pub(crate) async fn look_everywhere(&self, key: HashedKey<K>, wishes: Wishes) -> Option<V> {
        match self.look_only(key.as_ref(), wishes) {
            Ok(value) => Some(value),
            #[cfg(feature = "shared")]
            Err(missed) if self.shared.is_some() && !switch::is_off() => self.look_behind(&key, missed).await,
            Err(missed) => self.end_look(key.hash(), missed),
        }
    }
}

/// The trace that the current context is part of, if that is recorded; and the context, if its span records.
fn recorded_context() -> Option<(Within, Option<Context>)> {
    Context::map_current(|cx| {
        let within = Within::current(cx)?;
        Some((within, within.records.then(|| cx.clone())))
    })
}
