//! A store in memory with a selectable flaw.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use cachescope_core::shared::{
    ByteStore, Invalidation, InvalidationStream, LeaseResult, LeaseToken, Scope, StoreError, StoreErrorKind,
    StoreFuture, StoreKey, StoreSize,
};
use cachescope_core::{Clock, Timestamp};

use super::flaw::Flaw;

type EntryName = (String, String);

#[derive(Debug, Default)]
pub(super) struct FaultyStore {
    flaw: Option<Flaw>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) entries: BTreeMap<EntryName, (Vec<u8>, Timestamp)>,
    pub(super) leases: BTreeMap<EntryName, (LeaseToken, Timestamp)>,
    listeners: Vec<Arc<Listener>>,
    past: Vec<(Scope, Invalidation)>,
    busy: bool,
}

#[derive(Debug)]
struct Listener {
    scope: Scope,
    queue: Mutex<(VecDeque<Invalidation>, Option<Waker>)>,
}

fn now() -> Timestamp {
    Clock::system().now()
}

/// Lets other futures run in between.
async fn step() {
    let mut stepped = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut stepped, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

impl FaultyStore {
    pub(super) fn with_flaw(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..Self::default() }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn name(&self, key: &StoreKey) -> EntryName {
        let mut text = key.as_str().to_owned();
        if self.has(Flaw::IgnoresCase) {
            text.make_ascii_lowercase();
        }
        if self.has(Flaw::TruncatesKeys) {
            text.truncate(200);
        }
        let scope = if self.has(Flaw::IgnoresScopes) { String::new() } else { key.scope().as_str().to_owned() };
        (scope, text)
    }

    fn until(&self, ttl: Option<Duration>) -> Timestamp {
        let ttl = match ttl {
            Some(ttl) if self.has(Flaw::DoublesTtl) => Some(ttl * 2),
            Some(ttl) if self.has(Flaw::HalvesTtl) => Some(ttl / 2),
            Some(_) if self.has(Flaw::IgnoresTtl) => None,
            Some(Duration::MAX) if self.has(Flaw::WrapsLongTtl) => Some(Duration::ZERO),
            None if self.has(Flaw::ExpiresEndlessEntries) => Some(Duration::from_secs(1)),
            ttl => ttl,
        };
        ttl.map_or(Timestamp::NEVER, |ttl| now().after(ttl))
    }

    fn found(&self, state: &State, name: &EntryName) -> Option<Vec<u8>> {
        let found = state.entries.get(name).filter(|(_, until)| now() < *until).map(|(bytes, _)| bytes.clone());
        if self.has(Flaw::InventsValues) {
            return found.or(Some(Vec::new()));
        }
        if self.has(Flaw::DecodesAsText) {
            return found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned().into_bytes());
        }
        found
    }

    fn store(&self, state: &mut State, name: EntryName, bytes: &[u8], ttl: Option<Duration>) {
        let mut bytes = bytes.to_vec();
        if self.has(Flaw::TruncatesValues) {
            bytes.truncate(1 << 20);
        }
        let mut until = self.until(ttl);
        if let Some((_, first)) = state.entries.get(&name).filter(|_| self.has(Flaw::KeepsFirstTtl)) {
            until = *first;
        }
        if self.has(Flaw::KeepsFirstValue) {
            state.entries.entry(name).or_insert((bytes, until));
        } else {
            state.entries.insert(name, (bytes, until));
        }
    }

    /// Returns whether the token can store.
    fn holds(&self, state: &mut State, name: &EntryName, token: LeaseToken) -> bool {
        let lease = state.leases.get(name).copied();
        let holds = lease
            .is_some_and(|(holder, until)| holder == token && (now() < until || self.has(Flaw::AcceptsExpiredLease)));
        if !holds && self.has(Flaw::RejectionEndsLease) {
            state.leases.remove(name);
        }
        (holds || self.has(Flaw::AcceptsAnyToken)) && !self.has(Flaw::RejectsEveryLease)
    }

    fn in_scope(&self, scope: &Scope, name: &EntryName) -> bool {
        let like = |of: &str| {
            let same = |(a, b): (char, char)| a == b || b == '_';
            of.len() == scope.as_str().len() && of.chars().zip(scope.as_str().chars()).all(same)
        };
        name.0 == scope.as_str()
            || self.has(Flaw::IgnoresScopes)
            || self.has(Flaw::ClearsByPrefix) && name.0.starts_with(scope.as_str())
            || self.has(Flaw::ClearsByPattern) && like(&name.0)
    }

    /// Uses a connection that stays busy if its operation is dropped.
    async fn connect(&self) -> Result<(), StoreError> {
        if self.has(Flaw::StaysBusyAfterDrop) {
            if std::mem::replace(&mut self.state().busy, true) {
                return Err(StoreError::new(StoreErrorKind::Other, "an operation is running"));
            }
            step().await;
            self.state().busy = false;
        }
        Ok(())
    }
}

