//! The lock of a shard.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::blocking_task::Cancellation;
use crate::folder::Folder;
use crate::layout::shard_folder;
use crate::usage_file::UsageFile;

/// The longest wait for a lock. A stopped process may hold a lock forever.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// A shard that is locked against all other threads and processes. The system releases the lock when the process ends,
/// even if the process is killed.
#[derive(Debug)]
pub(crate) struct LockedShard<'a> {
    pub(crate) number: u8,
    pub(crate) usage_file: UsageFile<'a>,
    /// Closing the file releases the lock.
    _lock: File,
}

impl<'a> LockedShard<'a> {
    /// Waits for the lock of a shard, and takes it.
    ///
    /// # Errors
    /// If the lock file can't be opened, the wait takes longer than 5 seconds, or the operation was dropped.
    pub(crate) fn lock(folder: &'a Folder, number: u8, cancellation: &Cancellation) -> io::Result<Self> {
        let path = shard_folder(&folder.root, number).join("lock");
        let open = || OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = folder.create_parent_and_retry(&path, open)?;
        lock_file(&lock, cancellation)?;
        Ok(Self { number, usage_file: UsageFile::new(folder), _lock: lock })
    }
}

/// Waits for the lock of a file. The pauses between attempts grow from 50 µs to 5 ms, because most locks are held for
/// less than a millisecond.
pub(crate) fn lock_file(file: &File, cancellation: &Cancellation) -> io::Result<()> {
    let (began, mut pause) = (Instant::now(), Duration::from_micros(50));
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        cancellation.check()?;
        if began.elapsed() > LOCK_TIMEOUT {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds a lock of the folder"));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}
