//! Full disks and file size limits.

use std::process::Command;
use std::{env, fs};

use cachescope_core::shared::{ByteStore, StoreErrorKind};
use cachescope_file::FileStore;
use pollster::block_on;

use crate::child;
use crate::{files, get, key, put};

/// The exit status of the script when it may not mount a file system.
const NOT_ALLOWED: i32 = 77;

#[test]
#[ignore = "a child process, on a small disk or with a limit on file sizes"]
fn large_put_fails_when_disk_is_small() {
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
    println!("\nall assertions passed");
}

/// Fills the disk completely. Entries can still be read and removed, which frees space.
#[test]
#[ignore = "a child process, on a small disk"]
fn entries_are_read_and_removed_when_disk_is_full() {
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
    println!("\nall assertions passed");
}

#[test]
fn full_disk_keeps_stored_entries() {
    for test in ["full::large_put_fails_when_disk_is_small", "full::entries_are_read_and_removed_when_disk_is_full"] {
        let folder = tempfile::tempdir().unwrap();
        // A file system of 1 MiB, which is unmounted when its process ends.
        let script = "mount -t tmpfs -o size=1m none \"$0\" || exit 77; exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]).arg(folder.path());
        command.arg(env::current_exe().unwrap()).args(child::arguments(test));
        let output = command.env("CACHESCOPE_FILE_TEST", folder.path()).output().unwrap();
        let output_text = String::from_utf8_lossy(&output.stdout);
        if output.status.code() == Some(NOT_ALLOWED) || !output_text.contains("running 1 test") {
            println!("skipped the full disk: this user may not mount a file system");
            continue;
        }
        assert!(output.status.success() && output_text.contains("all assertions passed"), "{output_text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn system_file_size_limit_keeps_stored_entries() {
    let folder = tempfile::tempdir().unwrap();
    // The limit counts blocks of 512 or 1,024 bytes. The ignored signal turns into an error of the write.
    let script = "trap '' XFSZ; ulimit -f 256; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(env::current_exe().unwrap());
    command
        .args(child::arguments("full::large_put_fails_when_disk_is_small"))
        .env("CACHESCOPE_FILE_TEST", folder.path());
    let output = command.output().unwrap();
    let output_text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && output_text.contains("all assertions passed"), "{output_text}");
}
