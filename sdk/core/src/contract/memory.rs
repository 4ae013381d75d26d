//! An honest store, and what it may have wrong: each must be caught by the case that is there for it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::{Promises, cases, check};
use crate::clock::{Clock, Moment};
use crate::shared::{
    ByteStore, LeaseToken, Leased, Notice, Notices, Scope, StoreError, StoreErrorKind, StoreFuture, StoreKey, StoreSize,
};

/// What a store may have wrong, and the case that says so.
const CAUGHT: &[(Flaw, &str)] = &[
    (Flaw::Invents, "absent_key"),
    (Flaw::FirstStays, "put_get_replace_remove"),
    (Flaw::RemovesNothing, "put_get_replace_remove"),
    (Flaw::ReadsText, "every_byte_comes_back"),
    (Flaw::CutsValues, "a_large_value"),
    (Flaw::FoldsCase, "odd_keys"),
    (Flaw::CutsKeys, "long_keys"),
    (Flaw::ScopesMeet, "scopes_apart"),
    (Flaw::ClearsByBeginning, "clear_leaves_other_scopes"),
    (Flaw::ClearsByPattern, "clear_leaves_other_scopes"),
    (Flaw::ClearsSome, "clear_of_many_entries"),
    (Flaw::LivesOn, "life_ends"),
    (Flaw::LivesTwice, "life_ends"),
    (Flaw::DiesEarly, "life_ends"),
    (Flaw::EndlessDies, "without_a_life_it_stays"),
    (Flaw::FirstLifeStays, "replaced_takes_the_new_life"),
    (Flaw::RefusesNothing, "shortest_and_longest_life"),
    (Flaw::LifeWraps, "shortest_and_longest_life"),
    (Flaw::TellsNothing, "lease_tells_what_is_stored"),
    (Flaw::TellsTheDead, "lease_tells_what_is_stored"),
    (Flaw::LeasesForAll, "lease_is_one_s"),
    (Flaw::HeldFromHolder, "lease_is_one_s"),
    (Flaw::NeverReleases, "lease_is_one_s"),
    (Flaw::AnyoneReleases, "release_by_a_stranger"),
    (Flaw::LeaseLivesOn, "lease_ends_with_its_term"),
    (Flaw::LeaseDiesEarly, "lease_ends_with_its_term"),
    (Flaw::TermStays, "lease_taken_again_lasts_longer"),
    (Flaw::PutKeepsLease, "put_ends_the_lease"),
    (Flaw::RemoveKeepsLease, "remove_ends_the_lease"),
    (Flaw::LeaseNeedsEntry, "remove_ends_the_lease"),
    (Flaw::ClearKeepsLeases, "clear_ends_leases"),
    (Flaw::NeverStores, "who_is_granted_may_store"),
    (Flaw::StoringKeepsLease, "storing_ends_the_lease"),
    (Flaw::ExpiredStores, "expired_may_not_store"),
    (Flaw::AnyoneStores, "stranger_may_not_store"),
    (Flaw::RefusalEndsLease, "overtaken_may_not_store"),
    (Flaw::LeasesInSteps, "one_of_many_is_granted"),
    (Flaw::WritesInSteps, "writers_at_once"),
    (Flaw::StoresInSteps, "put_beats_a_load"),
    (Flaw::StoresInSteps, "remove_beats_a_load"),
    (Flaw::ClearsLeasesLast, "clear_beats_a_load"),
    (Flaw::Poisoned, "dropped_operations"),
    (Flaw::CountsLeases, "size_is_right_where_exact"),
    (Flaw::CountsScopesAlike, "size_is_right_where_exact"),
    (Flaw::SweepsAll, "sweep_keeps_the_living"),
    (Flaw::SweepEndsLeases, "sweep_keeps_the_living"),
    (Flaw::SweepsNothing, "sweep_drops_the_dead"),
    (Flaw::SweepsOthers, "sweep_drops_the_dead"),
    (Flaw::LastFirst, "notices_come_in_order"),
    (Flaw::CutsNotices, "notices_come_in_order"),
    (Flaw::HearsThePast, "notices_come_in_order"),
    (Flaw::HearsAll, "notices_of_other_scopes"),
    (Flaw::WaitTakesNotice, "a_wait_for_notices_dropped"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Flaw {
    Invents,
    FirstStays,
    RemovesNothing,
    ReadsText,
    CutsValues,
    FoldsCase,
    CutsKeys,
    ScopesMeet,
    ClearsByBeginning,
    ClearsByPattern,
    ClearsSome,
    LivesOn,
    LivesTwice,
    DiesEarly,
    EndlessDies,
    FirstLifeStays,
    RefusesNothing,
    LifeWraps,
    TellsNothing,
    TellsTheDead,
    LeasesForAll,
    HeldFromHolder,
    NeverReleases,
    AnyoneReleases,
    LeaseLivesOn,
    LeaseDiesEarly,
    TermStays,
    PutKeepsLease,
    RemoveKeepsLease,
    LeaseNeedsEntry,
    ClearKeepsLeases,
    NeverStores,
    StoringKeepsLease,
    ExpiredStores,
    AnyoneStores,
    RefusalEndsLease,
    LeasesInSteps,
    WritesInSteps,
    StoresInSteps,
    ClearsLeasesLast,
    Poisoned,
    CountsLeases,
    CountsScopesAlike,
    SweepsAll,
    SweepEndsLeases,
    SweepsNothing,
    SweepsOthers,
    LastFirst,
    CutsNotices,
    HearsThePast,
    HearsAll,
    WaitTakesNotice,
}

type Name = (String, String);

#[derive(Debug, Default)]
struct Memory {
    flaw: Option<Flaw>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    entries: BTreeMap<Name, (Vec<u8>, Moment)>,
    leases: BTreeMap<Name, (LeaseToken, Moment)>,
    listeners: Vec<Arc<Listener>>,
    past: Vec<(Scope, Notice)>,
    busy: bool,
}

#[derive(Debug)]
struct Listener {
    scope: Scope,
    heard: Mutex<(VecDeque<Notice>, Option<Waker>)>,
}

fn now() -> Moment {
    Clock::system().now()
}

/// Lets others go on in between.
async fn step() {
    let mut stepped = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut stepped, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

impl Memory {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    fn name(&self, key: &StoreKey) -> Name {
        let mut text = key.as_str().to_owned();
        if self.has(Flaw::FoldsCase) {
            text.make_ascii_lowercase();
        }
        if self.has(Flaw::CutsKeys) {
            text.truncate(200);
        }
        let scope = if self.has(Flaw::ScopesMeet) { String::new() } else { key.scope().as_str().to_owned() };
        (scope, text)
    }

    fn until(&self, life: Option<Duration>) -> Moment {
        let life = match life {
            Some(life) if self.has(Flaw::LivesTwice) => Some(life * 2),
            Some(life) if self.has(Flaw::DiesEarly) => Some(life / 2),
            Some(_) if self.has(Flaw::LivesOn) => None,
            Some(Duration::MAX) if self.has(Flaw::LifeWraps) => Some(Duration::ZERO),
            None if self.has(Flaw::EndlessDies) => Some(Duration::from_secs(1)),
            life => life,
        };
        life.map_or(Moment::NEVER, |life| now().after(life))
    }

    fn found(&self, held: &Held, name: &Name) -> Option<Vec<u8>> {
        let found = held.entries.get(name).filter(|(_, until)| now() < *until).map(|(bytes, _)| bytes.clone());
        if self.has(Flaw::Invents) {
            return found.or(Some(Vec::new()));
        }
        if self.has(Flaw::ReadsText) {
            return found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned().into_bytes());
        }
        found
    }

    fn store(&self, held: &mut Held, name: Name, bytes: &[u8], life: Option<Duration>) {
        let mut bytes = bytes.to_vec();
        if self.has(Flaw::CutsValues) {
            bytes.truncate(1 << 20);
        }
        let mut until = self.until(life);
        if let Some((_, first)) = held.entries.get(&name).filter(|_| self.has(Flaw::FirstLifeStays)) {
            until = *first;
        }
        if self.has(Flaw::FirstStays) {
            held.entries.entry(name).or_insert((bytes, until));
        } else {
            held.entries.insert(name, (bytes, until));
        }
    }

    /// Whether the token may store.
    fn holds(&self, held: &mut Held, name: &Name, token: LeaseToken) -> bool {
        let lease = held.leases.get(name).copied();
        let holds =
            lease.is_some_and(|(holder, until)| holder == token && (now() < until || self.has(Flaw::ExpiredStores)));
        if !holds && self.has(Flaw::RefusalEndsLease) {
            held.leases.remove(name);
        }
        (holds || self.has(Flaw::AnyoneStores)) && !self.has(Flaw::NeverStores)
    }

    fn in_scope(&self, scope: &Scope, name: &Name) -> bool {
        let like = |of: &str| {
            let same = |(a, b): (char, char)| a == b || b == '_';
            of.len() == scope.as_str().len() && of.chars().zip(scope.as_str().chars()).all(same)
        };
        name.0 == scope.as_str()
            || self.has(Flaw::ScopesMeet)
            || self.has(Flaw::ClearsByBeginning) && name.0.starts_with(scope.as_str())
            || self.has(Flaw::ClearsByPattern) && like(&name.0)
    }

    /// A connection that is in use until its operation has ended, however it does.
    async fn connect(&self) -> Result<(), StoreError> {
        if self.has(Flaw::Poisoned) {
            if std::mem::replace(&mut self.held().busy, true) {
                return Err(StoreError::new(StoreErrorKind::Other, "an operation is under way"));
            }
            step().await;
            self.held().busy = false;
        }
        Ok(())
    }
}

impl ByteStore for Memory {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            self.connect().await?;
            Ok(self.found(&self.held(), &self.name(key)))
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        life: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            self.connect().await?;
            if self.has(Flaw::RefusesNothing) && life.is_some_and(|life| life.as_millis() == 0) {
                return Err(StoreError::new(StoreErrorKind::Other, "a life of no milliseconds"));
            }
            let name = self.name(key);
            if let Some(token) = lease {
                let holds = self.holds(&mut self.held(), &name, token);
                if !holds {
                    return Ok(false);
                }
                if self.has(Flaw::StoresInSteps) {
                    step().await;
                } else if !self.holds(&mut self.held(), &name, token) {
                    return Ok(false);
                }
            }
            if self.has(Flaw::WritesInSteps) {
                self.store(&mut self.held(), name.clone(), &bytes[..bytes.len() / 2], life);
                step().await;
            }
            let mut held = self.held();
            let kept = self.has(if lease.is_some() { Flaw::StoringKeepsLease } else { Flaw::PutKeepsLease });
            if !kept {
                held.leases.remove(&name);
            }
            self.store(&mut held, name, bytes, life);
            Ok(true)
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.connect().await?;
            let (mut held, name) = (self.held(), self.name(key));
            let stored = held.entries.contains_key(&name);
            if !self.has(Flaw::RemovesNothing) {
                held.entries.remove(&name);
            }
            if !self.has(Flaw::RemoveKeepsLease) && (stored || !self.has(Flaw::LeaseNeedsEntry)) {
                held.leases.remove(&name);
            }
            Ok(())
        })
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.connect().await?;
            let mut left = if self.has(Flaw::ClearsSome) { 1_000 } else { usize::MAX };
            self.held().entries.retain(|name, _| {
                let leaves = left > 0 && self.in_scope(scope, name);
                left -= usize::from(leaves);
                !leaves
            });
            if self.has(Flaw::ClearsLeasesLast) {
                step().await;
            }
            if !self.has(Flaw::ClearKeepsLeases) {
                self.held().leases.retain(|name, _| !self.in_scope(scope, name));
            }
            Ok(())
        })
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, Leased> {
        Box::pin(async move {
            self.connect().await?;
            let name = self.name(key);
            let holder = self.held().leases.get(&name).copied();
            let holder = holder.filter(|(_, until)| now() < *until || self.has(Flaw::LeaseLivesOn));
            let mine = holder.is_some_and(|(holder, _)| holder == token) && !self.has(Flaw::HeldFromHolder);
            if holder.is_some() && !mine && !self.has(Flaw::LeasesForAll) {
                return Ok(Leased::Held);
            }
            if self.has(Flaw::LeasesInSteps) {
                step().await;
            }
            let mut held = self.held();
            let term = if self.has(Flaw::LeaseDiesEarly) { term / 2 } else { term };
            let until = holder.map(|(_, until)| until).filter(|_| self.has(Flaw::TermStays));
            held.leases.insert(name.clone(), (token, until.unwrap_or_else(|| now().after(term))));
            if self.has(Flaw::TellsTheDead) {
                return Ok(Leased::Granted(held.entries.get(&name).map(|(bytes, _)| bytes.clone())));
            }
            Ok(Leased::Granted(self.found(&held, &name).filter(|_| !self.has(Flaw::TellsNothing))))
        })
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.connect().await?;
            let (mut held, name) = (self.held(), self.name(key));
            let mine = held.leases.get(&name).is_some_and(|(holder, _)| *holder == token);
            if (mine || self.has(Flaw::AnyoneReleases)) && !self.has(Flaw::NeverReleases) {
                held.leases.remove(&name);
            }
            Ok(())
        })
    }

    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        Box::pin(async move {
            self.connect().await?;
            let held = self.held();
            let beginning = scope.as_str().trim_end_matches(":1");
            let counted = |name: &Name| {
                name.0 == scope.as_str() || self.has(Flaw::CountsScopesAlike) && name.0.starts_with(beginning)
            };
            let entries = held.entries.iter().filter(|(name, _)| counted(name));
            let (entries, bytes) =
                entries.fold((0, 0), |(entries, sum), (_, (bytes, _))| (entries + 1, sum + bytes.len()));
            let leases = held.leases.keys().filter(|name| self.has(Flaw::CountsLeases) && counted(name)).count();
            Ok(StoreSize { entries: Some(entries + leases as u64), bytes: Some(bytes as u64), exact: true })
        })
    }

    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            self.connect().await?;
            let (mut held, before) = (self.held(), now());
            if self.has(Flaw::SweepsNothing) {
                return Ok(0);
            }
            if self.has(Flaw::SweepEndsLeases) {
                held.leases.clear();
            }
            let entries = held.entries.len();
            held.entries.retain(|name, (_, until)| {
                let here = name.0 == scope.as_str() || self.has(Flaw::SweepsOthers);
                !here || (*until > before && (*until == Moment::NEVER || !self.has(Flaw::SweepsAll)))
            });
            Ok((entries - held.entries.len()) as u64)
        })
    }

    fn announce<'a>(&'a self, scope: &'a Scope, notice: &'a Notice) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut held = self.held();
            held.past.push((scope.clone(), notice.clone()));
            for listener in
                held.listeners.iter().filter(|listener| listener.scope == *scope || self.has(Flaw::HearsAll))
            {
                let mut heard = listener.heard.lock().unwrap();
                let notice = match notice {
                    Notice::Key(key) if self.has(Flaw::CutsNotices) => &Notice::Key(key.chars().take(1_024).collect()),
                    whole => whole,
                };
                if self.has(Flaw::LastFirst) {
                    heard.0.push_front(notice.clone());
                } else {
                    heard.0.push_back(notice.clone());
                }
                heard.1.take().into_iter().for_each(Waker::wake);
            }
            Ok(())
        })
    }

    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn Notices>>> {
        Box::pin(async move {
            let mut held = self.held();
            let past = held.past.iter().filter(|(of, _)| of == scope && self.has(Flaw::HearsThePast));
            let past = past.map(|(_, notice)| notice.clone()).collect();
            let listener = Arc::new(Listener { scope: scope.clone(), heard: Mutex::new((past, None)) });
            held.listeners.push(Arc::clone(&listener));
            let notices: Box<dyn Notices> =
                Box::new(Hearing { listener, forgets: self.has(Flaw::WaitTakesNotice), missed: 0 });
            Ok(Some(notices))
        })
    }
}

