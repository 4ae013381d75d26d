//! Eviction of entries when a limit is exceeded.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use crate::blocking_task::Cancellation;
use crate::error::if_exists;
use crate::folder::{Folder, Limits};
use crate::layout::{SHARD_COUNT, shard_folder};
use crate::listing::{self, FileKind, ListedFile};
use crate::shard_lock::{LockedShard, lock_file};
use crate::usage_file::{Usage, UsageFile};

/// The number of entries to choose from. Keys spread evenly over shards, so the oldest of 512 are among the oldest of
/// all.
const SAMPLE_ENTRIES: u64 = 512;

/// The most rounds of one eviction. In the first rounds, other processes may use or remove the chosen entries.
const ROUNDS: u8 = 4;

/// Removes the least recently used entries until the folder keeps its limits. `newest` stays.
///
/// Within the limits, the cost is one read of a small file. Above the limits, enough shards are listed to find 512
/// entries, or the excess if that is more. The excess and a tenth of the listed entries are removed, so that most puts
/// need no eviction. One process at a time evicts.
pub(crate) fn enforce_limits(folder: &Folder, newest: &Path, shard: u8, cancellation: &Cancellation) -> io::Result<()> {
    let usage_file = UsageFile::new(folder);
    let limits = folder.limits;
    if !limits.is_limited() || sum(&usage_file.all()?).is_some_and(|sum| limits.allow(sum)) {
        return Ok(());
    }
    let path = folder.root.join("room");
    let lock = folder
        .create_parent_and_retry(&path, || OpenOptions::new().create(true).truncate(false).write(true).open(&path))?;
    lock_file(&lock, cancellation)?;
    for _ in 0..ROUNDS {
        let mut counted = usage_file.all()?;
        for (number, usage) in (0..SHARD_COUNT).zip(&mut counted) {
            if usage.is_none() {
                *usage = Some(listing::usage(&count(folder, number, cancellation)?));
            }
        }
        let mut candidates = EvictionCandidates::default();
        for step in 0..SHARD_COUNT {
            let excess = limits.excess(sum(&counted).unwrap_or_default());
            if excess == Usage::default() {
                return Ok(());
            }
            if candidates.usage.entries >= SAMPLE_ENTRIES
                && candidates.usage.entries >= excess.entries
                && candidates.usage.bytes >= excess.bytes
            {
                break;
            }
            let number = (shard + step) % SHARD_COUNT;
            let listed = count(folder, number, cancellation)?;
            counted[usize::from(number)] = Some(listing::usage(&listed));
            candidates.extend(number, listed, newest);
        }
        let excess = limits.excess(sum(&counted).unwrap_or_default());
        candidates.drop_oldest(folder, excess, cancellation)?;
    }
    Ok(())
}

/// Lists a shard, records its usage, and removes abandoned files.
fn count(folder: &Folder, number: u8, cancellation: &Cancellation) -> io::Result<Vec<ListedFile>> {
    let shard = LockedShard::lock(folder, number, cancellation)?;
    let listed = listing::list_shard(&shard_folder(&folder.root, number))?;
    shard.usage_file.set(number, listing::usage(&listed))?;
    for file in listed.iter().filter(|file| file.is_abandoned()) {
        listing::remove_file(&file.path)?;
    }
    Ok(listed)
}

/// Returns the usage of all shards, or `None` if a shard hasn't been counted.
fn sum(usage_file: &[Option<Usage>]) -> Option<Usage> {
    usage_file.iter().try_fold(Usage::default(), |sum, usage| Some(sum + (*usage)?))
}

impl Limits {
    fn allow(self, usage: Usage) -> bool {
        self.excess(usage) == Usage::default()
    }

    /// Returns the entries and bytes above the limits.
    fn excess(self, usage: Usage) -> Usage {
        let over = |limit: Option<u64>, held: u64| limit.map_or(0, |limit| held.saturating_sub(limit));
        Usage { entries: over(self.entries, usage.entries), bytes: over(self.bytes, usage.bytes) }
    }
}

/// Entries that may be evicted.
#[derive(Default)]
struct EvictionCandidates {
    entries: Vec<(u8, ListedFile)>,
    usage: Usage,
}

impl EvictionCandidates {
    fn extend(&mut self, shard: u8, listed: Vec<ListedFile>, newest: &Path) {
        for file in listed {
            if file.kind == FileKind::Entry && file.path != newest {
                self.usage = self.usage + Usage::one(file.bytes);
                self.entries.push((shard, file));
            }
        }
    }

    /// Removes the oldest entries: the excess, and a tenth of the candidates.
    fn drop_oldest(mut self, folder: &Folder, excess: Usage, cancellation: &Cancellation) -> io::Result<()> {
        let more = |excess: u64, sampled: u64| if excess == 0 { 0 } else { excess.saturating_add(sampled / 10) };
        let enough =
            Usage { entries: more(excess.entries, self.usage.entries), bytes: more(excess.bytes, self.usage.bytes) };
        self.entries.sort_by_key(|(_, file)| file.used);
        let mut chosen = Usage::default();
        let mut by_shard: BTreeMap<u8, Vec<ListedFile>> = BTreeMap::new();
        for (shard, file) in self.entries {
            if chosen.entries >= enough.entries && chosen.bytes >= enough.bytes {
                break;
            }
            chosen = chosen + Usage::one(file.bytes);
            by_shard.entry(shard).or_default().push(file);
        }
        for (number, files) in by_shard {
            let shard = LockedShard::lock(folder, number, cancellation)?;
            let mut removed = Usage::default();
            for file in files {
                let Some(metadata) = if_exists(fs::metadata(&file.path))? else { continue };
                // An entry that was replaced or used since stays.
                if metadata.modified()? == file.used && listing::remove_file(&file.path)? {
                    removed = removed + Usage::one(metadata.len());
                }
            }
            shard.usage_file.change(number, |usage| usage.minus(removed))?;
        }
        Ok(())
    }
}
