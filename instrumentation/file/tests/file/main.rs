//! A folder of files, used by one process and by several.

#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

mod child;
mod contract;
mod crash;
mod damage;
mod full;
mod limits;
mod locks;
mod processes;
mod refused;

use std::fs;
use std::path::{Path, PathBuf};

use cachescope_core::shared::{ByteStore, Scope, StoreError, StoreKey};
use cachescope_file::FileStore;
use pollster::block_on;

fn scope() -> Scope {
    Scope::new("test", "cache", 1).unwrap()
}

fn key(number: usize) -> StoreKey {
    scope().key(&number).unwrap()
}

fn put(store: &FileStore, number: usize, value: &[u8]) -> Result<bool, StoreError> {
    block_on(store.put(&key(number), value, None, None))
}

fn get(store: &FileStore, number: usize) -> Option<Vec<u8>> {
    block_on(store.get(&key(number))).unwrap()
}

/// Returns the files below `folder` whose names end with `suffix`.
fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).into_iter().flatten() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_dir() {
            found.append(&mut files(&file.path(), suffix));
        } else if file.file_name().to_str().unwrap().ends_with(suffix) {
            found.push(file.path());
        }
    }
    found
}
