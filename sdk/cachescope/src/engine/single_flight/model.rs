//! Models of the single flight: loom runs each model through all orders of its threads' steps.
//!
//! Bounds: three threads, one key, and the number of preemptions that each model names. A switch where a thread blocks
//! or ends is no preemption. A follower that is never woken is a deadlock, which loom reports.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::pin::{Pin, pin};
use std::sync::atomic::AtomicUsize;
use std::task::Wake;

use loom::future::block_on;
use loom::model::Builder;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::*;

const NOW: Timestamp = Timestamp::from_nanos(1);

/// Runs `model` in every order with at most `preemptions` preemptions. Each run returns its result, and every result in
/// `expected` must occur: otherwise the runs don't cover what they should.
fn explore<T, const N: usize>(preemptions: usize, expected: [T; N], model: impl Fn() -> T + Send + Sync + 'static)
where
    T: Debug + Ord + Send + 'static,
{
    let seen = Arc::new(std::sync::Mutex::new((0, BTreeSet::new())));
    let mut builder = Builder::new();
    // LOOM_MAX_PREEMPTIONS raises the bound.
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check({
        let seen = Arc::clone(&seen);
        move || {
            let happened = model();
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.0 += 1;
            seen.1.insert(happened);
        }
    });
    let (runs, seen) = &*seen.lock().unwrap_or_else(PoisonError::into_inner);
    println!("{}: {runs} runs, {seen:?}", std::thread::current().name().unwrap_or_default());
    assert!(expected.iter().all(|expected| seen.contains(expected)), "{seen:?}");
}

/// A cache of one key, whose source has versions.
///
/// Loads and stores are relaxed: a thread that must see another's write sees it by the flight's locks alone.
struct Cache {
    flights: Arc<Flights<u64, u64, ()>>,
    stored: AtomicU64,
    source: AtomicU64,
    // The model's own notes use std, so they are no step of a thread.
    leading: AtomicUsize,
    invalidations: AtomicUsize,
    to_abandon: AtomicUsize,
    landed: AtomicUsize,
    followed: AtomicUsize,
    left_alone: AtomicUsize,
}

/// The version of an empty store.
const EMPTY: u64 = 0;

type Leading = (Leader<u64, u64, ()>, usize);

impl Cache {
    /// Creates a cache. The first `to_abandon` leaders are dropped before they land.
    fn new(to_abandon: usize) -> Arc<Self> {
        Arc::new(Self {
            flights: Arc::new(Flights::new()),
            stored: AtomicU64::new(EMPTY),
            source: AtomicU64::new(1),
            leading: AtomicUsize::new(0),
            invalidations: AtomicUsize::new(0),
            to_abandon: AtomicUsize::new(to_abandon),
            landed: AtomicUsize::new(0),
            followed: AtomicUsize::new(0),
            left_alone: AtomicUsize::new(0),
        })
    }

    fn key() -> HashedKey<u64> {
        HashedKey::new(1, 1)
    }

    /// Joins the flight, and returns the number of invalidations so far.
    fn join(&self) -> (Joined<u64, u64, (), u64>, usize) {
        let mut invalidations = 0;
        let joined = self.flights.join(&Self::key(), NOW, || {
            let value = self.stored.load(Ordering::Relaxed);
            if value != EMPTY {
                return Some(value);
            }
            // This request leads, and begins now, under the lock.
            assert_eq!(self.leading.fetch_add(1, Ordering::Relaxed), 0, "two lead at once");
            invalidations = self.invalidations.load(Ordering::Relaxed);
            None
        });
        (joined, invalidations)
    }

    fn lead(&self) -> Leading {
        match self.join() {
            (Joined::Leader(leader), invalidations) => (leader, invalidations),
            _ => panic!("expected to lead"),
        }
    }

    /// A request after its miss, as the engine runs it; `None` if it led and was dropped.
    async fn request(&self) -> Option<u64> {
        loop {
            match self.join() {
                (Joined::Found(value), _) => return Some(value),
                (Joined::Leader(leader), invalidations) => return self.load((leader, invalidations)),
                (Joined::Follower(follower), _) => {
                    self.followed.fetch_add(1, Ordering::Relaxed);
                    match follower.arrive().await {
                        Arrival::Landed(answer) => return answer.as_ref().as_ref().ok().copied(),
                        Arrival::Abandoned => self.left_alone.fetch_add(1, Ordering::Relaxed),
                    };
                }
            }
        }
    }

    fn load(&self, leading: Leading) -> Option<u64> {
        let to_abandon = self.to_abandon.load(Ordering::Relaxed);
        if to_abandon == 0 {
            return self.land(leading);
        }
        self.to_abandon.store(to_abandon - 1, Ordering::Relaxed);
        self.abandon(leading)
    }

    fn land(&self, (leader, invalidations): Leading) -> Option<u64> {
        let value = self.source.load(Ordering::Relaxed);
        self.landed.fetch_add(1, Ordering::Relaxed);
        let answer = leader.land(Ok(value), |_, _| {
            self.stored.store(value, Ordering::Relaxed);
            assert_eq!(invalidations, self.invalidations.load(Ordering::Relaxed), "kept over an invalidation");
            self.leading.store(0, Ordering::Relaxed);
        });
        answer.as_ref().as_ref().ok().copied()
    }

    fn abandon(&self, (leader, invalidations): Leading) -> Option<u64> {
        if invalidations == self.invalidations.load(Ordering::Relaxed) {
            self.leading.store(0, Ordering::Relaxed);
        }
        drop(leader);
        None
    }

    /// The closure that `Flights` runs while earlier loads can't store.
    fn empty(&self) {
        // First, because it is a step, before which loom may run other threads.
        self.stored.store(EMPTY, Ordering::Relaxed);
        self.invalidations.fetch_add(1, Ordering::Relaxed);
        self.leading.store(0, Ordering::Relaxed);
    }
}

/// The end of the first thread's flight: [`Cache::land`] or [`Cache::abandon`].
type End = fn(&Cache, Leading) -> Option<u64>;

/// Runs a request in a thread of its own.
fn spawn(cache: &Arc<Cache>) -> thread::JoinHandle<Option<u64>> {
    let cache = Arc::clone(cache);
    thread::spawn(move || block_on(cache.request()))
}

fn poll(future: Pin<&mut impl Future>, waker: &Waker) -> bool {
    future.poll(&mut Context::from_waker(waker)).is_ready()
}

/// Three requests, whose first leaders are dropped: all others get an answer, of one load.
fn all_end(to_abandon: usize) -> (usize, usize) {
    let cache = Cache::new(to_abandon);
    let others = [spawn(&cache), spawn(&cache)];
    let mut answers = vec![block_on(cache.request())];
    answers.extend(others.map(|other| other.join().expect("a panic ends the run")));
    assert_eq!(answers.iter().filter(|answer| answer.is_none()).count(), to_abandon);
    assert!(answers.iter().flatten().all(|answer| *answer == 1));
    assert_eq!(cache.landed.load(Ordering::Relaxed), 1);
    assert_eq!(cache.stored.load(Ordering::Relaxed), 1);
    (cache.followed.load(Ordering::Relaxed), cache.left_alone.load(Ordering::Relaxed))
}

#[test]
fn one_request_loads_and_all_get_its_answer() {
    // the number of followers, and of dropped leaders
    explore(4, [(0, 0), (1, 0), (2, 0)], || all_end(0));
}

#[test]
fn follower_leads_when_leader_is_dropped() {
    explore(3, [(0, 0), (1, 1), (2, 1), (3, 2)], || all_end(1));
}

#[test]
fn third_request_leads_when_two_leaders_are_dropped() {
    explore(3, [(0, 0), (1, 1), (2, 2), (3, 3)], || all_end(2));
}

/// Of two followers, one is polled and dropped while its leader ends.
fn one_follower_is_dropped(end: End) -> (bool, usize) {
    let cache = Cache::new(0);
    let leading = cache.lead();
    let dropped = {
        let cache = Arc::clone(&cache);
        thread::spawn(move || match cache.join() {
            (Joined::Follower(follower), _) => !poll(pin!(follower.arrive()), Waker::noop()),
            (Joined::Leader(leader), invalidations) => cache.abandon((leader, invalidations)).is_some(),
            (Joined::Found(_), _) => false,
        })
    };
    let stays = spawn(&cache);
    end(&cache, leading);
    let was_pending = dropped.join().expect("a panic ends the run");
    assert_eq!(stays.join().expect("a panic ends the run"), Some(1));
    assert_eq!(cache.stored.load(Ordering::Relaxed), 1);
    (was_pending, cache.followed.load(Ordering::Relaxed))
}

#[test]
fn dropped_follower_leaves_other_wakeups_when_flight_lands() {
    explore(5, [(false, 0), (true, 0), (false, 1), (true, 1)], || one_follower_is_dropped(Cache::land));
}

#[test]
fn dropped_follower_leaves_other_wakeups_when_flight_is_abandoned() {
    explore(5, [(false, 0), (true, 0), (false, 1), (true, 1)], || one_follower_is_dropped(Cache::abandon));
}

#[test]
fn waker_of_last_poll_is_woken() {
    explore(6, [true, false], || {
        let cache = Cache::new(0);
        let leading = cache.lead();
        let moved = {
            let cache = Arc::clone(&cache);
            thread::spawn(move || {
                let mut request = pin!(cache.request());
                let was_ready = poll(request.as_mut(), Waker::noop());
                if !was_ready {
                    assert_eq!(block_on(request), Some(1));
                }
                was_ready
            })
        };
        cache.land(leading);
        moved.join().expect("a panic ends the run")
    });
}

type Requests = Pin<Box<dyn Future<Output = Option<u64>> + Send>>;

/// A request whose waker polls it at once, in the thread that wakes.
struct Eager {
    request: Mutex<Option<Requests>>,
    answer: std::sync::Mutex<Option<u64>>,
}

impl Eager {
    fn new(cache: &Arc<Cache>) -> Arc<Self> {
        let cache = Arc::clone(cache);
        // Two, so that the waking thread finds itself in the cache again, however the first one ends.
        let requests = async move { cache.request().await.and(cache.request().await) };
        let request = Mutex::new(Some(Box::pin(requests) as _));
        Arc::new(Self { request, answer: std::sync::Mutex::new(None) })
    }
}

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut slot = self.request.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(request) = &mut *slot else { return };
        if let Poll::Ready(answer) = request.as_mut().poll(&mut Context::from_waker(&waker)) {
            *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
            *slot = None;
        }
    }
}

