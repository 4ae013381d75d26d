//! Tests of the suite: each flaw of a store must be caught by its case.

mod faulty_store;
mod flaw;

use std::collections::HashSet;
use std::time::Duration;

use cachescope_core::shared::{ByteStore, LeaseToken, Scope, StoreFuture, StoreKey};

use self::faulty_store::FaultyStore;
use self::flaw::FLAWS;
use super::{Capabilities, cases, check};

const ALL: Capabilities = Capabilities { leases: true, invalidations: true, sweeps: true, max_value_bytes: usize::MAX };

#[test]
fn correct_store_passes_all_cases() {
    pollster::block_on(check(&FaultyStore::default(), ALL)).unwrap();
}

#[test]
fn each_flaw_is_caught_by_its_case_and_each_case_catches_a_flaw() {
    let (cases, start) = (cases(ALL), std::time::Instant::now());
    let named: HashSet<&str> = cases.iter().map(|case| case.name()).collect();
    let catching: HashSet<&str> = FLAWS.iter().map(|(_, case)| *case).collect();
    assert_eq!((named.len(), &named), (cases.len(), &catching));
    std::thread::scope(|scope| {
        for (flaw, name) in FLAWS {
            let case = cases.iter().find(|case| case.name() == *name).unwrap();
            scope.spawn(move || {
                let store = FaultyStore::with_flaw(*flaw);
                let violation = pollster::block_on(case.run(&store)).expect_err(&format!("{flaw:?} passes {name}"));
                assert_eq!(violation.case(), *name);
                println!("{flaw:?}: {violation}");
            });
        }
    });
    assert!(start.elapsed() < Duration::from_secs(60));
}

/// A store that keeps the default methods.
#[derive(Debug, Default)]
struct LeaselessStore(FaultyStore);

impl ByteStore for LeaselessStore {
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
        ttl: Option<Duration>,
        _: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        self.0.put(key, bytes, ttl, None)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        self.0.remove(key)
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        self.0.clear(scope)
    }
}

#[test]
fn store_without_leases_passes_without_the_capability() {
    let (without, with) = (Capabilities { leases: false, ..Capabilities::default() }, Capabilities::default());
    pollster::block_on(check(&LeaselessStore::default(), without)).unwrap();
    let violations = pollster::block_on(check(&LeaselessStore::default(), with)).unwrap_err();
    assert!(violations.iter().any(|violation| violation.case() == "lease_is_exclusive"), "{violations:?}");
}

#[test]
fn case_removes_its_entries() {
    let store = FaultyStore::default();
    for case in cases(ALL) {
        pollster::block_on(case.run(&store)).unwrap();
        let state = store.state();
        assert!(state.entries.is_empty() && state.leases.is_empty(), "{case:?}");
    }
}
