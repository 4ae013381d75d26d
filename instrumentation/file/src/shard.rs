//! A shard, while nobody else changes it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::folder::Folder;
use crate::job::Asker;
use crate::levels::Levels;
use crate::place::shard_folder;

/// A stopped process may hold a lock for ever: whoever waits longer gives up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The lock of a shard among all processes and threads. It ends with its process, whatever ends that.
#[derive(Debug)]
pub(crate) struct Shard<'a> {
    pub(crate) number: u8,
    pub(crate) levels: Levels<'a>,
    /// Unlocked by being closed.
    _lock: File,
}

impl<'a> Shard<'a> {
    /// Locks it, once nobody else does.
    ///
    /// # Errors
    /// The file system's, and where it took too long or nobody waits any more.
    pub(crate) fn lock(folder: &'a Folder, number: u8, asker: &Asker) -> io::Result<Self> {
        let path = shard_folder(&folder.root, number).join("lock");
        let open = || OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = folder.in_made(&path, open)?;
        wait_for(&lock, asker)?;
        Ok(Self { number, levels: Levels::of(folder), _lock: lock })
    }
}

/// Waits for the lock of a file in growing steps: what holds one takes less than a millisecond, mostly.
pub(crate) fn wait_for(file: &File, asker: &Asker) -> io::Result<()> {
    let (began, mut pause) = (Instant::now(), Duration::from_micros(50));
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        asker.still_waits()?;
        if began.elapsed() > PATIENCE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds a lock of the folder"));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}