fn one_is_polled_as_it_is_woken(end: End) -> usize {
    let cache = Cache::new(0);
    let leading = cache.lead();
    let eager = Eager::new(&cache);
    let polls = {
        let eager = Arc::clone(&eager);
        thread::spawn(move || eager.wake())
    };
    let waits = spawn(&cache);
    end(&cache, leading);
    polls.join().expect("a panic ends the run");
    assert_eq!(waits.join().expect("a panic ends the run"), Some(1));
    assert_eq!(*eager.answer.lock().unwrap_or_else(PoisonError::into_inner), Some(1));
    assert_eq!(cache.stored.load(Ordering::Relaxed), 1);
    cache.followed.load(Ordering::Relaxed)
}

#[test]
fn waker_may_poll_at_once_when_flight_lands() {
    explore(4, [0, 1, 2], || one_is_polled_as_it_is_woken(Cache::land));
}

#[test]
fn waker_may_poll_at_once_and_lead_when_flight_is_abandoned() {
    explore(4, [0, 1, 2, 3], || one_is_polled_as_it_is_woken(Cache::abandon));
}

/// The last owner of a request drops it: here, a seat in the flight that the request itself waits for.
#[test]
fn waker_may_own_follower_of_same_flight() {
    explore(1, [()], || {
        let cache = Cache::new(0);
        let leading = cache.lead();
        let mut request = Box::pin(cache.request());
        for _ in 0..2 {
            let owned = Eager::new(&cache);
            Arc::clone(&owned).wake();
            // The second poll replaces the waker of the first.
            let in_request = owned.request.lock().unwrap_or_else(PoisonError::into_inner).take();
            let owner = Arc::new(Owner(in_request.map(Mutex::new)));
            assert!(!poll(request.as_mut(), &Waker::from(owner)));
        }
        drop(request);
        cache.land(leading);
    });
}

