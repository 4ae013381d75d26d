//! A shared store in memory, for tests.

use std::collections::{HashMap, VecDeque};
use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use cachescope_core::shared::{
    ByteStore, Invalidation, InvalidationStream, LeaseResult, LeaseToken, Scope, StoreError, StoreErrorKind,
    StoreFuture, StoreKey, StoreSize,
};
use cachescope_core::{Clock, Timestamp};

/// A [`ByteStore`] in memory that fulfils the contract and uses a given clock. Clones share their entries, as if each
/// belonged to another process. Faults can be injected.
#[derive(Clone, Debug)]
pub struct InMemory {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

/// A fault of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every operation returns an error of this kind.
    Fails(StoreErrorKind),
    /// No operation ever ends.
    Hangs,
    /// Every operation panics.
    Panics,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<StoreKey, (Vec<u8>, Timestamp)>,
    leases: HashMap<StoreKey, (LeaseToken, Timestamp)>,
    listeners: Vec<Arc<Listener>>,
    fault: Option<Fault>,
}

#[derive(Debug)]
struct Listener {
    scope: Scope,
    queue: Mutex<(VecDeque<Option<Invalidation>>, Option<Waker>)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl InMemory {
    /// Creates an empty store. TTLs and lease terms are measured by `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// Sets or removes the fault, for all clones.
    pub fn set_fault(&self, fault: Option<Fault>) {
        lock(&self.state).fault = fault;
    }

    /// Changes the bytes of every entry, to test how corrupt entries are handled.
    pub fn corrupt_entries(&self, change: impl Fn(&mut Vec<u8>)) {
        lock(&self.state).entries.values_mut().for_each(|(bytes, _)| change(bytes));
    }

    /// Ends all streams of invalidations with an error, as a lost connection does.
    pub fn disconnect_listeners(&self) {
        let listeners = std::mem::take(&mut lock(&self.state).listeners);
        listeners.iter().for_each(|listener| listener.push(None));
    }

    async fn work<T>(&self, work: impl FnOnce(&mut State, Timestamp) -> T) -> Result<T, StoreError> {
        let fault = lock(&self.state).fault;
        match fault {
            None => Ok(work(&mut lock(&self.state), self.clock.now())),
            Some(Fault::Fails(kind)) => Err(kind.into()),
            Some(Fault::Hangs) => pending().await,
            Some(Fault::Panics) => panic!("on purpose"),
        }
    }
}

impl Listener {
    fn push(&self, invalidation: Option<Invalidation>) {
        let mut queue = lock(&self.queue);
        queue.0.push_back(invalidation);
        let waker = queue.1.take();
        drop(queue);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn found(&self, key: &StoreKey, now: Timestamp) -> Option<Vec<u8>> {
        self.entries.get(key).filter(|(_, until)| now < *until).map(|(bytes, _)| bytes.clone())
    }

    fn holder(&self, key: &StoreKey, now: Timestamp) -> Option<LeaseToken> {
        self.leases.get(key).filter(|(_, until)| now < *until).map(|(token, _)| *token)
    }
}

impl ByteStore for InMemory {
    fn kind(&self) -> &'static str {
        "in_memory"
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        Box::pin(self.work(|state, now| state.found(key, now)))
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        ttl: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(self.work(move |state, now| {
            if lease.is_some() && state.holder(key, now) != lease {
                return false;
            }
            state.leases.remove(key);
            let until = ttl.map_or(Timestamp::NEVER, |ttl| now.after(ttl));
            state.entries.insert(key.clone(), (bytes.to_vec(), until));
            true
        }))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(self.work(move |state, _| {
            state.entries.remove(key);
            state.leases.remove(key);
        }))
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        Box::pin(self.work(move |state, _| {
            state.entries.retain(|key, _| key.scope() != scope);
            state.leases.retain(|key, _| key.scope() != scope);
        }))
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, LeaseResult> {
        Box::pin(self.work(move |state, now| {
            if state.holder(key, now).is_some_and(|holder| holder != token) {
                return LeaseResult::Held;
            }
            state.leases.insert(key.clone(), (token, now.after(term)));
            LeaseResult::Granted(state.found(key, now))
        }))
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        Box::pin(self.work(move |state, now| {
            if state.holder(key, now) == Some(token) {
                state.leases.remove(key);
            }
        }))
    }

    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        Box::pin(self.work(move |state, _| {
            let entries = state.entries.iter().filter(|(key, _)| key.scope() == scope);
            let sizes: Vec<u64> = entries.map(|(_, (bytes, _))| bytes.len() as u64).collect();
            StoreSize { entries: Some(sizes.len() as u64), bytes: Some(sizes.iter().sum()), exact: true }
        }))
    }

    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        Box::pin(self.work(move |state, now| {
            let before = state.entries.len();
            state.entries.retain(|key, (_, until)| key.scope() != scope || now < *until);
            state.leases.retain(|key, (_, until)| key.scope() != scope || now < *until);
            (before - state.entries.len()) as u64
        }))
    }

    fn announce<'a>(&'a self, scope: &'a Scope, invalidation: &'a Invalidation) -> StoreFuture<'a, ()> {
        Box::pin(self.work(move |state, _| {
            let concerned = state.listeners.iter().filter(|listener| listener.scope == *scope);
            concerned.for_each(|listener| listener.push(Some(invalidation.clone())));
        }))
    }

    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn InvalidationStream>>> {
        Box::pin(self.work(move |state, _| {
            let listener = Arc::new(Listener { scope: scope.clone(), queue: Mutex::default() });
            state.listeners.push(Arc::clone(&listener));
            Some(Box::new(ListenerStream(listener)) as Box<dyn InvalidationStream>)
        }))
    }
}

struct ListenerStream(Arc<Listener>);

impl InvalidationStream for ListenerStream {
    fn next(&mut self) -> StoreFuture<'_, Invalidation> {
        Box::pin(poll_fn(|cx| {
            let mut queue = lock(&self.0.queue);
            match queue.0.pop_front() {
                Some(Some(invalidation)) => Poll::Ready(Ok(invalidation)),
                Some(None) => Poll::Ready(Err(StoreErrorKind::Unreachable.into())),
                None => {
                    queue.1 = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        }))
    }
}
