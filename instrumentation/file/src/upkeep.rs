//! What is done with all entries of a scope, shard by shard.

use std::fs::File;
use std::io;

use cachescope_core::shared::{Scope, StoreSize};

use crate::entry::{self, HEAD};
use crate::error::found;
use crate::folder::Folder;
use crate::job::Asker;
use crate::lease::Lease;
use crate::levels::Level;
use crate::listing::{self, Kind, Listed};
use crate::place::{SHARDS, scope_folder};
use crate::shard::Shard;

/// Drops entries and leases of the scope, both of a shard under its lock.
pub(crate) fn clear(folder: &Folder, scope: &Scope) -> io::Result<()> {
    for number in 0..SHARDS {
        let path = scope_folder(&folder.root, number, scope);
        // Looked at without the lock: whoever stores or leases later does so after this clear.
        if !path.try_exists()? {
            continue;
        }
        let shard = Shard::lock(folder, number, &Asker::ALWAYS)?;
        let listed = listing::of_scope(&path)?;
        let of = |kind: Kind| listed.iter().filter(move |file| file.kind == kind);
        // Leases first: if the process ends here, nobody stores what was loaded before.
        for lease in of(Kind::Lease) {
            listing::drop_file(&lease.path)?;
        }
        drop_entries(&shard, of(Kind::Entry))?;
    }
    Ok(())
}

/// How much it holds, by its files, which are all looked at.
pub(crate) fn size(folder: &Folder, scope: &Scope, asker: &Asker) -> io::Result<StoreSize> {
    let mut sum = Level::default();
    for number in 0..SHARDS {
        asker.still_waits()?;
        sum = sum + listing::level(&listing::of_scope(&scope_folder(&folder.root, number, scope))?);
    }
    let bytes = sum.bytes.saturating_sub(sum.entries * HEAD as u64);
    Ok(StoreSize { entries: Some(sum.entries), bytes: Some(bytes), exact: true })
}

/// Drops entries whose life is over or that are torn, leases whose term is, and what was never finished; and says how
/// many entries these were. Reads the beginning of every file, and locks shards only where there is something to do.
pub(crate) fn sweep(folder: &Folder, scope: &Scope, asker: &Asker) -> io::Result<u64> {
    let mut swept = 0;
    for number in 0..SHARDS {
        asker.still_waits()?;
        let mut over = Vec::new();
        for file in listing::of_scope(&scope_folder(&folder.root, number, scope))? {
            if is_over(&file)? {
                over.push(file);
            }
        }
        if over.is_empty() {
            continue;
        }
        let shard = Shard::lock(folder, number, asker)?;
        let mut entries = Vec::new();
        for file in over {
            // Again, under the lock: it may have been replaced.
            match file.kind {
                _ if !is_over(&file)? => {}
                Kind::Entry => entries.push(file),
                Kind::Lease | Kind::New => drop(listing::drop_file(&file.path)?),
            }
        }
        swept += drop_entries(&shard, entries.iter())?;
    }
    Ok(swept)
}

fn is_over(file: &Listed) -> io::Result<bool> {
    match file.kind {
        Kind::New => Ok(file.is_abandoned()),
        Kind::Lease => Ok(Lease::held(&file.path)?.is_none()),
        Kind::Entry => {
            let Some(mut open) = found(File::open(&file.path))? else { return Ok(false) };
            Ok(entry::head(&mut open)?.is_none_or(|head| head.is_over()))
        }
    }
}

/// Drops entries of a shard, and says how many.
fn drop_entries<'a>(shard: &Shard<'_>, entries: impl Iterator<Item = &'a Listed>) -> io::Result<u64> {
    let mut dropped = Level::default();
    for file in entries {
        // As long as it is now: since it was listed, it may have been replaced.
        let bytes = found(std::fs::metadata(&file.path))?.map_or(0, |metadata| metadata.len());
        if listing::drop_file(&file.path)? {
            dropped = dropped + Level::one(bytes);
        }
    }
    shard.levels.change(shard.number, |level| level.less(dropped))?;
    Ok(dropped.entries)
}
