//! Entries and bytes of each shard, so that limits are checked without counting files.
//!
//! The file has 64 pairs of integers: the number of entries, and the bytes of their files. A pair is changed under the
//! lock of its shard. It is raised before files grow and lowered after files shrink. So a process that is killed in
//! between leaves too high a count, never too low a count. A count of the files corrects the pair, when a limit seems
//! to be reached.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Add;

use crate::folder::Folder;
use crate::layout::SHARD_COUNT;

const PAIR: usize = 16;
const LENGTH: usize = PAIR * SHARD_COUNT as usize;

/// A number of entries, and the bytes of their files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { entries: self.entries.saturating_add(other.entries), bytes: self.bytes.saturating_add(other.bytes) }
    }
}

impl Usage {
    /// Returns the usage of one entry whose file has `bytes` bytes.
    pub(crate) const fn one(bytes: u64) -> Self {
        Self { entries: 1, bytes }
    }

    pub(crate) const fn minus(self, other: Self) -> Self {
        Self { entries: self.entries.saturating_sub(other.entries), bytes: self.bytes.saturating_sub(other.bytes) }
    }
}

/// The file with the usage of all shards.
#[derive(Debug)]
pub(crate) struct UsageFile<'a>(&'a Folder);

impl<'a> UsageFile<'a> {
    pub(crate) const fn new(folder: &'a Folder) -> Self {
        Self(folder)
    }

    /// Returns the usage of each shard, or `None` for a shard that hasn't been counted yet.
    pub(crate) fn all(&self) -> io::Result<Vec<Option<Usage>>> {
        let mut bytes = Vec::with_capacity(LENGTH);
        self.open()?.take(LENGTH as u64).read_to_end(&mut bytes)?;
        bytes.resize(LENGTH, 0);
        Ok(bytes.as_chunks::<PAIR>().0.iter().map(usage).collect())
    }

    /// Writes the counted usage of a shard. The caller holds the lock of the shard.
    pub(crate) fn set(&self, shard: u8, counted: Usage) -> io::Result<()> {
        write(&mut self.open()?, shard, counted)
    }

    /// Changes the usage of a shard. Does nothing if the shard hasn't been counted yet. The caller holds the lock of
    /// the shard.
    pub(crate) fn change(&self, shard: u8, change: impl FnOnce(Usage) -> Usage) -> io::Result<()> {
        let mut file = self.open()?;
        let mut bytes = [0; PAIR];
        file.seek(at(shard))?;
        match file.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        usage(&bytes).map_or(Ok(()), |usage| write(&mut file, shard, change(usage)))
    }

    fn open(&self) -> io::Result<File> {
        let path = self.0.root.join("levels");
        let open = || OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        self.0.create_parent_and_retry(&path, open)
    }
}

fn at(shard: u8) -> SeekFrom {
    SeekFrom::Start(u64::from(shard) * PAIR as u64)
}

/// Writes the number of entries plus one. Zeros, and a position beyond the end of the file, mean that the shard hasn't
/// been counted.
fn write(file: &mut File, shard: u8, usage: Usage) -> io::Result<()> {
    let mut bytes = [0; PAIR];
    bytes[..8].copy_from_slice(&usage.entries.saturating_add(1).to_le_bytes());
    bytes[8..].copy_from_slice(&usage.bytes.to_le_bytes());
    file.seek(at(shard))?;
    file.write_all(&bytes)
}

fn usage(bytes: &[u8; PAIR]) -> Option<Usage> {
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
    Some(Usage { entries: number(0).checked_sub(1)?, bytes: number(8) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Limits;

    #[test]
    fn changes_add_up_once_shard_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder { root: folder.path().join("new"), limits: Limits::default() };
        let usage_file = UsageFile::new(&folder);
        usage_file.change(3, |usage| usage + Usage::one(7)).unwrap();
        assert_eq!(usage_file.all().unwrap(), [None; SHARD_COUNT as usize]);
        usage_file.set(3, Usage::default()).unwrap();
        usage_file.change(3, |usage| usage + Usage::one(7)).unwrap();
        usage_file.change(63, |usage| usage + Usage::one(5)).unwrap();
        usage_file.change(2, |usage| usage + Usage::one(5)).unwrap();
        usage_file.change(3, |usage| usage + Usage::one(1)).unwrap();
        let all = usage_file.all().unwrap();
        assert_eq!((all.len(), all[2], all[3], all[63]), (64, None, Some(Usage { entries: 2, bytes: 8 }), None));
        usage_file.set(63, Usage::one(5)).unwrap();
        usage_file.change(3, |usage| usage.minus(Usage { entries: 9, bytes: 2 })).unwrap();
        let all = usage_file.all().unwrap();
        assert_eq!((all[3], all[62], all[63]), (Some(Usage { entries: 0, bytes: 6 }), None, Some(Usage::one(5))));
    }
}
