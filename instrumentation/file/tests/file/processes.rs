//! Several processes at once.

use std::io::Read;
use std::time::Duration;

use cachescope_core::shared::{ByteStore, LeaseResult, LeaseToken};
use cachescope_file::FileStore;
use pollster::block_on;

use crate::child::{self, ChildProcess};
use crate::{get, key};

const COUNTERS: usize = 3;
const PROCESSES: u64 = 4;
const TURNS: usize = 300;

/// Adds to counters, each time under a lease. A lost addition, or a lease granted twice, shows in the sum.
#[test]
#[ignore = "a child process, which another test starts several times"]
fn counter() {
    let store = FileStore::in_folder(child::folder());
    let process = u64::from(std::process::id());
    let (mut added, mut attempts) = (0, 0_u64);
    while added < TURNS {
        attempts += 1;
        let key = key(attempts as usize % COUNTERS);
        let token = LeaseToken::from_random(process << 32 | attempts << 1);
        let leased = block_on(store.lease(&key, token, Duration::from_secs(60))).unwrap();
        let LeaseResult::Granted(held) = leased else {
            std::thread::yield_now();
            continue;
        };
        let count = held.map_or(0, |held| u64::from_le_bytes(held.try_into().unwrap()));
        if attempts % 11 == 0 {
            block_on(store.release(&key, token)).unwrap();
            continue;
        }
        assert!(block_on(store.put(&key, &(count + 1).to_le_bytes(), None, Some(token))).unwrap());
        added += 1;
    }
    println!("\nadded {added}");
}

#[test]
fn leased_additions_are_not_lost_across_processes() {
    let folder = tempfile::tempdir().unwrap();
    let start = |_| ChildProcess::start(&mut child::command("processes::counter", folder.path()));
    let children: Vec<ChildProcess> = (0..PROCESSES).map(start).collect();
    for mut child in children {
        let mut out = String::new();
        child.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert!(child.0.wait().unwrap().success() && out.contains(&format!("added {TURNS}")), "{out}");
    }
    let store = FileStore::in_folder(folder.path());
    let counted = (0..COUNTERS).map(|number| u64::from_le_bytes(get(&store, number).unwrap().try_into().unwrap()));
    assert_eq!(counted.sum::<u64>(), PROCESSES * TURNS as u64);
}
