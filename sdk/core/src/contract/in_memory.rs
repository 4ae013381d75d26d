//! A store of bytes in the memory of one process: for tests of what uses one.

use std::collections::{HashMap, VecDeque};
use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::shared::{
    ByteStore, LeaseToken, Leased, Notice, Notices, Scope, StoreError, StoreErrorKind, StoreFuture, StoreKey, StoreSize,
};

/// A [`ByteStore`] that keeps its promises and lives by a clock of yours. Clones are the same store, as if each
/// belonged to another process; it fails when it is told to.
#[derive(Clone, Debug)]
pub struct InMemory {
    clock: Clock,
    held: Arc<Mutex<Held>>,
}

/// What is wrong with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every operation fails so.
    Fails(StoreErrorKind),
    /// No operation ends.
    Hangs,
    /// Every operation panics.
    Panics,
}

#[derive(Debug, Default)]
struct Held {
    entries: HashMap<StoreKey, (Vec<u8>, Moment)>,
    leases: HashMap<StoreKey, (LeaseToken, Moment)>,
    listeners: Vec<Arc<Listener>>,
    fault: Option<Fault>,
}

#[derive(Debug)]
struct Listener {
    scope: Scope,
    heard: Mutex<(VecDeque<Option<Notice>>, Option<Waker>)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl InMemory {
    /// An empty one, whose lives and terms are of this clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, held: Arc::default() }
    }

    /// From now on this is wrong with it, or nothing is.
    pub fn set_fault(&self, fault: Option<Fault>) {
        lock(&self.held).fault = fault;
    }

    /// Changes the bytes of every entry, for those who test what they make of that.
    pub fn change_bytes(&self, change: impl Fn(&mut Vec<u8>)) {
        lock(&self.held).entries.values_mut().for_each(|(bytes, _)| change(bytes));
    }

    /// Ends all listening, as a lost connection does.
    pub fn cut_notices(&self) {
        let listeners = std::mem::take(&mut lock(&self.held).listeners);
        listeners.iter().for_each(|listener| listener.tell(None));
    }

    async fn work<T>(&self, work: impl FnOnce(&mut Held, Moment) -> T) -> Result<T, StoreError> {
        let fault = lock(&self.held).fault;
        match fault {
            None => Ok(work(&mut lock(&self.held), self.clock.now())),
            Some(Fault::Fails(kind)) => Err(kind.into()),
            Some(Fault::Hangs) => pending().await,
            Some(Fault::Panics) => panic!("on purpose"),
        }
    }
}

impl Listener {
    fn tell(&self, notice: Option<Notice>) {
        let mut heard = lock(&self.heard);
        heard.0.push_back(notice);
        let waker = heard.1.take();
        drop(heard);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Held {
    fn found(&self, key: &StoreKey, now: Moment) -> Option<Vec<u8>> {
        self.entries.get(key).filter(|(_, until)| now < *until).map(|(bytes, _)| bytes.clone())
    }

    fn holder(&self, key: &StoreKey, now: Moment) -> Option<LeaseToken> {
        self.leases.get(key).filter(|(_, until)| now < *until).map(|(token, _)| *token)
    }
}

impl ByteStore for InMemory {
    fn kind(&self) -> &'static str {
        "in_memory"
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        Box::pin(self.work(|held, now| held.found(key, now)))
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        life: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(self.work(move |held, now| {
            if lease.is_some() && held.holder(key, now) != lease {
                return false;
            }
            held.leases.remove(key);
            let until = life.map_or(Moment::NEVER, |life| now.after(life));
            held.entries.insert(key.clone(), (bytes.to_vec(), until));
            true
        }))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(self.work(move |held, _| {
            held.entries.remove(key);
            held.leases.remove(key);
        }))
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        Box::pin(self.work(move |held, _| {
            held.entries.retain(|key, _| key.scope() != scope);
            held.leases.retain(|key, _| key.scope() != scope);
        }))
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, Leased> {
        Box::pin(self.work(move |held, now| {
            if held.holder(key, now).is_some_and(|holder| holder != token) {
                return Leased::Held;
            }
            held.leases.insert(key.clone(), (token, now.after(term)));
            Leased::Granted(held.found(key, now))
        }))
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        Box::pin(self.work(move |held, now| {
            if held.holder(key, now) == Some(token) {
                held.leases.remove(key);
            }
        }))
    }

    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        Box::pin(self.work(move |held, _| {
            let entries = held.entries.iter().filter(|(key, _)| key.scope() == scope);
            let sizes: Vec<u64> = entries.map(|(_, (bytes, _))| bytes.len() as u64).collect();
            StoreSize { entries: Some(sizes.len() as u64), bytes: Some(sizes.iter().sum()), exact: true }
        }))
    }

    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        Box::pin(self.work(move |held, now| {
            let before = held.entries.len();
            held.entries.retain(|key, (_, until)| key.scope() != scope || now < *until);
            held.leases.retain(|key, (_, until)| key.scope() != scope || now < *until);
            (before - held.entries.len()) as u64
        }))
    }

    fn announce<'a>(&'a self, scope: &'a Scope, notice: &'a Notice) -> StoreFuture<'a, ()> {
        Box::pin(self.work(move |held, _| {
            let concerned = held.listeners.iter().filter(|listener| listener.scope == *scope);
            concerned.for_each(|listener| listener.tell(Some(notice.clone())));
        }))
    }

    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn Notices>>> {
        Box::pin(self.work(move |held, _| {
            let listener = Arc::new(Listener { scope: scope.clone(), heard: Mutex::default() });
            held.listeners.push(Arc::clone(&listener));
            Some(Box::new(Heard(listener)) as Box<dyn Notices>)
        }))
    }
}

struct Heard(Arc<Listener>);

impl Notices for Heard {
    fn next(&mut self) -> StoreFuture<'_, Notice> {
        Box::pin(poll_fn(|cx| {
            let mut heard = lock(&self.0.heard);
            match heard.0.pop_front() {
                Some(Some(notice)) => Poll::Ready(Ok(notice)),
                Some(None) => Poll::Ready(Err(StoreErrorKind::Unreachable.into())),
                None => {
                    heard.1 = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        }))
    }
}
