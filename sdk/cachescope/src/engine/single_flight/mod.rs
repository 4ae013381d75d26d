//! Single flight (request coalescing): of the requests for one key, one leads and loads; the others follow and wait.
//!
//! A key has no flight, or one flight that is loading. A flight ends when it lands (its answer is shared), or when it
//! is abandoned (its leader was dropped; followers join again, and one of them leads).

use std::borrow::Borrow;
use std::hash::Hash;
use std::pin::pin;
use std::sync::{Arc, OnceLock, PoisonError, Weak};
#[cfg(not(all(test, loom)))]
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use cachescope_core::{HashedKey, HashedRef, PrehashedBuildHasher, Timestamp};
use hashbrown::HashMap;
#[cfg(all(test, loom))]
use loom::sync::{Mutex, MutexGuard};
use opentelemetry::trace::SpanContext;

#[cfg(all(test, loom))]
mod model;

/// Enough that misses of different keys rarely meet. A shard is locked for a look at the store or a put.
const SHARDS: usize = 16;

/// The answer of a load, for all its followers.
pub(crate) type Answer<V, E> = Result<V, Arc<E>>;

type Shard<K, V, E> = HashMap<HashedKey<K>, Arc<Flight<V, E>>, PrehashedBuildHasher>;

/// The loads under way in one cache.
pub(crate) struct Flights<K, V, E> {
    shards: [Mutex<Shard<K, V, E>>; SHARDS],
    /// Flights that an invalidation removed from their shard, and that followers may still wait for.
    invalidated: Mutex<Vec<Weak<Flight<V, E>>>>,
}

/// The part of a request in the loading of its key.
pub(crate) enum Joined<K: Eq, V, E, F> {
    /// An answer: a load landed since the request's lookup.
    Found(F),
    /// The request loads.
    Leader(Leader<K, V, E>),
    /// The request waits.
    Follower(Follower<V, E>),
}

impl<K: Eq, V, E> Flights<K, V, E> {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::new(Shard::default())), invalidated: Mutex::new(Vec::new()) }
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard<K, V, E>> {
        // The high bits: a hash map uses the low ones.
        let index = (hash >> 32) as usize % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the flight of `key`, or starts one unless `find` returns an answer.
    ///
    /// `find` runs while no flight can land, so exactly one of all concurrent misses leads.
    pub(crate) fn join<F>(
        self: &Arc<Self>,
        key: &HashedKey<K>,
        now: Timestamp,
        find: impl FnOnce() -> Option<F>,
    ) -> Joined<K, V, E, F>
    where
        K: Clone,
    {
        let mut shard = self.shard(key.hash());
        if let Some(flight) = shard.get(key) {
            return Joined::Follower(Follower::board(flight, now));
        }
        if let Some(answer) = find() {
            return Joined::Found(answer);
        }
        let flight = Arc::new(Flight { state: Mutex::new(State::Loading(Vec::new())), span: OnceLock::new() });
        shard.insert(key.clone(), Arc::clone(&flight));
        Joined::Leader(Leader { flights: Arc::clone(self), key: key.clone(), flight, landed: false })
    }

    /// Runs `remove` so that no load of `key` that began earlier is stored after it.
    pub(crate) fn invalidate<Q>(&self, key: HashedRef<'_, Q>, remove: impl FnOnce())
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut shard = self.shard(key.hash());
        if let Some(flight) = shard.remove(&key) {
            self.overtake([flight]);
        }
        remove();
    }

    fn overtake(&self, flights: impl IntoIterator<Item = Arc<Flight<V, E>>>) {
        let mut invalidated = self.invalidated.lock().unwrap_or_else(PoisonError::into_inner);
        invalidated.retain(|flight| flight.strong_count() > 0);
        invalidated.extend(flights.into_iter().map(|flight| Arc::downgrade(&flight)));
    }

    /// Runs `clear` so that no load that began earlier is stored after it.
    pub(crate) fn clear(&self, clear: impl FnOnce()) {
        let mut shards = self.all_shards();
        shards.iter_mut().for_each(|shard| self.overtake(shard.drain().map(|(_, flight)| flight)));
        clear();
    }

    /// Runs `work` while no load can land. Loads under way are stored after it.
    pub(crate) fn hold<T>(&self, work: impl FnOnce() -> T) -> T {
        let _shards = self.all_shards();
        work()
    }

    fn all_shards(&self) -> Vec<MutexGuard<'_, Shard<K, V, E>>> {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner)).collect()
    }

    /// Returns the start of the oldest follower's wait.
    pub(crate) fn oldest_wait(&self) -> Option<Timestamp> {
        let oldest_of = |shard: &Mutex<Shard<K, V, E>>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.values().filter_map(|flight| flight.oldest_wait()).min()
        };
        let in_shards = self.shards.iter().filter_map(oldest_of).min();
        let invalidated = self.invalidated.lock().unwrap_or_else(PoisonError::into_inner);
        let invalidated = invalidated.iter().filter_map(|flight| flight.upgrade()?.oldest_wait());
        invalidated.chain(in_shards).min()
    }
}

