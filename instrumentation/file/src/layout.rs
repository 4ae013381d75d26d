//! The paths of the files of keys and scopes.

use std::path::{Path, PathBuf};

use cachescope_core::shared::{Scope, StoreKey};
use sha2::{Digest, Sha256};

/// The number of shards. With 64, processes seldom wait for each other, and a scan of all shards is fast.
pub(crate) const SHARD_COUNT: u8 = 64;

pub(crate) const ENTRY_EXTENSION: &str = "entry";
pub(crate) const LEASE_EXTENSION: &str = "lease";
pub(crate) const PENDING_EXTENSION: &str = "new";

/// The paths of a key's files. File names are hashes, so they are safe for any key, even on file systems that ignore
/// case.
#[derive(Clone, Debug)]
pub(crate) struct KeyPaths {
    pub(crate) shard: u8,
    pub(crate) folder: PathBuf,
    pub(crate) entry: PathBuf,
    pub(crate) lease: PathBuf,
}

impl KeyPaths {
    pub(crate) fn new(root: &Path, key: &StoreKey) -> Self {
        let hash = Sha256::digest(key.full_name());
        let shard = hash[0] % SHARD_COUNT;
        let folder = scope_folder(root, shard, key.scope());
        let name = hex(&hash);
        Self {
            shard,
            entry: folder.join(format!("{name}.{ENTRY_EXTENSION}")),
            lease: folder.join(format!("{name}.{LEASE_EXTENSION}")),
            folder,
        }
    }
}

pub(crate) fn shard_folder(root: &Path, shard: u8) -> PathBuf {
    root.join(format!("{shard:02x}"))
}

pub(crate) fn scope_folder(root: &Path, shard: u8, scope: &Scope) -> PathBuf {
    // 128 bits are enough, because the file name and the header cover the whole key.
    shard_folder(root, shard).join(hex(&Sha256::digest(scope.as_str())[..16]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths are fixed, because other versions must find the same files.
    #[test]
    fn paths_stay_the_same_across_versions() {
        let key = Scope::new("shop", "user", 1).unwrap().key(&7).unwrap();
        let paths = KeyPaths::new(Path::new("r"), &key);
        let folder = Path::new("r/0a/04222d7c94febb8c31c6b936943e4ddb");
        assert_eq!((paths.shard, paths.folder.as_path()), (10, folder));
        let name = "0abaca595f092f015bcba9f2eed95174d8f050e94adff6031aadbf8056bf60e1";
        assert_eq!(paths.entry, folder.join(format!("{name}.entry")));
        assert_eq!(paths.lease, folder.join(format!("{name}.lease")));
    }

    #[test]
    fn file_names_are_lower_case_hex_digits() {
        let scope = Scope::new("Shop", "User %", 1).unwrap();
        for key in ["A", "a", "../..", "CON", "x"] {
            let paths = KeyPaths::new(Path::new(""), &scope.key(key).unwrap());
            let text = paths.entry.to_str().unwrap().replace(std::path::MAIN_SEPARATOR, "");
            let hex = text.strip_suffix(".entry").unwrap();
            assert!(hex.len() == 2 + 32 + 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        }
    }
}