impl ByteStore for FaultyStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            self.connect().await?;
            Ok(self.found(&self.state(), &self.name(key)))
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        ttl: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            self.connect().await?;
            if self.has(Flaw::RejectsTinyTtl) && ttl.is_some_and(|ttl| ttl.as_millis() == 0) {
                return Err(StoreError::new(StoreErrorKind::Other, "a TTL of 0 ms"));
            }
            let name = self.name(key);
            if let Some(token) = lease {
                let holds = self.holds(&mut self.state(), &name, token);
                if !holds {
                    return Ok(false);
                }
                if self.has(Flaw::ChecksLeaseNonAtomically) {
                    step().await;
                } else if !self.holds(&mut self.state(), &name, token) {
                    return Ok(false);
                }
            }
            if self.has(Flaw::WritesNonAtomically) {
                self.store(&mut self.state(), name.clone(), &bytes[..bytes.len() / 2], ttl);
                step().await;
            }
            let mut state = self.state();
            let kept = self.has(if lease.is_some() { Flaw::PutWithLeaseKeepsLease } else { Flaw::PutKeepsLease });
            if !kept {
                state.leases.remove(&name);
            }
            self.store(&mut state, name, bytes, ttl);
            Ok(true)
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.connect().await?;
            let (mut state, name) = (self.state(), self.name(key));
            let stored = state.entries.contains_key(&name);
            if !self.has(Flaw::IgnoresRemove) {
                state.entries.remove(&name);
            }
            if !self.has(Flaw::RemoveKeepsLease) && (stored || !self.has(Flaw::EndsLeaseOnlyWithEntry)) {
                state.leases.remove(&name);
            }
            Ok(())
        })
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.connect().await?;
            let mut left = if self.has(Flaw::ClearsSomeEntries) { 1_000 } else { usize::MAX };
            self.state().entries.retain(|name, _| {
                let leaves = left > 0 && self.in_scope(scope, name);
                left -= usize::from(leaves);
                !leaves
            });
            if self.has(Flaw::ClearsLeasesLater) {
                step().await;
            }
            if !self.has(Flaw::ClearKeepsLeases) {
                self.state().leases.retain(|name, _| !self.in_scope(scope, name));
            }
            Ok(())
        })
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, LeaseResult> {
        Box::pin(async move {
            self.connect().await?;
            let name = self.name(key);
            let holder = self.state().leases.get(&name).copied();
            let holder = holder.filter(|(_, until)| now() < *until || self.has(Flaw::IgnoresLeaseTerm));
            let mine = holder.is_some_and(|(holder, _)| holder == token) && !self.has(Flaw::RefusesHolder);
            if holder.is_some() && !mine && !self.has(Flaw::GrantsEveryLease) {
                return Ok(LeaseResult::Held);
            }
            if self.has(Flaw::LeasesNonAtomically) {
                step().await;
            }
            let mut state = self.state();
            let term = if self.has(Flaw::HalvesLeaseTerm) { term / 2 } else { term };
            let until = holder.map(|(_, until)| until).filter(|_| self.has(Flaw::KeepsFirstTerm));
            state.leases.insert(name.clone(), (token, until.unwrap_or_else(|| now().after(term))));
            if self.has(Flaw::LeaseReturnsExpired) {
                return Ok(LeaseResult::Granted(state.entries.get(&name).map(|(bytes, _)| bytes.clone())));
            }
            Ok(LeaseResult::Granted(self.found(&state, &name).filter(|_| !self.has(Flaw::LeaseReturnsNothing))))
        })
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.connect().await?;
            let (mut state, name) = (self.state(), self.name(key));
            let mine = state.leases.get(&name).is_some_and(|(holder, _)| *holder == token);
            if (mine || self.has(Flaw::AnyTokenReleases)) && !self.has(Flaw::IgnoresRelease) {
                state.leases.remove(&name);
            }
            Ok(())
        })
    }

    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        Box::pin(async move {
            self.connect().await?;
            let state = self.state();
            let beginning = scope.as_str().trim_end_matches(":1");
            let counted = |name: &EntryName| {
                name.0 == scope.as_str() || self.has(Flaw::CountsSimilarScopes) && name.0.starts_with(beginning)
            };
            let entries = state.entries.iter().filter(|(name, _)| counted(name));
            let (entries, bytes) =
                entries.fold((0, 0), |(entries, sum), (_, (bytes, _))| (entries + 1, sum + bytes.len()));
            let leases = state.leases.keys().filter(|name| self.has(Flaw::CountsLeases) && counted(name)).count();
            Ok(StoreSize { entries: Some(entries + leases as u64), bytes: Some(bytes as u64), exact: true })
        })
    }

    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            self.connect().await?;
            let (mut state, before) = (self.state(), now());
            if self.has(Flaw::IgnoresSweep) {
                return Ok(0);
            }
            if self.has(Flaw::SweepEndsLeases) {
                state.leases.clear();
            }
            let entries = state.entries.len();
            state.entries.retain(|name, (_, until)| {
                let here = name.0 == scope.as_str() || self.has(Flaw::SweepsOtherScopes);
                !here || (*until > before && (*until == Timestamp::NEVER || !self.has(Flaw::SweepsFreshEntries)))
            });
            Ok((entries - state.entries.len()) as u64)
        })
    }

    fn announce<'a>(&'a self, scope: &'a Scope, invalidation: &'a Invalidation) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut state = self.state();
            state.past.push((scope.clone(), invalidation.clone()));
            for listener in state
                .listeners
                .iter()
                .filter(|listener| listener.scope == *scope || self.has(Flaw::IgnoresScopesOfInvalidations))
            {
                let mut queue = listener.queue.lock().unwrap();
                let invalidation = match invalidation {
                    Invalidation::Key(key) if self.has(Flaw::TruncatesInvalidations) => {
                        &Invalidation::Key(key.chars().take(1_024).collect())
                    }
                    whole => whole,
                };
                if self.has(Flaw::ReversesInvalidations) {
                    queue.0.push_front(invalidation.clone());
                } else {
                    queue.0.push_back(invalidation.clone());
                }
                queue.1.take().into_iter().for_each(Waker::wake);
            }
            Ok(())
        })
    }

    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn InvalidationStream>>> {
        Box::pin(async move {
            let mut state = self.state();
            let past = state.past.iter().filter(|(of, _)| of == scope && self.has(Flaw::ReplaysPastInvalidations));
            let past = past.map(|(_, invalidation)| invalidation.clone()).collect();
            let listener = Arc::new(Listener { scope: scope.clone(), queue: Mutex::new((past, None)) });
            state.listeners.push(Arc::clone(&listener));
            let stream: Box<dyn InvalidationStream> = Box::new(ListenerStream {
                listener,
                loses_on_drop: self.has(Flaw::DroppedWaitLosesInvalidation),
                pending_polls: 0,
            });
            Ok(Some(stream))
        })
    }
}

struct ListenerStream {
    listener: Arc<Listener>,
    loses_on_drop: bool,
    pending_polls: usize,
}

impl InvalidationStream for ListenerStream {
    fn next(&mut self) -> StoreFuture<'_, Invalidation> {
        Box::pin(poll_fn(|cx| {
            let mut queue = self.listener.queue.lock().unwrap();
            if let Some(invalidation) = queue.0.pop_front() {
                if self.loses_on_drop && self.pending_polls > 0 {
                    self.pending_polls = 0;
                    return Poll::Ready(Ok(queue.0.pop_front().unwrap_or(Invalidation::All)));
                }
                return Poll::Ready(Ok(invalidation));
            }
            self.pending_polls += 1;
            queue.1 = Some(cx.waker().clone());
            Poll::Pending
        }))
    }
}
