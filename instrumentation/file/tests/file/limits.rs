//! Size and entry limits.

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::Duration;

use cachescope_core::shared::{ByteStore, Scope, StoreErrorKind};
use cachescope_file::FileStore;
use pollster::block_on;

use crate::{files, get, put};

fn held(folder: &Path) -> (usize, u64) {
    let files = files(folder, ".entry");
    (files.len(), files.iter().map(|path| fs::metadata(path).unwrap().len()).sum())
}

/// Sets the time of use of all entries back by `by`.
fn age(folder: &Path, by: Duration) {
    for path in files(folder, ".entry") {
        let file = File::open(path).unwrap();
        file.set_modified(file.metadata().unwrap().modified().unwrap() - by).unwrap();
    }
}

#[test]
fn entry_limit_is_kept_and_nearly_used() {
    for limit in [1, 2, 10, 300] {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::in_folder(folder.path()).entry_limit(limit as u64);
        for number in 0..2 * limit + 50 {
            put(&store, number, b"value").unwrap();
            let (entries, _) = held(folder.path());
            assert!(entries <= limit, "{entries} of {limit}");
            assert!(entries > number.min(limit) * 8 / 10, "{entries} of {limit}, after {number}");
            assert_eq!(get(&store, number).unwrap(), b"value");
        }
    }
}

#[test]
fn size_limit_is_kept() {
    const LIMIT: u64 = 300_000;
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::in_folder(folder.path()).size_limit(LIMIT);
    for number in 0..400 {
        put(&store, number, &vec![7; number * 37 % 20_000]).unwrap();
        assert!(held(folder.path()).1 <= LIMIT);
        assert!(get(&store, number).is_some());
    }
    assert!(held(folder.path()).1 > LIMIT * 7 / 10);
    put(&store, 7, &vec![7; LIMIT as usize - 512]).unwrap();
    assert_eq!(held(folder.path()), (1, LIMIT));
}

#[test]
fn least_recently_used_entries_are_evicted() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::in_folder(folder.path()).entry_limit(50);
    (0..50).for_each(|number| assert!(put(&store, number, b"value").unwrap()));
    age(folder.path(), Duration::from_secs(3_600));
    (0..20).for_each(|number| assert_eq!(get(&store, number).unwrap(), b"value"));
    (50..55).for_each(|number| assert!(put(&store, number, b"value").unwrap()));
    let left = (0..55).filter(|number| get(&store, *number).is_some()).collect::<Vec<_>>();
    for used in (0..20).chain(50..55) {
        assert!(left.contains(&used), "{used} of {left:?}");
    }
    assert!(left.len() <= 50);
}

#[test]
fn value_above_size_limit_is_refused_and_old_value_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::in_folder(folder.path()).size_limit(10_000);
    put(&store, 0, b"old").unwrap();
    assert_eq!(put(&store, 0, &[7; 9_489]).unwrap_err().kind(), StoreErrorKind::Full);
    assert_eq!(get(&store, 0).unwrap(), b"old");
    put(&store, 0, &[7; 9_488]).unwrap();
    assert_eq!(held(folder.path()), (1, 10_000));
}

#[test]
fn entry_limit_holds_across_caches_and_threads() {
    const LIMIT: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    thread::scope(|threads| {
        for cache in ["a", "b", "c", "d"] {
            let store = FileStore::in_folder(folder.path()).entry_limit(LIMIT as u64);
            let scope = Scope::new("test", cache, 1).unwrap();
            threads.spawn(move || {
                for number in 0..200 {
                    block_on(store.put(&scope.key(&number).unwrap(), b"value", None, None)).unwrap();
                    if number % 3 == 0 {
                        block_on(store.remove(&scope.key(&(number / 2)).unwrap())).unwrap();
                    }
                }
            });
        }
    });
    let (entries, _) = held(folder.path());
    assert!(entries <= LIMIT && entries > LIMIT / 2, "{entries}");
}

#[test]
fn limit_is_kept_when_set_later_or_usage_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (unlimited, limited) =
        (FileStore::in_folder(folder.path()), FileStore::in_folder(folder.path()).entry_limit(100));
    (0..500).for_each(|number| assert!(put(&unlimited, number, b"value").unwrap()));
    assert_eq!(held(folder.path()).0, 500);
    put(&limited, 500, b"value").unwrap();
    assert!(held(folder.path()).0 <= 100);
    (0..500).for_each(|number| assert!(put(&unlimited, number, b"value").unwrap()));
    fs::remove_file(folder.path().join("levels")).unwrap();
    put(&limited, 500, b"value").unwrap();
    assert!(held(folder.path()).0 <= 100);
    fs::write(folder.path().join("levels"), [0xff; 700]).unwrap();
    put(&limited, 501, b"value").unwrap();
    let (entries, _) = held(folder.path());
    assert!(entries <= 100 && entries > 50, "{entries}");
}