struct Flight<V, E> {
    state: Mutex<State<V, E>>,
    /// The span of the load, for its followers.
    span: OnceLock<SpanContext>,
}

enum State<V, E> {
    Loading(Vec<Option<Seat>>),
    Landed(Arc<Answer<V, E>>),
    Abandoned,
}

/// The place of one follower.
struct Seat {
    since: Timestamp,
    waker: Option<Waker>,
}

impl<V, E> Flight<V, E> {
    fn state(&self) -> MutexGuard<'_, State<V, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the flight, unless it has ended: a stand-in may have landed it before its leader.
    ///
    /// Returns the wakers to wake as soon as no lock is held: a waker may poll at once.
    #[must_use]
    fn end(&self, end: State<V, E>) -> Vec<Option<Seat>> {
        let mut state = self.state();
        match &mut *state {
            State::Loading(seats) => {
                let seats = std::mem::take(seats);
                *state = end;
                seats
            }
            State::Landed(_) | State::Abandoned => Vec::new(),
        }
    }

    fn oldest_wait(&self) -> Option<Timestamp> {
        match &*self.state() {
            State::Loading(seats) => seats.iter().flatten().map(|seat| seat.since).min(),
            State::Landed(_) | State::Abandoned => None,
        }
    }
}

/// Returns whether requests for `key` join `flight`: it wasn't invalidated and hasn't ended.
fn is_of<K: Eq, V, E>(shard: &Shard<K, V, E>, key: &HashedKey<K>, flight: &Arc<Flight<V, E>>) -> bool {
    shard.get(key).is_some_and(|current| Arc::ptr_eq(current, flight))
}

fn wake(seats: Vec<Option<Seat>>) {
    seats.into_iter().flatten().filter_map(|seat| seat.waker).for_each(Waker::wake);
}

/// The right to load a key, and the duty to land. Dropping it abandons the flight.
pub(crate) struct Leader<K: Eq, V, E> {
    flights: Arc<Flights<K, V, E>>,
    key: HashedKey<K>,
    flight: Arc<Flight<V, E>>,
    landed: bool,
}

impl<K: Eq, V, E> Leader<K, V, E> {
    /// Publishes the span of the load to the followers.
    pub(crate) fn runs_in(&self, span: SpanContext) {
        // Set once: a leader loads once.
        let _ = self.flight.span.set(span);
    }

    /// Shares the answer with the followers. `keep` stores the answer, unless the key was invalidated meanwhile.
    pub(crate) fn land(
        mut self,
        answer: Answer<V, E>,
        keep: impl FnOnce(&HashedKey<K>, &Answer<V, E>),
    ) -> Arc<Answer<V, E>> {
        {
            let mut shard = self.flights.shard(self.key.hash());
            if is_of(&shard, &self.key, &self.flight) {
                keep(&self.key, &answer);
                shard.remove(&self.key);
            }
        }
        let answer = Arc::new(answer);
        wake(self.flight.end(State::Landed(Arc::clone(&answer))));
        self.landed = true;
        answer
    }
}

impl<K: Eq, V, E> Drop for Leader<K, V, E> {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        {
            let mut shard = self.flights.shard(self.key.hash());
            if is_of(&shard, &self.key, &self.flight) {
                shard.remove(&self.key);
            }
        }
        wake(self.flight.end(State::Abandoned));
    }
}

/// A place in another request's flight. Dropping it gives the place up.
pub(crate) struct Follower<V, E> {
    flight: Arc<Flight<V, E>>,
    seat: usize,
    since: Timestamp,
}

/// The right to land a flight in its leader's place, for a load that ends before the leader's.
pub(crate) struct StandIn<'a, K: Eq, V, E> {
    flights: &'a Flights<K, V, E>,
    flight: Arc<Flight<V, E>>,
}

