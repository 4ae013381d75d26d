//! Processes that are killed while they write.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use cachescope_core::shared::ByteStore;
use cachescope_file::FileStore;
use pollster::block_on;

use crate::child::{self, Killed};
use crate::{files, get, put, scope};

const KEYS: usize = 6;
const ROUNDS: u32 = 150;
/// So small that room is made all the time.
const LIMIT: u64 = 400_000;

fn limited(folder: &Path) -> FileStore {
    FileStore::in_folder(folder).size_limit(LIMIT)
}

/// A value that tells its turn, and whether it is whole. Made quickly: what takes long is to be the writing.
fn value(turn: usize) -> Vec<u8> {
    let mut value = vec![turn as u8; 1_000 + turn % 7 * 50_000];
    value[..8].copy_from_slice(&turn.to_le_bytes());
    value
}

fn turn(value: &[u8]) -> usize {
    usize::from_le_bytes(value[..8].try_into().unwrap())
}

fn write_for_ever(store: &FileStore) {
    let first = (0..KEYS).filter_map(|number| get(store, number)).map(|value| turn(&value)).max().unwrap_or(0);
    let mut out = std::io::stdout();
    for turn in first + 1.. {
        assert!(put(store, turn % KEYS, &value(turn)).unwrap());
        // With one call to the system, so that a line is there or not.
        out.write_all(format!("\nstored {turn}\n").as_bytes()).unwrap();
        out.flush().unwrap();
    }
}

#[test]
#[ignore = "a process of its own, which another test starts and kills"]
fn writer() {
    write_for_ever(&FileStore::in_folder(child::folder()));
}

#[test]
#[ignore = "a process of its own, which another test starts and kills"]
fn writer_with_a_limit() {
    write_for_ever(&limited(&child::folder()));
}

/// Kills a writer at one point or another of a write, and gives the last turn that it told.
fn killed(test: &str, folder: &Path, round: u32) -> usize {
    let mut writer = Killed::start(&mut child::command(test, folder));
    let lines = BufReader::new(writer.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let stored = lines.filter_map(|line| line.strip_prefix("stored ")?.parse::<usize>().ok());
    let mut last = 0;
    for turn in stored {
        last = turn;
        if turn % 5 == (round % 5) as usize {
            let (told, delay) = (Instant::now(), Duration::from_micros(10) * round);
            while told.elapsed() < delay {
                std::hint::spin_loop();
            }
            writer.0.kill().unwrap();
            break;
        }
    }
    writer.0.wait().unwrap();
    assert!(last > 0);
    last
}

#[test]
fn whoever_is_killed_leaves_the_old_entry_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::in_folder(folder.path());
    for round in 0..ROUNDS {
        let last = killed("crash::writer", folder.path(), round);
        // What was told may be replaced by what came in before the end, and by nothing else.
        for told in (last.saturating_sub(KEYS - 1)..=last).filter(|told| *told > 0) {
            let got = get(&store, told % KEYS).unwrap();
            assert!(got == value(turn(&got)) && turn(&got) % KEYS == told % KEYS, "torn in round {round}");
            assert!(turn(&got) >= told, "{told} was stored, {} is there", turn(&got));
        }
    }
    println!("{} files were left half-written by {ROUNDS} processes", files(folder.path(), ".new").len());
    unfinished_is_swept(&store, folder.path());
}

#[test]
fn whoever_is_killed_while_it_makes_room_leaves_whole_entries_and_limits_that_hold() {
    let folder = tempfile::tempdir().unwrap();
    let store = limited(folder.path());
    for round in 0..ROUNDS {
        let last = killed("crash::writer_with_a_limit", folder.path(), round);
        for number in 0..KEYS {
            if let Some(got) = get(&store, number) {
                assert!(got == value(turn(&got)) && turn(&got) % KEYS == number, "torn in round {round}");
            }
        }
        // It may have made room since; what is there is no older.
        assert!(get(&store, last % KEYS).is_none_or(|got| turn(&got) >= last));
    }
    limit_holds(&store, folder.path());
}

/// However much the numbers of what is held went wrong by being cut off.
fn limit_holds(store: &FileStore, folder: &Path) {
    for turn in 0..200 {
        put(store, turn, &value(turn)).unwrap();
        let held: u64 = files(folder, ".entry").iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(held <= LIMIT, "{held}");
    }
    let size = block_on(store.size(&scope())).unwrap();
    assert!(size.bytes.unwrap() > LIMIT / 2, "{size:?}");
}

fn unfinished_is_swept(store: &FileStore, folder: &Path) {
    let entry = files(folder, ".entry").pop().unwrap();
    let young = entry.with_file_name("0123456789abcdef.new");
    fs::write(&young, b"CSF1").unwrap();
    for old in files(folder, ".new").iter().filter(|path| **path != young) {
        File::open(old).unwrap().set_modified(SystemTime::now() - Duration::from_secs(601)).unwrap();
    }
    assert_eq!(block_on(store.sweep(&scope())).unwrap(), 0);
    assert_eq!(files(folder, ".new"), [young.as_path()]);
    File::open(&young).unwrap().set_modified(SystemTime::now() - Duration::from_secs(601)).unwrap();
    assert_eq!(block_on(store.sweep(&scope())).unwrap(), 0);
    assert_eq!(files(folder, ".new").len(), 0);
    assert!((0..KEYS).all(|number| get(store, number).is_some()));
}
