//! Folders that can't be used: unreachable paths and missing permissions.

use std::error::Error;
use std::fs;

use cachescope_core::shared::{ByteStore, LeaseToken, StoreErrorKind};
use cachescope_file::FileStore;
use pollster::block_on;

use crate::{key, put, scope};

#[test]
fn folder_below_file_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let store = FileStore::in_folder(file.join("cache"));
    let token = LeaseToken::from_random(7);
    let errors = [
        block_on(store.get(&key(0))).unwrap_err(),
        put(&store, 0, b"value").unwrap_err(),
        block_on(store.remove(&key(0))).unwrap_err(),
        block_on(store.lease(&key(0), token, std::time::Duration::MAX)).unwrap_err(),
        block_on(store.release(&key(0), token)).unwrap_err(),
        block_on(store.clear(&scope())).unwrap_err(),
        block_on(store.size(&scope())).unwrap_err(),
        block_on(store.sweep(&scope())).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error:?}");
        assert!(error.source().is_some());
    }
}

/// Run as a user other than root, because root may do everything.
#[cfg(unix)]
mod by_permissions {
    use std::env;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;
    use crate::child;

    #[test]
    #[ignore = "a child process of another user"]
    fn other_user() {
        let store = FileStore::in_folder(child::folder());
        let refused = [put(&store, 0, b"new").unwrap_err(), block_on(store.remove(&key(0))).unwrap_err()];
        for error in refused {
            assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
        }
        assert_eq!(crate::get(&store, 0).unwrap(), b"old");
        println!("\nall assertions passed");
    }

    #[test]
    fn user_without_write_permission_is_refused_and_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        put(&FileStore::in_folder(&cache), 0, b"old").unwrap();
        let mode = |path: &std::path::Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        // A copy, because other users may not be able to reach root's files.
        let program = folder.path().join("program");
        fs::copy(env::current_exe().unwrap(), &program).unwrap();
        let folders = [folder.path().to_owned(), cache.clone()].into_iter();
        let entry = crate::files(&cache, ".entry").pop().unwrap();
        let folders: Vec<_> = folders.chain(entry.ancestors().skip(1).take(2).map(Into::into)).collect();
        folders.iter().for_each(|path| mode(path, 0o555));
        crate::files(&cache, "lock").iter().for_each(|path| mode(path, 0o444));
        let mut command = Command::new(&program);
        command.args(child::arguments("refused::by_permissions::other_user")).env("CACHESCOPE_FILE_TEST", &cache);
        if fs::metadata(folder.path()).unwrap().uid() == 0 {
            command.uid(65_534);
        }
        let output = command.output().unwrap();
        folders.iter().for_each(|path| mode(path, 0o755));
        let output_text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && output_text.contains("all assertions passed"), "{output_text}");
    }
}