impl<K: Eq, V, E> StandIn<'_, K, V, E> {
    /// Shares a value with the followers that still wait. An error is left to the leader, whose load may succeed.
    /// `keep` stores the value, unless the flight has ended or the key was invalidated meanwhile.
    pub(crate) fn land(
        self,
        key: &HashedKey<K>,
        answer: Answer<V, E>,
        keep: impl FnOnce(&HashedKey<K>, &Answer<V, E>),
    ) -> Arc<Answer<V, E>> {
        let answer = Arc::new(answer);
        if answer.is_err() {
            return answer;
        }
        let seats = {
            let mut shard = self.flights.shard(key.hash());
            if !is_of(&shard, key, &self.flight) {
                return answer;
            }
            keep(key, &answer);
            shard.remove(key);
            // Under the lock that the leader takes before it ends the flight: the stored value is the shared one.
            self.flight.end(State::Landed(Arc::clone(&answer)))
        };
        wake(seats);
        answer
    }
}

/// The end of a follower's wait.
pub(crate) enum Arrival<V, E> {
    Landed(Arc<Answer<V, E>>),
    Abandoned,
}

impl<V, E> Follower<V, E> {
    fn board(flight: &Arc<Flight<V, E>>, since: Timestamp) -> Self {
        let seat = match &mut *flight.state() {
            State::Loading(seats) => {
                seats.push(Some(Seat { since, waker: None }));
                seats.len() - 1
            }
            // A flight ends after it has left its shard, so the follower needs no seat.
            State::Landed(_) | State::Abandoned => usize::MAX,
        };
        Self { flight: Arc::clone(flight), seat, since }
    }

    /// Returns the start of the wait.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    /// Returns the span of the leader's load. Asked after the wait, because the load starts after its followers.
    pub(crate) fn leader_span(&self) -> impl Fn() -> Option<SpanContext> + use<V, E> {
        let flight = Arc::clone(&self.flight);
        move || flight.span.get().cloned()
    }

    /// Waits for the flight's end.
    pub(crate) async fn arrive(self) -> Arrival<V, E> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Waits for the flight's end or for `timeout`, and gives the place back after a timeout.
    pub(crate) async fn arrive_before(self, timeout: impl Future<Output = ()>) -> Result<Arrival<V, E>, Self> {
        let mut timeout = pin!(timeout);
        let arrival = std::future::poll_fn(|cx| match self.poll(cx) {
            Poll::Ready(arrival) => Poll::Ready(Some(arrival)),
            Poll::Pending => timeout.as_mut().poll(cx).map(|()| None),
        })
        .await;
        arrival.ok_or(self)
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Arrival<V, E>> {
        // Cloned before the lock and dropped after it: a waker is a task, whose drop may drop followers.
        let mut waker = Some(cx.waker().clone());
        match &mut *self.flight.state() {
            State::Landed(answer) => Poll::Ready(Arrival::Landed(Arc::clone(answer))),
            State::Abandoned => Poll::Ready(Arrival::Abandoned),
            State::Loading(seats) => {
                if let Some(Some(seat)) = seats.get_mut(self.seat) {
                    std::mem::swap(&mut seat.waker, &mut waker);
                }
                Poll::Pending
            }
        }
    }

    /// Stops waiting, to load beside a leader that takes too long.
    pub(crate) fn stand_in<K: Eq>(self, flights: &Flights<K, V, E>) -> StandIn<'_, K, V, E> {
        StandIn { flights, flight: Arc::clone(&self.flight) }
    }
}

