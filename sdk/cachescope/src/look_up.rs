//! The look: all there is to a hit, and where everything else begins.

use std::borrow::Borrow;
use std::hash::Hash;

use cachescope_core::{Ending, Entry, HashedRef, MissReason, Moment, Recorder, RequestResult, Store};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

use crate::engine::Engine;
use crate::policy::{Freshness, Mode, Options};
use crate::switch;

/// A look-up that found nothing fresh.
pub(crate) struct Missed<V> {
    pub(crate) reason: MissReason,
    /// When the request began.
    pub(crate) start: Moment,
    pub(crate) options: Options,
    /// What was found past its time, and how it stands.
    pub(crate) found: Option<(Entry<V>, Freshness)>,
}

impl<K, V, E, S> Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
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
            return Err(self.unlooked(Options { mode: Mode::Bypass, ..Options::default() }));
        }
        let Some(cell) = self.recorder.quiet_hit_cell() else {
            return self.look_up_observed(key, Options::default());
        };
        match self.store.get(key) {
            Some(entry) if self.clock.is_surely_before(entry.fresh_until) => {
                cell.count();
                Ok(entry.value)
            }
            found => self.confirm(found),
        }
    }

    /// A request that doesn't look.
    #[cold]
    #[inline(never)]
    pub(crate) fn unlooked(&self, options: Options) -> Missed<V> {
        Missed { reason: MissReason::Unknown, start: self.clock.now(), options, found: None }
    }

    /// Nothing found, or found so near its expiry that the precise time has to decide.
    #[cold]
    #[inline(never)]
    fn confirm(&self, found: Option<Entry<V>>) -> Result<V, Missed<V>> {
        let now = self.clock.now();
        let value = self.judge(found, now, Options::default())?;
        self.recorder.count_hit(now);
        Ok(value)
    }

    fn judge(&self, found: Option<Entry<V>>, now: Moment, options: Options) -> Result<V, Missed<V>> {
        let missed = |reason, found| Missed { reason, start: now, options, found };
        let entry = found.ok_or_else(|| missed(MissReason::Unknown, None))?;
        match self.policy.judge(&entry, now, options.max_age) {
            Freshness::Fresh => Ok(entry.value),
            stale => Err(missed(MissReason::Expired, Some((entry, stale)))),
        }
    }

    /// A look-up that is timed, or in a span, or a thread's first, or of a request with wishes.
    #[cold]
    #[inline(never)]
    pub(crate) fn look_up_observed<Q>(&self, key: HashedRef<'_, Q>, options: Options) -> Result<V, Missed<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let start = self.clock.now();
        let found = self.store.get(key);
        let value = self.judge(found, start, options)?;
        let due = self.recorder.count_hit(start);
        let parent = Recorder::may_ask_for_context().then(recording_context).flatten();
        if !due && parent.is_none() {
            return Ok(value);
        }
        let end = self.clock.now();
        if due {
            self.recorder.hit_timed(end.since(start));
        }
        if let Some(parent) = parent {
            self.spans.after_the_fact(&parent, &self.clock, Ending::of(RequestResult::Hit), start, end);
        }
        Ok(value)
    }
}

/// The current context, if its span records.
fn recording_context() -> Option<Context> {
    // `is_recording` takes a lock: asked only where there is a span at all.
    Context::map_current(|cx| (cx.has_active_span() && cx.span().is_recording()).then(|| cx.clone()))
}
