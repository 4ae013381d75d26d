//! No room on the disk.

use std::process::Command;
use std::{env, fs};

use cachescope_core::shared::{ByteStore, StoreErrorKind};
use cachescope_file::FileStore;
use pollster::block_on;

use crate::child;
use crate::{files, get, key, put};

/// What a script says that can't have a file system of its own.
const NOT_ALLOWED: i32 = 77;

#[test]
#[ignore = "a process of its own, where a disk has little room or files have a limit"]
fn in_little_room() {
    let folder = child::folder();
    let store = FileStore::in_folder(&folder);
    put(&store, 0, b"old").unwrap();
    let large = vec![7; 4 << 20];
    for _ in 0..3 {
        let error = put(&store, 0, &large).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Full, "{error:?}");
        assert_eq!(get(&store, 0).unwrap(), b"old");
    }
    assert_eq!(files(&folder, ".new").len(), 0);
    put(&store, 0, b"new").unwrap();
    assert_eq!(get(&store, 0).unwrap(), b"new");
    println!("\nall was as it should be");
}

/// Until nothing at all can be written: what is there can still be read, and dropped, which makes room.
#[test]
#[ignore = "a process of its own, where a disk has little room"]
fn until_it_is_full() {
    let store = FileStore::in_folder(child::folder());
    let full = (0..10_000).find_map(|number| put(&store, number, &[7; 5_000]).err().map(|error| (number, error)));
    let (stored, error) = full.unwrap();
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error:?}");
    assert!(stored > 50, "{stored}");
    for number in 0..stored {
        assert_eq!(get(&store, number).unwrap(), [7; 5_000]);
    }
    assert_eq!(get(&store, stored), None);
    for number in 0..stored {
        block_on(store.remove(&key(number))).unwrap();
    }
    put(&store, stored, &[7; 5_000]).unwrap();
    println!("\nall was as it should be");
}

#[test]
fn a_full_disk_leaves_what_was_stored() {
    for test in ["full::in_little_room", "full::until_it_is_full"] {
        let folder = tempfile::tempdir().unwrap();
        // A file system of a mebibyte, which ends with its process.
        let script = "mount -t tmpfs -o size=1m none \"$0\" || exit 77; exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]).arg(folder.path());
        command.arg(env::current_exe().unwrap()).args(child::arguments(test));
        let output = command.env("CACHESCOPE_FILE_TEST", folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        if output.status.code() == Some(NOT_ALLOWED) || !said.contains("running 1 test") {
            println!("not tested on a full disk: no file system of one's own is allowed here");
            continue;
        }
        assert!(output.status.success() && said.contains("all was as it should be"), "{said}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_limit_of_the_system_leaves_what_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    // In blocks of 512 or 1,024 bytes. Ignored, the signal that would end the process is an error.
    let script = "trap '' XFSZ; ulimit -f 256; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(env::current_exe().unwrap());
    command.args(child::arguments("full::in_little_room")).env("CACHESCOPE_FILE_TEST", folder.path());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("all was as it should be"), "{said}");
}
