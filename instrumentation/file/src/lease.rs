//! The file format of a lease: token, expiry time, and a checksum, 20 bytes.
//!
//! The file is read and written under the lock of its shard. One system call writes it in place, so a reader sees an
//! old or a new lease, never a mix. An incomplete file is no lease: its holder can't store.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use cachescope_core::shared::LeaseToken;

use crate::entry::now;
use crate::error::if_exists;

const LENGTH: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeaseRecord {
    pub(crate) token: u64,
    /// Nanoseconds since 1970.
    pub(crate) expires_at: u64,
}

impl LeaseRecord {
    /// Returns the lease in the file, or `None` if there is none or it has expired.
    pub(crate) fn held(path: &Path) -> io::Result<Option<Self>> {
        let Some(file) = if_exists(File::open(path))? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(LENGTH + 1);
        file.take(LENGTH as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Self::parse(&bytes).filter(|lease| lease.expires_at > now()))
    }

    pub(crate) fn belongs_to(self, token: LeaseToken) -> bool {
        self.token == token.number()
    }

    pub(crate) fn write(self, path: &Path) -> io::Result<()> {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&self.token.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.expires_at.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..16]);
        bytes[16..].copy_from_slice(&checksum.to_le_bytes());
        OpenOptions::new().create(true).truncate(false).write(true).open(path)?.write_all(&bytes)
    }

    pub(crate) fn remove(path: &Path) -> io::Result<()> {
        if_exists(fs::remove_file(path)).map(drop)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
        let checksum = u32::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
        (checksum == crc32fast::hash(&bytes[..16])).then(|| Self { token: number(0), expires_at: number(8) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::NO_EXPIRY;

    #[test]
    fn lease_is_held_until_it_expires_or_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        assert_eq!(LeaseRecord::held(&path).unwrap(), None);
        for token in [1, u64::MAX >> 1] {
            let lease = LeaseRecord { token, expires_at: NO_EXPIRY };
            lease.write(&path).unwrap();
            assert_eq!(LeaseRecord::held(&path).unwrap(), Some(lease));
        }
        LeaseRecord { token: 7, expires_at: now() }.write(&path).unwrap();
        assert_eq!(LeaseRecord::held(&path).unwrap(), None);
        LeaseRecord::remove(&path).unwrap();
        LeaseRecord::remove(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn incomplete_lease_is_not_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        LeaseRecord { token: 7, expires_at: NO_EXPIRY }.write(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            assert_eq!(LeaseRecord::held(&path).unwrap(), None);
        }
        fs::write(&path, [bytes.as_slice(), b"x"].concat()).unwrap();
        assert_eq!(LeaseRecord::held(&path).unwrap(), None);
    }
}
