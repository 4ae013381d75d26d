//! How much each shard holds, so that a limit is kept without counting files.
//!
//! One small file of 64 pairs of numbers: entries, and bytes of their files. A pair is changed under the lock of its
//! shard: before files grow and after they shrink, so that whoever is killed in between leaves too much in it, never
//! too little. Counting anew puts it right, which is done where a limit seems to be reached.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Add;

use crate::folder::Folder;
use crate::place::SHARDS;

const PAIR: usize = 16;
const LENGTH: usize = PAIR * SHARDS as usize;

/// Entries, and bytes of their files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

impl Add for Level {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { entries: self.entries.saturating_add(other.entries), bytes: self.bytes.saturating_add(other.bytes) }
    }
}

impl Level {
    /// One entry whose file is so long.
    pub(crate) const fn one(bytes: u64) -> Self {
        Self { entries: 1, bytes }
    }

    pub(crate) const fn less(self, other: Self) -> Self {
        Self { entries: self.entries.saturating_sub(other.entries), bytes: self.bytes.saturating_sub(other.bytes) }
    }
}

/// The file of them.
#[derive(Debug)]
pub(crate) struct Levels<'a>(&'a Folder);

impl<'a> Levels<'a> {
    pub(crate) const fn of(folder: &'a Folder) -> Self {
        Self(folder)
    }

    /// All of them; `None` where nobody has counted yet.
    pub(crate) fn all(&self) -> io::Result<Vec<Option<Level>>> {
        let mut bytes = Vec::with_capacity(LENGTH);
        self.open()?.take(LENGTH as u64).read_to_end(&mut bytes)?;
        bytes.resize(LENGTH, 0);
        Ok(bytes.as_chunks::<PAIR>().0.iter().map(level).collect())
    }

    /// Sets that of a shard which is locked, as it was counted.
    pub(crate) fn set(&self, shard: u8, counted: Level) -> io::Result<()> {
        write(&mut self.open()?, shard, counted)
    }

    /// Changes that of a shard which is locked. Nothing to do where nobody has counted yet.
    pub(crate) fn change(&self, shard: u8, change: impl FnOnce(Level) -> Level) -> io::Result<()> {
        let mut file = self.open()?;
        let mut bytes = [0; PAIR];
        file.seek(at(shard))?;
        match file.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        level(&bytes).map_or(Ok(()), |level| write(&mut file, shard, change(level)))
    }

    fn open(&self) -> io::Result<File> {
        let path = self.0.root.join("levels");
        let open = || OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        self.0.in_made(&path, open)
    }
}

fn at(shard: u8) -> SeekFrom {
    SeekFrom::Start(u64::from(shard) * PAIR as u64)
}

/// Entries are written with one added: zeros, and what is beyond the file's end, are of a shard that isn't counted.
fn write(file: &mut File, shard: u8, level: Level) -> io::Result<()> {
    let mut bytes = [0; PAIR];
    bytes[..8].copy_from_slice(&level.entries.saturating_add(1).to_le_bytes());
    bytes[8..].copy_from_slice(&level.bytes.to_le_bytes());
    file.seek(at(shard))?;
    file.write_all(&bytes)
}

fn level(bytes: &[u8; PAIR]) -> Option<Level> {
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
    Some(Level { entries: number(0).checked_sub(1)?, bytes: number(8) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Limits;

    #[test]
    fn changes_add_up_once_they_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder { root: folder.path().join("new"), limits: Limits::default() };
        let levels = Levels::of(&folder);
        levels.change(3, |level| level + Level::one(7)).unwrap();
        assert_eq!(levels.all().unwrap(), [None; SHARDS as usize]);
        levels.set(3, Level::default()).unwrap();
        levels.change(3, |level| level + Level::one(7)).unwrap();
        levels.change(63, |level| level + Level::one(5)).unwrap();
        levels.change(2, |level| level + Level::one(5)).unwrap();
        levels.change(3, |level| level + Level::one(1)).unwrap();
        let all = levels.all().unwrap();
        assert_eq!((all.len(), all[2], all[3], all[63]), (64, None, Some(Level { entries: 2, bytes: 8 }), None));
        levels.set(63, Level::one(5)).unwrap();
        levels.change(3, |level| level.less(Level { entries: 9, bytes: 2 })).unwrap();
        let all = levels.all().unwrap();
        assert_eq!((all[3], all[62], all[63]), (Some(Level { entries: 0, bytes: 6 }), None, Some(Level::one(5))));
    }
}