struct Hearing {
    listener: Arc<Listener>,
    forgets: bool,
    missed: usize,
}

impl Notices for Hearing {
    fn next(&mut self) -> StoreFuture<'_, Notice> {
        Box::pin(poll_fn(|cx| {
            let mut heard = self.listener.heard.lock().unwrap();
            if let Some(notice) = heard.0.pop_front() {
                if self.forgets && self.missed > 0 {
                    self.missed = 0;
                    return Poll::Ready(Ok(heard.0.pop_front().unwrap_or(Notice::All)));
                }
                return Poll::Ready(Ok(notice));
            }
            self.missed += 1;
            heard.1 = Some(cx.waker().clone());
            Poll::Pending
        }))
    }
}

const ALL: Promises = Promises { leases: true, notices: true, sweeps: true, largest: usize::MAX };

#[test]
fn an_honest_store_keeps_every_promise() {
    pollster::block_on(check(&Memory::default(), ALL)).unwrap();
}

#[test]
fn each_flaw_is_caught_by_its_case_and_each_case_catches_one() {
    let (cases, start) = (cases(ALL), std::time::Instant::now());
    let named: HashSet<&str> = cases.iter().map(|case| case.name()).collect();
    let catching: HashSet<&str> = CAUGHT.iter().map(|(_, case)| *case).collect();
    assert_eq!((named.len(), &named), (cases.len(), &catching));
    std::thread::scope(|scope| {
        for (flaw, name) in CAUGHT {
            let case = cases.iter().find(|case| case.name() == *name).unwrap();
            scope.spawn(move || {
                let store = Memory { flaw: Some(*flaw), ..Memory::default() };
                let broken = pollster::block_on(case.run(&store)).expect_err(&format!("{flaw:?} passes {name}"));
                assert_eq!(broken.case(), *name);
                println!("{flaw:?}: {broken}");
            });
        }
    });
    assert!(start.elapsed() < Duration::from_secs(60));
}

/// A store that leaves what may be left, as it does.
#[derive(Debug, Default)]
struct Plain(Memory);

impl ByteStore for Plain {
    fn kind(&self) -> &'static str {
        "plain"
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        self.0.get(key)
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        life: Option<Duration>,
        _: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        self.0.put(key, bytes, life, None)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        self.0.remove(key)
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        self.0.clear(scope)
    }
}

#[test]
fn a_store_without_leases_says_so() {
    let (without, with) = (Promises { leases: false, ..Promises::default() }, Promises::default());
    pollster::block_on(check(&Plain::default(), without)).unwrap();
    let broken = pollster::block_on(check(&Plain::default(), with)).unwrap_err();
    assert!(broken.iter().any(|broken| broken.case() == "lease_is_one_s"), "{broken:?}");
}

#[test]
fn a_case_leaves_a_store_as_it_was() {
    let store = Memory::default();
    for case in cases(ALL) {
        pollster::block_on(case.run(&store)).unwrap();
        let held = store.held();
        assert!(held.entries.is_empty() && held.leases.is_empty(), "{case:?}");
    }
}