impl<V, E> Drop for Follower<V, E> {
    fn drop(&mut self) {
        // The seat outlives the lock, because its waker may run when dropped.
        let _seat = match &mut *self.flight.state() {
            State::Loading(seats) => seats.get_mut(self.seat).and_then(Option::take),
            State::Landed(_) | State::Abandoned => None,
        };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;

    use super::*;

    type Tested = Arc<Flights<u64, u64, ()>>;
    const NOW: Timestamp = Timestamp::from_nanos(1);

    fn key(key: u64) -> HashedKey<u64> {
        HashedKey::new(key, key)
    }

    fn lead(flights: &Tested, k: u64) -> Leader<u64, u64, ()> {
        match flights.join(&key(k), NOW, || None::<()>) {
            Joined::Leader(leader) => leader,
            _ => panic!("expected to lead"),
        }
    }

    fn follow(flights: &Tested, k: u64, now: Timestamp) -> Follower<u64, ()> {
        match flights.join(&key(k), now, || -> Option<()> { panic!("a follower looks for nothing") }) {
            Joined::Follower(follower) => follower,
            _ => panic!("expected to follow"),
        }
    }

    #[test]
    fn leader_answer_reaches_all_followers() {
        let flights = Tested::new(Flights::new());
        let leader = lead(&flights, 1);
        let followers: Vec<_> = (0..10).map(|_| follow(&flights, 1, NOW)).collect();
        lead(&flights, 2).land(Ok(0), |_, _| ());
        let mut kept = None;
        leader.land(Ok(7), |_, answer| kept = answer.as_ref().ok().copied());
        assert_eq!(kept, Some(7));
        for follower in followers {
            assert!(matches!(follower.arrive().now_or_never(), Some(Arrival::Landed(answer)) if *answer == Ok(7)));
        }
        lead(&flights, 1);
    }

    #[test]
    fn abandoned_flight_wakes_followers_and_one_of_them_leads() {
        struct Count(AtomicUsize);
        impl std::task::Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let flights = Tested::new(Flights::new());
        let leader = lead(&flights, 1);
        let woken = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut waits: Vec<_> = (0..3).map(|_| Box::pin(follow(&flights, 1, NOW).arrive())).collect();
        for wait in &mut waits {
            assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        drop(waits.pop());
        drop(leader);
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);
        for wait in waits {
            assert!(matches!(wait.now_or_never(), Some(Arrival::Abandoned)));
        }
        lead(&flights, 1);
    }

    #[test]
    fn answer_invalidated_meanwhile_is_shared_and_not_stored() {
        let flights = Tested::new(Flights::new());
        let old = lead(&flights, 1);
        let follower = follow(&flights, 1, NOW);
        flights.invalidate(HashedRef::new(1, &1), || ());
        let new = lead(&flights, 1);
        old.land(Ok(1), |_, _| panic!("kept over an invalidation"));
        assert!(matches!(follower.arrive().now_or_never(), Some(Arrival::Landed(_))));
        // The old flight's end left the new one in place.
        follow(&flights, 1, NOW);
        flights.clear(|| ());
        new.land(Ok(2), |_, _| panic!("kept over a clear"));
    }

    #[test]
    fn stand_in_lands_flight_unless_it_has_ended() {
        let flights = Tested::new(Flights::new());
        let leader = lead(&flights, 1);
        let (impatient, patient) = (follow(&flights, 1, NOW), follow(&flights, 1, NOW));
        let late = impatient.arrive_before(std::future::ready(())).now_or_never().unwrap();
        let stand_in = late.err().unwrap().stand_in(&flights);
        assert!(stand_in.land(&key(1), Err(Arc::new(())), |_, _| panic!("an error was kept")).is_err());

        let (second, unhurried) = (follow(&flights, 1, NOW).stand_in(&flights), follow(&flights, 1, NOW));
        let mut kept = 0;
        second.land(&key(1), Ok(5), |_, _| kept += 1);
        assert_eq!(kept, 1);
        assert!(matches!(patient.arrive().now_or_never(), Some(Arrival::Landed(answer)) if *answer == Ok(5)));
        leader.land(Ok(6), |_, _| panic!("kept over the stand-in's"));
        assert!(matches!(unhurried.arrive().now_or_never(), Some(Arrival::Landed(answer)) if *answer == Ok(5)));

        let leader = lead(&flights, 1);
        let late = follow(&flights, 1, NOW).stand_in(&flights);
        flights.invalidate(HashedRef::new(1, &1), || ());
        late.land(&key(1), Ok(7), |_, _| panic!("kept over an invalidation"));
        drop(leader);
    }

    #[test]
    fn oldest_wait_ignores_dropped_followers() {
        let flights = Tested::new(Flights::new());
        assert_eq!(flights.oldest_wait(), None);
        let leader = lead(&flights, 1);
        let first = follow(&flights, 1, Timestamp::from_nanos(5));
        let _second = follow(&flights, 1, Timestamp::from_nanos(9));
        assert_eq!(flights.oldest_wait(), Some(Timestamp::from_nanos(5)));
        drop(first);
        assert_eq!(flights.oldest_wait(), Some(Timestamp::from_nanos(9)));
        flights.invalidate(HashedRef::new(1, &1), || ());
        assert_eq!(flights.oldest_wait(), Some(Timestamp::from_nanos(9)), "it waits all the same");
        drop(leader);
        assert_eq!(flights.oldest_wait(), None);
    }

    #[test]
    fn panic_in_keep_abandons_flight() {
        let flights = Tested::new(Flights::new());
        let leader = lead(&flights, 1);
        let follower = follow(&flights, 1, NOW);
        let land = std::panic::AssertUnwindSafe(|| leader.land(Ok(1), |_, _| panic!("on purpose")));
        assert!(std::panic::catch_unwind(land).is_err());
        assert!(matches!(follower.arrive().now_or_never(), Some(Arrival::Abandoned)));
        lead(&flights, 1);
    }
}
