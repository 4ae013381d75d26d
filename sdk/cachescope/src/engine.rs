//! What a request does: look, and on a miss lead or follow a load.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Weak};
use std::time::Duration;

use cachescope_core::{
    Clock, Ending, Entry, Failure, HashedKey, HashedRef, Identity, Levels, LoadOutcome, MissReason, Moment, Operation,
    Recorder, Registration, RequestResult, Source, StaleEvent, Store, Ticking, WaitOutcome,
};
use foldhash::fast::RandomState;
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, SpanContext, TraceContextExt};
use tokio::runtime::Handle;

use crate::admission::Admission;
use crate::books::{Books, OpenLoad, OpenRequest};
use crate::error::CallError;
use crate::flight::{Answer, Arrival, Flights, Follower, Joined, Leader, StandIn};
use crate::live::Live;
use crate::loader::{Loader, Panic};
use crate::metrics::CacheMetrics;
use crate::policy::{Freshness, Mode, Options, Policy};
use crate::spans::Spans;
use crate::switch;

/// One cache: what all clones of a `Cached` share.
pub(crate) struct Engine<K, V, E, S> {
    pub(crate) store: S,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) clock: Clock,
    pub(crate) policy: Policy<V>,
    pub(crate) admission: Admission<V>,
    pub(crate) loader: Loader<K, V, E>,
    /// How long a request waits for another's load.
    pub(crate) wait_timeout: Option<Duration>,
    pub(crate) flights: Arc<Flights<K, V, E>>,
    /// For loads that go on behind a request.
    pub(crate) this: Weak<Self>,
    pub(crate) spans: Spans,
    pub(crate) hasher: RandomState,
    /// Only where entries expire: without expiry nobody asks for the time on a hit.
    pub(crate) _ticking: Option<Ticking>,
    pub(crate) _registration: Registration,
}

/// How following another request's load went.
enum Followed<'a, K: Eq, V, E> {
    Shared(Arc<Answer<V, E>>),
    LeaderFailed,
    TimedOut(StandIn<'a, K, V, E>),
}

/// A look-up that found nothing fresh.
pub(crate) struct Missed<V> {
    reason: MissReason,
    /// When the request began.
    start: Moment,
    options: Options,
    /// What was found past its time, and how it stands.
    found: Option<(Entry<V>, Freshness)>,
}

