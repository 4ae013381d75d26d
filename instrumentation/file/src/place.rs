//! Where what is of a key or a scope lies.

use std::path::{Path, PathBuf};

use cachescope_core::shared::{Scope, StoreKey};
use sha2::{Digest, Sha256};

/// So many that processes seldom wait for each other, and so few that a look through all is quick.
pub(crate) const SHARDS: u8 = 64;

pub(crate) const ENTRY: &str = "entry";
pub(crate) const LEASE: &str = "lease";
pub(crate) const NEW: &str = "new";

/// A key's files. The names are hashes, so they are safe for any key, also where case makes no difference.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) shard: u8,
    pub(crate) folder: PathBuf,
    pub(crate) entry: PathBuf,
    pub(crate) lease: PathBuf,
}

impl Place {
    pub(crate) fn of(root: &Path, key: &StoreKey) -> Self {
        let hash = Sha256::digest(key.whole());
        let shard = hash[0] % SHARDS;
        let folder = scope_folder(root, shard, key.scope());
        let name = hex(&hash);
        Self {
            shard,
            entry: folder.join(format!("{name}.{ENTRY}")),
            lease: folder.join(format!("{name}.{LEASE}")),
            folder,
        }
    }
}

pub(crate) fn shard_folder(root: &Path, shard: u8) -> PathBuf {
    root.join(format!("{shard:02x}"))
}

pub(crate) fn scope_folder(root: &Path, shard: u8, scope: &Scope) -> PathBuf {
    // 128 bits: the whole key is in the files' names and in the files, too.
    shard_folder(root, shard).join(hex(&Sha256::digest(scope.as_str())[..16]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written down, since other versions have to find them.
    #[test]
    fn files_are_where_they_always_were() {
        let key = Scope::new("shop", "user", 1).unwrap().key(&7).unwrap();
        let place = Place::of(Path::new("r"), &key);
        let folder = Path::new("r/0a/04222d7c94febb8c31c6b936943e4ddb");
        assert_eq!((place.shard, place.folder.as_path()), (10, folder));
        let name = "0abaca595f092f015bcba9f2eed95174d8f050e94adff6031aadbf8056bf60e1";
        assert_eq!(place.entry, folder.join(format!("{name}.entry")));
        assert_eq!(place.lease, folder.join(format!("{name}.lease")));
    }

    #[test]
    fn names_are_of_lower_case_hex_digits() {
        let scope = Scope::new("Shop", "User %", 1).unwrap();
        for key in ["A", "a", "../..", "CON", "x"] {
            let place = Place::of(Path::new(""), &scope.key(key).unwrap());
            let text = place.entry.to_str().unwrap().replace(std::path::MAIN_SEPARATOR, "");
            let hex = text.strip_suffix(".entry").unwrap();
            assert!(hex.len() == 2 + 32 + 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        }
    }
}