/// A waker that only owns.
struct Owner(#[expect(dead_code, reason = "it is there to be dropped")] Option<Mutex<Requests>>);

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

/// A load that `invalidate` overtakes, while a third request comes: a later request gets the current version of the
/// source.
fn invalidated(end: End, invalidate: fn(&Cache)) -> (usize, Option<u64>) {
    let cache = Cache::new(0);
    let leading = cache.lead();
    let invalidates = {
        let cache = Arc::clone(&cache);
        thread::spawn(move || {
            cache.source.store(2, Ordering::Relaxed);
            invalidate(&cache);
            block_on(cache.request())
        })
    };
    let other = spawn(&cache);
    end(&cache, leading);
    assert_eq!(invalidates.join().expect("a panic ends the run"), Some(2));
    let other = other.join().expect("a panic ends the run");
    assert!(matches!(other, Some(1 | 2)));
    assert_eq!(cache.stored.load(Ordering::Relaxed), 2);
    (cache.landed.load(Ordering::Relaxed), other)
}

fn remove(cache: &Cache) {
    cache.flights.invalidate(HashedRef::new(1, &1), || cache.empty());
}

#[test]
fn invalidated_load_stores_nothing() {
    explore(4, [(2, Some(1)), (2, Some(2))], || invalidated(Cache::land, remove));
}

#[test]
fn dropped_invalidated_load_keeps_next_flight() {
    explore(4, [(1, Some(2)), (2, Some(1))], || invalidated(Cache::abandon, remove));
}

#[test]
fn cleared_load_stores_nothing() {
    explore(4, [(2, Some(1)), (2, Some(2))], || {
        invalidated(Cache::land, |cache| cache.flights.clear(|| cache.empty()))
    });
}

/// Runs a request that doesn't wait, and loads beside its leader. Returns whether its value was stored.
fn spawn_stand_in(cache: &Arc<Cache>) -> thread::JoinHandle<bool> {
    let cache = Arc::clone(cache);
    thread::spawn(move || {
        let (follower, invalidations) = match cache.join() {
            (Joined::Follower(follower), _) => (follower, cache.invalidations.load(Ordering::Relaxed)),
            (Joined::Leader(leader), invalidations) => return cache.abandon((leader, invalidations)).is_some(),
            (Joined::Found(_), _) => return false,
        };
        let Err(follower) = block_on(follower.arrive_before(std::future::ready(()))) else { return false };
        let value = STOOD_IN + cache.source.load(Ordering::Relaxed);
        let mut kept = false;
        follower.stand_in(&cache.flights).land(&Cache::key(), Ok(value), |_, _| {
            cache.stored.store(value, Ordering::Relaxed);
            assert_eq!(invalidations, cache.invalidations.load(Ordering::Relaxed), "kept over an invalidation");
            cache.leading.store(0, Ordering::Relaxed);
            kept = true;
        });
        kept
    })
}

/// The offset of a stand-in's value above the source's version.
const STOOD_IN: u64 = 10;

/// A stand-in loads beside its leader, while another request waits: the first to end the flight ends it for good.
fn one_stands_in(end: End) -> (bool, usize) {
    let cache = Cache::new(0);
    let leading = cache.lead();
    let stands_in = spawn_stand_in(&cache);
    let waits = spawn(&cache);
    let landed = end(&cache, leading).is_some();
    let stood_in = stands_in.join().expect("a panic ends the run");
    let answer = waits.join().expect("a panic ends the run");
    let (stored, left_alone) = (cache.stored.load(Ordering::Relaxed), cache.left_alone.load(Ordering::Relaxed));
    assert_ne!(stored, EMPTY);
    // A request that leads after the first flight was abandoned gets what it loaded itself.
    if cache.landed.load(Ordering::Relaxed) == usize::from(landed) {
        assert_eq!(answer, Some(stored), "one was kept, another shared");
        assert!(!stood_in || left_alone == 0, "a flight that landed was abandoned");
    }
    (stood_in, left_alone)
}

#[test]
fn stand_in_or_leader_lands() {
    explore(4, [(false, 0), (true, 0)], || one_stands_in(Cache::land));
}

#[test]
fn leader_abandons_nobody_after_stand_in_landed() {
    explore(4, [(false, 0), (true, 0), (false, 1)], || one_stands_in(Cache::abandon));
}

#[test]
fn invalidated_stand_in_stores_nothing() {
    explore(4, [true, false], || {
        let cache = Cache::new(0);
        let leading = cache.lead();
        let stands_in = spawn_stand_in(&cache);
        let invalidates = {
            let cache = Arc::clone(&cache);
            thread::spawn(move || {
                cache.source.store(2, Ordering::Relaxed);
                remove(&cache);
                block_on(cache.request())
            })
        };
        cache.land(leading);
        let stood_in = stands_in.join().expect("a panic ends the run");
        assert!(matches!(invalidates.join().expect("a panic ends the run"), Some(2 | 12)));
        assert!(matches!(cache.stored.load(Ordering::Relaxed), 2 | 12));
        stood_in
    });
}

#[test]
fn oldest_wait_can_be_read_concurrently() {
    explore(3, [None, Some(NOW)], || {
        let cache = Cache::new(1);
        let other = spawn(&cache);
        let asks = {
            let cache = Arc::clone(&cache);
            thread::spawn(move || cache.flights.oldest_wait())
        };
        let own = block_on(cache.request());
        let other = other.join().expect("a panic ends the run");
        assert!(own.or(other) == Some(1) && own.and(other).is_none());
        assert_eq!(cache.flights.oldest_wait(), None);
        asks.join().expect("a panic ends the run")
    });
}