impl<K, V, E, S> Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    #[inline(always)]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    fn books(&self) -> Books<'_> {
        Books { recorder: &self.recorder, spans: &self.spans, clock: &self.clock }
    }

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
    fn unlooked(&self, options: Options) -> Missed<V> {
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
    fn look_up_observed<Q>(&self, key: HashedRef<'_, Q>, options: Options) -> Result<V, Missed<V>>
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
            self.recorder.hit_timed(end.since(start), end.since(start));
        }
        if let Some(parent) = parent {
            self.spans.after_the_fact(&parent, &self.clock, Ending::of(RequestResult::Hit), start, end);
        }
        Ok(value)
    }

    /// Answers a request that has wishes.
    pub(crate) async fn ask(&self, key: HashedKey<K>, options: Options) -> Result<V, CallError<E>> {
        let options = if switch::is_off() { Options { mode: Mode::Bypass, ..options } } else { options };
        let looked = match options.mode {
            Mode::Usual => self.look_up_observed(key.as_ref(), options),
            Mode::Bypass | Mode::Overwrite => Err(self.unlooked(options)),
        };
        match looked {
            Ok(value) => Ok(value),
            Err(missed) => self.miss(key, missed).await,
        }
    }

    /// Gets the value of a key that wasn't found fresh, or wasn't looked for.
    #[cold]
    pub(crate) async fn miss(&self, key: HashedKey<K>, missed: Missed<V>) -> Result<V, CallError<E>> {
        let Missed { reason, start, options, found } = missed;
        let mut request = OpenRequest::start(self.books(), start);
        match options.mode {
            Mode::Usual => {}
            Mode::Bypass => return self.load(&key, request, Ending::of(RequestResult::Bypass), Arc::new).await,
            Mode::Overwrite => {
                // A load that began before doesn't count, and is not stored.
                self.flights.invalidate(key.as_ref(), || ());
                return self.obtain(&key, request, Ending::of(RequestResult::Bypass), |_| None).await;
            }
        }
        if let Some((entry, stands)) = found {
            request.found(entry.fresh_until);
            if stands == Freshness::Stale && self.refresh_behind(&key, &entry, &request) {
                self.recorder.stale(StaleEvent::Served, start.since(entry.fresh_until));
                request.end(Ending::of(RequestResult::Stale));
                return Ok(entry.value);
            }
        }
        let find = |now| self.find_fresh(&key, now, options.max_age);
        self.obtain(&key, request, Ending::miss(reason), find).await
    }

    /// Has an entry renewed by a task of its own, unless that is under way; false where there is no tokio runtime
    /// to run it.
    fn refresh_behind(&self, key: &HashedKey<K>, entry: &Entry<V>, request: &OpenRequest<'_>) -> bool {
        let (Ok(runtime), Some(this)) = (Handle::try_current(), self.this.upgrade()) else { return false };
        let now = self.clock.now();
        // What was stored since the look-up renews it as well.
        let Joined::Leader(leader) = self.flights.join(key, now, || self.find_fresh(key, now, None)) else {
            return true;
        };
        let (key, fresh_until, asker) = (key.clone(), entry.fresh_until, request.asker());
        runtime.spawn(async move { this.refresh(&key, fresh_until, asker, leader).await });
        true
    }

    /// Loads what no request waits for. An error or a panic leaves the entry as it is: the next request that is
    /// served it asks again.
    async fn refresh(
        &self,
        key: &HashedKey<K>,
        fresh_until: Moment,
        asker: Option<SpanContext>,
        leader: Leader<K, V, E>,
    ) {
        let load = OpenLoad::refresh(self.books(), asker);
        let loaded = self.run(&load, key).await;
        load.end(outcome_of(&loaded));
        if let Ok(Ok(value)) = loaded {
            self.recorder.stale(StaleEvent::Reloaded, self.clock.now().since(fresh_until));
            leader.land(Ok(value), |key, answer| self.keep(key, answer));
        } else if let Ok(Err(error)) = loaded {
            leader.land(Err(Arc::new(error)), |_, _| ());
        }
    }

    /// Gets a value by another request's load, or by its own, which gives the request this `ending`; unless
    /// `find` finds an entry when it is this request's turn to load.
    async fn obtain(
        &self,
        key: &HashedKey<K>,
        request: OpenRequest<'_>,
        ending: Ending,
        find: impl Fn(Moment) -> Option<Entry<V>>,
    ) -> Result<V, CallError<E>> {
        loop {
            let now = self.clock.now();
            match self.flights.join(key, now, || find(now)) {
                Joined::Found(entry) => {
                    request.end(Ending::of(RequestResult::Hit));
                    return Ok(entry.value);
                }
                Joined::Leader(leader) => {
                    let land = |answer| leader.land(answer, |key, answer| self.keep(key, answer));
                    return self.load(key, request, ending, land).await;
                }
                Joined::Follower(follower) => match self.follow(follower, &request, now).await {
                    Followed::Shared(answer) => {
                        return self.settle(key, request, Ending::of(RequestResult::Coalesced), &answer);
                    }
                    // The leader was dropped or panicked: join anew, perhaps to lead.
                    Followed::LeaderFailed => {}
                    Followed::TimedOut(stand_in) => {
                        let land = |answer| stand_in.land(key, answer, |key, answer| self.keep(key, answer));
                        return self.load(key, request, ending, land).await;
                    }
                },
            }
        }
    }

    /// Waits for another request's load, for as long as the cache lets its requests wait.
    async fn follow(&self, follower: Follower<V, E>, request: &OpenRequest<'_>, now: Moment) -> Followed<'_, K, V, E> {
        let wait = request.wait(now);
        let arrival = match self.wait_timeout {
            None => Ok(follower.arrive().await),
            Some(timeout) => follower.arrive_before(self.clock.sleep(timeout)).await,
        };
        match arrival {
            Ok(Arrival::Landed(answer)) => {
                wait.end(WaitOutcome::Shared);
                Followed::Shared(answer)
            }
            Ok(Arrival::Abandoned) => {
                wait.end(WaitOutcome::LeaderFailed);
                Followed::LeaderFailed
            }
            Err(follower) => {
                wait.end(WaitOutcome::Timeout);
                Followed::TimedOut(follower.stand_in(&self.flights))
            }
        }
    }

    /// What a load that landed after this request's look-up may have stored.
    fn find_fresh(&self, key: &HashedKey<K>, now: Moment, max_age: Option<Duration>) -> Option<Entry<V>> {
        let key = key.as_ref();
        // Asked first, since it leaves the store's policy alone: this request has looked once already.
        if !self.store.contains(key) {
            return None;
        }
        self.store.get(key).filter(|entry| self.policy.judge(entry, now, max_age) == Freshness::Fresh)
    }

    /// Runs the wrapped function for `request`, and hands what it returned to `land`. If it panics, the panic
    /// goes on once the books are closed, and `land` is dropped.
    async fn load(
        &self,
        key: &HashedKey<K>,
        mut request: OpenRequest<'_>,
        ending: Ending,
        land: impl FnOnce(Answer<V, E>) -> Arc<Answer<V, E>>,
    ) -> Result<V, CallError<E>> {
        let load = request.load(ending.reason);
        let loaded = self.run(&load, key).await;
        load.end(outcome_of(&loaded));
        match loaded {
            Ok(loaded) => {
                if let Some(age) = request.renewed_age().filter(|_| loaded.is_ok()) {
                    self.recorder.stale(StaleEvent::Reloaded, age);
                }
                let answer = land(loaded.map_err(Arc::new));
                self.settle(key, request, ending, &answer)
            }
            Err(panic) => {
                drop(land);
                request.end(ending.with_failure(Failure::Panic));
                std::panic::resume_unwind(panic)
            }
        }
    }

    async fn run(&self, load: &OpenLoad<'_>, key: &HashedKey<K>) -> Result<Result<V, E>, Panic> {
        let running = self.loader.load(key.key().clone());
        match load.context() {
            Some(context) => running.with_context(context).await,
            // A thread that is ending has no context to attach another to.
            None => running.await,
        }
    }

    /// Ends a request with what a load gave; where that is an error, with an entry past its time if one may do.
    fn settle(
        &self,
        key: &HashedKey<K>,
        request: OpenRequest<'_>,
        ending: Ending,
        answer: &Answer<V, E>,
    ) -> Result<V, CallError<E>> {
        let error = match answer {
            Ok(value) => {
                request.end(ending);
                return Ok(value.clone());
            }
            Err(error) => error,
        };
        if let Some((value, age)) = self.last_good(key, ending) {
            self.recorder.stale(StaleEvent::Served, age);
            request.end(Ending::of(RequestResult::Stale).with_failure(Failure::Error));
            return Ok(value);
        }
        request.end(ending.with_failure(Failure::Error));
        Err(CallError::Load(Arc::clone(error)))
    }

    /// What may answer for a load that failed, and how far it is past its time.
    fn last_good(&self, key: &HashedKey<K>, ending: Ending) -> Option<(V, Duration)> {
        // Who left the cache aside wants nothing of it.
        if self.policy.serve_stale_on_error.is_zero() || ending.result == RequestResult::Bypass {
            return None;
        }
        let now = self.clock.now();
        let entry = self.store.get(key.as_ref()).filter(|entry| self.policy.is_better_than_an_error(entry, now))?;
        Some((entry.value, now.since(entry.fresh_until)))
    }

    /// Stores what a load returned, unless it is an error.
    fn keep(&self, key: &HashedKey<K>, answer: &Answer<V, E>) {
        if let Ok(value) = answer {
            self.store_value(key.clone(), value.clone());
        }
    }

    fn store_value(&self, key: HashedKey<K>, value: V) {
        if let Some(reason) = self.admission.rejects(&value) {
            return self.recorder.rejected(reason);
        }
        let stored_at = self.clock.now();
        let random = self.hasher.hash_one((key.hash(), stored_at));
        let fresh_until = self.policy.fresh_until(&value, stored_at, random);
        self.store.put(key, Entry { value, stored_at, fresh_until });
        self.recorder.operation(Operation::Put, self.clock.now().since(stored_at));
    }

    /// Stores a value that was not loaded here. A load that began before is not stored over it.
    pub(crate) fn insert(&self, key: HashedKey<K>, value: V) {
        // The key is needed for the look at the flights and then by the store.
        let stored = key.clone();
        self.flights.invalidate(key.as_ref(), || self.store_value(stored, value));
    }

    pub(crate) fn invalidate<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let key = HashedRef::new(self.hash(key), key);
        let start = self.clock.now();
        self.flights.invalidate(key, || self.store.remove(key));
        self.recorder.operation(Operation::Remove, self.clock.now().since(start));
    }

    pub(crate) fn clear(&self) {
        let start = self.clock.now();
        self.flights.clear(|| self.store.clear());
        self.recorder.operation(Operation::Clear, self.clock.now().since(start));
    }
}

/// The current context, if its span records.
fn recording_context() -> Option<Context> {
    // `is_recording` takes a lock: asked only where there is a span at all.
    Context::map_current(|cx| (cx.has_active_span() && cx.span().is_recording()).then(|| cx.clone()))
}

/// How a run of the wrapped function ended.
fn outcome_of<V, E>(loaded: &Result<Result<V, E>, Panic>) -> LoadOutcome {
    match loaded {
        Ok(Ok(_)) => LoadOutcome::Loaded,
        Ok(Err(_)) => LoadOutcome::Failed,
        Err(_) => LoadOutcome::Panicked,
    }
}

impl<K, V, E, S> Source for Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    fn levels(&self) -> Levels {
        self.store.levels()
    }

    fn longest_wait(&self) -> Duration {
        self.flights.oldest_wait().map_or(Duration::ZERO, |since| self.clock.now().since(since))
    }
}

impl<K, V, E, S> Live for Engine<K, V, E, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    fn identity(&self) -> &Identity {
        self.recorder.identity()
    }

    fn metrics(&self) -> CacheMetrics<'_> {
        CacheMetrics::new(&self.recorder, self)
    }

    fn clear(&self) {
        Engine::clear(self);
    }
}
