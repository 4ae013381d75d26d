//! Locks held by a process that doesn't continue, such as a stopped process.

use std::fs::{self, File};
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use cachescope_core::shared::{ByteStore, StoreErrorKind};
use cachescope_file::FileStore;
use pollster::block_on;

use crate::{files, get, key, put, scope};

fn locked(folder: &Path) -> Vec<File> {
    let locks: Vec<File> = files(folder, "lock").iter().map(|path| File::open(path).unwrap()).collect();
    assert!(!locks.is_empty());
    locks.iter().for_each(|lock| lock.lock().unwrap());
    locks
}

fn wait_until(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(20), "the condition isn't true after 20 s");
        std::thread::yield_now();
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

#[test]
fn put_times_out_and_reads_succeed_while_shard_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::in_folder(folder.path());
    put(&store, 0, b"old").unwrap();
    let locks = locked(folder.path());
    let began = Instant::now();
    assert_eq!(get(&store, 0).unwrap(), b"old");
    assert_eq!(block_on(store.size(&scope())).unwrap().entries, Some(1));
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!(put(&store, 0, b"new").unwrap_err().kind(), StoreErrorKind::Timeout);
    assert!(began.elapsed() >= Duration::from_secs(5));
    assert_eq!(files(folder.path(), ".new").len(), 0);
    drop(locks);
    put(&store, 0, b"new").unwrap();
    assert_eq!(get(&store, 0).unwrap(), b"new");
}

#[test]
fn put_has_no_effect_when_dropped_while_waiting_for_lock() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::in_folder(folder.path());
    put(&store, 0, b"old").unwrap();
    let locks = locked(folder.path());
    let (dropped, large) = (key(0), vec![7; 100_000]);
    {
        let mut put = pin!(store.put(&dropped, &large, None, None));
        assert!(put.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        // The put waits for the lock after it has written the value.
        wait_until(|| files(folder.path(), ".new").iter().any(|path| length(path) > 99_999));
    }
    wait_until(|| files(folder.path(), ".new").is_empty());
    drop(locks);
    assert_eq!(get(&store, 0).unwrap(), b"old");
}
