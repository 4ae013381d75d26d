//! The conformance suite of stores.

use std::thread;

use cachescope_file::FileStore;
use cachescope_testing::{Capabilities, Violation, cases};
use pollster::block_on;

const CAPABILITIES: Capabilities =
    Capabilities { leases: true, invalidations: false, sweeps: true, max_value_bytes: usize::MAX };

/// Runs all cases at once, in one folder.
fn violations(store: &FileStore) -> Vec<Violation> {
    let cases = cases(CAPABILITIES);
    assert!(cases.len() > 30);
    thread::scope(|scope| {
        let running: Vec<_> = cases.iter().map(|case| scope.spawn(|| block_on(case.run(store)))).collect();
        running.into_iter().filter_map(|case| case.join().unwrap().err()).collect()
    })
}

#[test]
fn folder_conforms_to_store_contract() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(violations(&FileStore::in_folder(folder.path())), []);
}

#[test]
fn folder_with_limits_conforms_to_store_contract() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(violations(&FileStore::in_folder(folder.path()).size_limit(1 << 30).entry_limit(1 << 20)), []);
}
