//! What every store promises.

use std::thread;

use cachescope_core::contract::{Broken, Promises, cases};
use cachescope_file::FileStore;
use pollster::block_on;

const PROMISES: Promises = Promises { leases: true, notices: false, sweeps: true, largest: usize::MAX };

/// All cases at once, in one folder.
fn broken(store: &FileStore) -> Vec<Broken> {
    let cases = cases(PROMISES);
    assert!(cases.len() > 30);
    thread::scope(|scope| {
        let running: Vec<_> = cases.iter().map(|case| scope.spawn(|| block_on(case.run(store)))).collect();
        running.into_iter().filter_map(|case| case.join().unwrap().err()).collect()
    })
}

#[test]
fn a_folder_keeps_what_every_store_promises() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(broken(&FileStore::in_folder(folder.path())), []);
}

#[test]
fn a_folder_with_limits_keeps_it_as_well() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(broken(&FileStore::in_folder(folder.path()).size_limit(1 << 30).entry_limit(1 << 20)), []);
}
