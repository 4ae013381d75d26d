//! A lease as a file: token, until when, and a checksum, 20 bytes.
//!
//! Read and written under the lock of its shard, and written in place with one call, so that it is never half of one
//! and half of another. What isn't whole is no lease: then nobody stores who thinks to hold it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use cachescope_core::shared::LeaseToken;

use crate::entry::now;
use crate::error::found;

const LENGTH: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) token: u64,
    /// In nanoseconds since 1970.
    pub(crate) until: u64,
}

impl Lease {
    /// The one that is held.
    pub(crate) fn held(path: &Path) -> io::Result<Option<Self>> {
        let Some(file) = found(File::open(path))? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(LENGTH + 1);
        file.take(LENGTH as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Self::parse(&bytes).filter(|lease| lease.until > now()))
    }

    pub(crate) fn is_of(self, token: LeaseToken) -> bool {
        self.token == token.number()
    }

    pub(crate) fn write(self, path: &Path) -> io::Result<()> {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&self.token.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.until.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..16]);
        bytes[16..].copy_from_slice(&checksum.to_le_bytes());
        OpenOptions::new().create(true).truncate(false).write(true).open(path)?.write_all(&bytes)
    }

    pub(crate) fn end(path: &Path) -> io::Result<()> {
        found(fs::remove_file(path)).map(drop)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
        let checksum = u32::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
        (checksum == crc32fast::hash(&bytes[..16])).then(|| Self { token: number(0), until: number(8) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::NEVER;

    #[test]
    fn it_is_held_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        assert_eq!(Lease::held(&path).unwrap(), None);
        for token in [1, u64::MAX >> 1] {
            let lease = Lease { token, until: NEVER };
            lease.write(&path).unwrap();
            assert_eq!(Lease::held(&path).unwrap(), Some(lease));
        }
        Lease { token: 7, until: now() }.write(&path).unwrap();
        assert_eq!(Lease::held(&path).unwrap(), None);
        Lease::end(&path).unwrap();
        Lease::end(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_is_not_whole_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        Lease { token: 7, until: NEVER }.write(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            assert_eq!(Lease::held(&path).unwrap(), None);
        }
        fs::write(&path, [bytes.as_slice(), b"x"].concat()).unwrap();
        assert_eq!(Lease::held(&path).unwrap(), None);
    }
}
