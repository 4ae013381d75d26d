//! Folders that can't be used.

use std::error::Error;
use std::fs;

use cachescope_core::shared::{ByteStore, LeaseToken, StoreErrorKind};
use cachescope_file::FileStore;
use pollster::block_on;

use crate::{key, put, scope};

#[test]
fn a_folder_below_a_file_can_not_be_reached() {
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

/// By whoever isn't root, to whom all is allowed.
#[cfg(unix)]
mod by_permissions {
    use std::env;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;
    use crate::child;

    #[test]
    #[ignore = "a process of its own, of another user"]
    fn stranger() {
        let store = FileStore::in_folder(child::folder());
        let refused = [put(&store, 0, b"new").unwrap_err(), block_on(store.remove(&key(0))).unwrap_err()];
        for error in refused {
            assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
        }
        assert_eq!(crate::get(&store, 0).unwrap(), b"old");
        println!("\nall was as it should be");
    }

    #[test]
    fn who_may_not_write_is_refused_and_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        put(&FileStore::in_folder(&cache), 0, b"old").unwrap();
        let mode = |path: &std::path::Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        // Where root's own files can't be entered by others.
        let program = folder.path().join("program");
        fs::copy(env::current_exe().unwrap(), &program).unwrap();
        let folders = [folder.path().to_owned(), cache.clone()].into_iter();
        let entry = crate::files(&cache, ".entry").pop().unwrap();
        let folders: Vec<_> = folders.chain(entry.ancestors().skip(1).take(2).map(Into::into)).collect();
        folders.iter().for_each(|path| mode(path, 0o555));
        crate::files(&cache, "lock").iter().for_each(|path| mode(path, 0o444));
        let mut command = Command::new(&program);
        command.args(child::arguments("refused::by_permissions::stranger")).env("CACHESCOPE_FILE_TEST", &cache);
        if fs::metadata(folder.path()).unwrap().uid() == 0 {
            command.uid(65_534);
        }
        let output = command.output().unwrap();
        folders.iter().for_each(|path| mode(path, 0o755));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("all was as it should be"), "{said}");
    }
}
