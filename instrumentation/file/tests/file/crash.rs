//! Processes that are killed while they write.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use cachescope_core::shared::ByteStore;
use cachescope_file::FileStore;
use pollster::block_on;

use crate::child::{self, ChildProcess};
use crate::{files, get, put, scope};

const KEYS: usize = 6;
const ROUNDS: u32 = 150;
/// A limit so small that almost every put evicts.
const LIMIT: u64 = 400_000;

fn limited(folder: &Path) -> FileStore {
    FileStore::in_folder(folder).size_limit(LIMIT)
}

/// Returns a value from which its turn and its integrity can be read. It is cheap to make, so that writing takes most
/// of the time.
fn value(turn: usize) -> Vec<u8> {
    let mut value = vec![turn as u8; 1_000 + turn % 7 * 50_000];
    value[..8].copy_from_slice(&turn.to_le_bytes());
    value
}

fn turn(value: &[u8]) -> usize {
    usize::from_le_bytes(value[..8].try_into().unwrap())
}

fn write_forever(store: &FileStore) {
    let first = (0..KEYS).filter_map(|number| get(store, number)).map(|value| turn(&value)).max().unwrap_or(0);
    let mut out = std::io::stdout();
    for turn in first + 1.. {
        assert!(put(store, turn % KEYS, &value(turn)).unwrap());
        // One system call writes the line, so a line is complete or absent.
        out.write_all(format!("\nstored {turn}\n").as_bytes()).unwrap();
        out.flush().unwrap();
    }
}

#[test]
#[ignore = "a child process, which another test starts and kills"]
fn writer() {
    write_forever(&FileStore::in_folder(child::folder()));
}

#[test]
#[ignore = "a child process, which another test starts and kills"]
fn writer_with_a_limit() {
    write_forever(&limited(&child::folder()));
}

/// Kills a writer at some point of a write, and returns the last turn that it reported.
fn kill_while_writing(test: &str, folder: &Path, round: u32) -> usize {
    let mut writer = ChildProcess::start(&mut child::command(test, folder));
    let lines = BufReader::new(writer.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let stored = lines.filter_map(|line| line.strip_prefix("stored ")?.parse::<usize>().ok());
    let mut last = 0;
    for turn in stored {
        last = turn;
        if turn % 5 == (round % 5) as usize {
            let (reported, delay) = (Instant::now(), Duration::from_micros(10) * round);
            while reported.elapsed() < delay {
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
fn killed_writer_leaves_old_or_new_entry() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::in_folder(folder.path());
    for round in 0..ROUNDS {
        let last = kill_while_writing("crash::writer", folder.path(), round);
        // A reported value may only be replaced by a later value that was stored before the kill.
        for reported in (last.saturating_sub(KEYS - 1)..=last).filter(|reported| *reported > 0) {
            let got = get(&store, reported % KEYS).unwrap();
            assert!(got == value(turn(&got)) && turn(&got) % KEYS == reported % KEYS, "torn in round {round}");
            assert!(turn(&got) >= reported, "stored {reported}, got {}", turn(&got));
        }
    }
    println!("{ROUNDS} processes left {} half-written files", files(folder.path(), ".new").len());
    sweep_removes_abandoned_files(&store, folder.path());
}

#[test]
fn killed_writer_leaves_intact_entries_and_limit_when_it_evicts() {
    let folder = tempfile::tempdir().unwrap();
    let store = limited(folder.path());
    for round in 0..ROUNDS {
        let last = kill_while_writing("crash::writer_with_a_limit", folder.path(), round);
        for number in 0..KEYS {
            if let Some(got) = get(&store, number) {
                assert!(got == value(turn(&got)) && turn(&got) % KEYS == number, "torn in round {round}");
            }
        }
        // The entry may have been evicted. If it is there, it is no older than the last report.
        assert!(get(&store, last % KEYS).is_none_or(|got| turn(&got) >= last));
    }
    assert_limit_holds(&store, folder.path());
}

/// Asserts that the limit holds, even if kills made the recorded usage wrong.
fn assert_limit_holds(store: &FileStore, folder: &Path) {
    for turn in 0..200 {
        put(store, turn, &value(turn)).unwrap();
        let held: u64 = files(folder, ".entry").iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(held <= LIMIT, "{held}");
    }
    let size = block_on(store.size(&scope())).unwrap();
    assert!(size.bytes.unwrap() > LIMIT / 2, "{size:?}");
}

fn sweep_removes_abandoned_files(store: &FileStore, folder: &Path) {
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
