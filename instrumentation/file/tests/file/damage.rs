//! Files that were damaged or changed from outside.

use std::fs;

use cachescope_core::shared::ByteStore;
use cachescope_file::FileStore;
use pollster::block_on;

use crate::{files, get, put, scope};

#[test]
fn damaged_file_is_miss_and_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::in_folder(folder.path());
    put(&store, 0, b"value").unwrap();
    let path = files(folder.path(), ".entry").pop().unwrap();
    let whole = fs::read(&path).unwrap();
    for damage in [&whole[..3], &whole[..whole.len() - 1], &[0; 517], b"", &[whole.as_slice(), b"x"].concat()] {
        fs::write(&path, damage).unwrap();
        assert_eq!(get(&store, 0), None);
        put(&store, 0, b"value").unwrap();
        assert_eq!(get(&store, 0).unwrap(), b"value");
        fs::write(&path, damage).unwrap();
        assert_eq!(block_on(store.sweep(&scope())).unwrap(), 1);
        assert!(!path.exists());
        put(&store, 0, b"value").unwrap();
    }
}

#[test]
fn file_copied_over_another_key_is_miss() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::in_folder(folder.path());
    put(&store, 0, b"of 0").unwrap();
    let zero = files(folder.path(), ".entry").pop().unwrap();
    put(&store, 1, b"of 1").unwrap();
    let one = files(folder.path(), ".entry").into_iter().find(|path| *path != zero).unwrap();
    fs::copy(&zero, &one).unwrap();
    assert_eq!((get(&store, 0).unwrap().as_slice(), get(&store, 1)), (b"of 0".as_slice(), None));
}

#[test]
fn deleted_folder_is_created_again_by_put() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let store = FileStore::in_folder(&path).entry_limit(10);
    for _ in 0..2 {
        assert_eq!(get(&store, 0), None);
        assert_eq!(block_on(store.size(&scope())).unwrap().entries, Some(0));
        assert!(!path.exists());
        put(&store, 0, b"value").unwrap();
        assert_eq!(get(&store, 0).unwrap(), b"value");
        fs::remove_dir_all(&path).unwrap();
    }
}

#[test]
fn foreign_files_stay_on_sweep_and_clear() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::in_folder(folder.path()).entry_limit(1);
    put(&store, 0, b"value").unwrap();
    let scope_folder = files(folder.path(), ".entry").pop().unwrap().parent().unwrap().to_owned();
    let others = [folder.path().join("notes.txt"), scope_folder.join("notes.txt")];
    others.iter().for_each(|path| fs::write(path, b"mine").unwrap());
    put(&store, 1, b"value").unwrap();
    block_on(store.sweep(&scope())).unwrap();
    block_on(store.clear(&scope())).unwrap();
    assert_eq!(files(folder.path(), ".entry").len(), 0);
    others.iter().for_each(|path| assert_eq!(fs::read(path).unwrap(), b"mine"));
}

#[cfg(unix)]
#[test]
fn created_folder_is_accessible_to_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    put(&FileStore::in_folder(&path), 0, b"value").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}
