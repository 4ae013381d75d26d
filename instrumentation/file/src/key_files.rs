//! The files of one key: get, put, remove, and leases.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cachescope_core::shared::{LeaseResult, LeaseToken};

use crate::blocking_task::Cancellation;
use crate::entry::{self, HEADER_LENGTH, expiry};
use crate::error::if_exists;
use crate::eviction;
use crate::folder::Folder;
use crate::layout::{KeyPaths, PENDING_EXTENSION};
use crate::lease::LeaseRecord;
use crate::shard_lock::LockedShard;
use crate::usage_file::Usage;

/// The precision of "least recently used". A use within a minute after the last recorded use isn't recorded.
const USE_PRECISION: Duration = Duration::from_secs(60);

/// The files of a key, and the operations on them.
pub(crate) struct KeyFiles {
    pub(crate) folder: Arc<Folder>,
    pub(crate) paths: KeyPaths,
    pub(crate) name: String,
}

impl KeyFiles {
    fn lock(&self, cancellation: &Cancellation) -> io::Result<LockedShard<'_>> {
        LockedShard::lock(&self.folder, self.paths.shard, cancellation)
    }

    /// Reads the value. Takes no lock, because an open file never changes.
    pub(crate) fn get(&self) -> io::Result<Option<Vec<u8>>> {
        let Some(mut file) = if_exists(File::open(&self.paths.entry))? else { return Ok(None) };
        let value = entry::read(&mut file, &self.name)?;
        if value.is_some() && self.folder.limits.is_limited() {
            let used = file.metadata()?.modified()?;
            if used.elapsed().is_ok_and(|elapsed| elapsed > USE_PRECISION) {
                // If the system doesn't allow this, the time of storing counts.
                let _ = file.set_modified(SystemTime::now());
            }
        }
        Ok(value)
    }

    pub(crate) fn put(
        &self,
        bytes: &[u8],
        ttl: Option<Duration>,
        lease: Option<LeaseToken>,
        cancellation: &Cancellation,
    ) -> io::Result<bool> {
        let length = (HEADER_LENGTH + bytes.len()) as u64;
        if self.folder.limits.bytes.is_some_and(|limit| length > limit) {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "the value is larger than the size limit of its folder",
            ));
        }
        let new = PendingEntry::write(self, bytes, expiry(ttl))?;
        let shard = self.lock(cancellation)?;
        if let Some(token) = lease
            && !LeaseRecord::held(&self.paths.lease)?.is_some_and(|lease| lease.belongs_to(token))
        {
            return Ok(false);
        }
        let old = if_exists(fs::metadata(&self.paths.entry))?.map(|metadata| Usage::one(metadata.len()));
        let (added, replaced) = (Usage::one(length), old.unwrap_or_default());
        // If the process ends after this, the count is too high, never too low.
        let number = shard.number;
        shard.usage_file.change(number, |usage| usage + added)?;
        // The lease ends before the entry exists. If the process ends in between, its lease can't overwrite an
        // invalidation.
        LeaseRecord::remove(&self.paths.lease)?;
        new.commit(self)?;
        shard.usage_file.change(number, |usage| usage.minus(replaced))?;
        drop(shard);
        eviction::enforce_limits(&self.folder, &self.paths.entry, number, cancellation)?;
        Ok(true)
    }

    pub(crate) fn remove(&self, cancellation: &Cancellation) -> io::Result<()> {
        // Without the folder, there is neither an entry nor a lease.
        if !self.paths.folder.try_exists()? {
            return Ok(());
        }
        let shard = self.lock(cancellation)?;
        LeaseRecord::remove(&self.paths.lease)?;
        let Some(metadata) = if_exists(fs::metadata(&self.paths.entry))? else { return Ok(()) };
        fs::remove_file(&self.paths.entry)?;
        shard.usage_file.change(shard.number, |usage| usage.minus(Usage::one(metadata.len())))
    }

    pub(crate) fn lease(
        &self,
        token: LeaseToken,
        term: Duration,
        cancellation: &Cancellation,
    ) -> io::Result<LeaseResult> {
        let _shard = self.lock(cancellation)?;
        if LeaseRecord::held(&self.paths.lease)?.is_some_and(|lease| !lease.belongs_to(token)) {
            return Ok(LeaseResult::Held);
        }
        let lease = LeaseRecord { token: token.number(), expires_at: expiry(Some(term)) };
        self.folder.create_parent_and_retry(&self.paths.lease, || lease.write(&self.paths.lease))?;
        Ok(LeaseResult::Granted(self.get()?))
    }

    pub(crate) fn release(&self, token: LeaseToken, cancellation: &Cancellation) -> io::Result<()> {
        if !self.paths.folder.try_exists()? {
            return Ok(());
        }
        let _shard = self.lock(cancellation)?;
        match LeaseRecord::held(&self.paths.lease)? {
            Some(lease) if lease.belongs_to(token) => LeaseRecord::remove(&self.paths.lease),
            _ => Ok(()),
        }
    }
}

/// A written entry that isn't visible yet. Dropping it removes its file, unless it was committed.
struct PendingEntry(Option<PathBuf>);

impl PendingEntry {
    fn write(files: &KeyFiles, bytes: &[u8], expires_at: u64) -> io::Result<Self> {
        let number = RandomState::new().hash_one(std::process::id());
        let path = files.paths.folder.join(format!("{number:016x}.{PENDING_EXTENSION}"));
        let mut file = files.folder.create_parent_and_retry(&path, || File::create_new(&path))?;
        let new = Self(Some(path));
        entry::write(&mut file, &files.name, expires_at, bytes)?;
        Ok(new)
    }

    fn commit(mut self, files: &KeyFiles) -> io::Result<()> {
        if let Some(path) = &self.0 {
            fs::rename(path, &files.paths.entry)?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for PendingEntry {
    fn drop(&mut self) {
        // If the removal fails, a later sweep removes the file.
        let _ = self.0.take().map(fs::remove_file);
    }
}
