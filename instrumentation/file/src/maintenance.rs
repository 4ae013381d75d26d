//! Operations on all entries of a scope, shard by shard.

use std::fs::File;
use std::io;

use cachescope_core::shared::{Scope, StoreSize};

use crate::blocking_task::Cancellation;
use crate::entry::{self, HEADER_LENGTH};
use crate::error::if_exists;
use crate::folder::Folder;
use crate::layout::{SHARD_COUNT, scope_folder};
use crate::lease::LeaseRecord;
use crate::listing::{self, FileKind, ListedFile};
use crate::shard_lock::LockedShard;
use crate::usage_file::Usage;

/// Removes the entries and leases of a scope, each shard under its lock.
pub(crate) fn clear(folder: &Folder, scope: &Scope) -> io::Result<()> {
    for number in 0..SHARD_COUNT {
        let path = scope_folder(&folder.root, number, scope);
        // No lock is needed here: an entry or lease that is created later comes after this clear.
        if !path.try_exists()? {
            continue;
        }
        let shard = LockedShard::lock(folder, number, &Cancellation::NEVER)?;
        let listed = listing::list_scope(&path)?;
        let files = |kind: FileKind| listed.iter().filter(move |file| file.kind == kind);
        // Leases first: if the process ends here, values that were loaded before the clear aren't stored.
        for lease in files(FileKind::Lease) {
            listing::remove_file(&lease.path)?;
        }
        remove_entries(&shard, files(FileKind::Entry))?;
    }
    Ok(())
}

/// Returns the size of a scope. Reads the metadata of all its files.
pub(crate) fn size(folder: &Folder, scope: &Scope, cancellation: &Cancellation) -> io::Result<StoreSize> {
    let mut sum = Usage::default();
    for number in 0..SHARD_COUNT {
        cancellation.check()?;
        sum = sum + listing::usage(&listing::list_scope(&scope_folder(&folder.root, number, scope))?);
    }
    let bytes = sum.bytes.saturating_sub(sum.entries * HEADER_LENGTH as u64);
    Ok(StoreSize { entries: Some(sum.entries), bytes: Some(bytes), exact: true })
}

/// Removes expired and torn entries, expired leases, and abandoned files. Returns the number of entries removed. Reads
/// the header of every file, and locks only shards with something to remove.
pub(crate) fn sweep(folder: &Folder, scope: &Scope, cancellation: &Cancellation) -> io::Result<u64> {
    let mut swept = 0;
    for number in 0..SHARD_COUNT {
        cancellation.check()?;
        let mut expired = Vec::new();
        for file in listing::list_scope(&scope_folder(&folder.root, number, scope))? {
            if is_expired(&file)? {
                expired.push(file);
            }
        }
        if expired.is_empty() {
            continue;
        }
        let shard = LockedShard::lock(folder, number, cancellation)?;
        let mut entries = Vec::new();
        for file in expired {
            // Checked again under the lock, because the file may have been replaced.
            match file.kind {
                _ if !is_expired(&file)? => {}
                FileKind::Entry => entries.push(file),
                FileKind::Lease | FileKind::Pending => drop(listing::remove_file(&file.path)?),
            }
        }
        swept += remove_entries(&shard, entries.iter())?;
    }
    Ok(swept)
}

fn is_expired(file: &ListedFile) -> io::Result<bool> {
    match file.kind {
        FileKind::Pending => Ok(file.is_abandoned()),
        FileKind::Lease => Ok(LeaseRecord::held(&file.path)?.is_none()),
        FileKind::Entry => {
            let Some(mut open) = if_exists(File::open(&file.path))? else { return Ok(false) };
            Ok(entry::head(&mut open)?.is_none_or(|head| head.is_expired()))
        }
    }
}

/// Removes entries of a shard, and returns how many.
fn remove_entries<'a>(shard: &LockedShard<'_>, entries: impl Iterator<Item = &'a ListedFile>) -> io::Result<u64> {
    let mut removed = Usage::default();
    for file in entries {
        // The length is read again: the file may have been replaced since it was listed.
        let bytes = if_exists(std::fs::metadata(&file.path))?.map_or(0, |metadata| metadata.len());
        if listing::remove_file(&file.path)? {
            removed = removed + Usage::one(bytes);
        }
    }
    shard.usage_file.change(shard.number, |usage| usage.minus(removed))?;
    Ok(removed.entries)
}
