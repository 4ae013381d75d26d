//! Making room where a limit is exceeded.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use crate::error::found;
use crate::folder::{Folder, Limits};
use crate::job::Asker;
use crate::levels::{Level, Levels};
use crate::listing::{self, Kind, Listed};
use crate::place::{SHARDS, shard_folder};
use crate::shard::{Shard, wait_for};

/// Keys spread evenly over shards, so the oldest of so many are about the oldest of all.
const SAMPLE: u64 = 512;

/// What is dropped at the first go may have been used or dropped by others meanwhile.
const ROUNDS: u8 = 4;

/// Drops the entries that weren't used for the longest time, until what is left keeps the limits. `newest` stays.
///
/// Costs one read of a small file where it does. Where it doesn't, the files of so many shards are listed as hold 512
/// entries, or what is too much; a tenth of those is dropped, so that most puts find room. One at a time does so.
pub(crate) fn make(folder: &Folder, newest: &Path, shard: u8, asker: &Asker) -> io::Result<()> {
    let levels = Levels::of(folder);
    let limits = folder.limits;
    if !limits.any() || sum(&levels.all()?).is_some_and(|sum| limits.allow(sum)) {
        return Ok(());
    }
    let path = folder.root.join("room");
    let lock = folder.in_made(&path, || OpenOptions::new().create(true).truncate(false).write(true).open(&path))?;
    wait_for(&lock, asker)?;
    for _ in 0..ROUNDS {
        let mut counted = levels.all()?;
        for (number, level) in (0..SHARDS).zip(&mut counted) {
            if level.is_none() {
                *level = Some(listing::level(&count(folder, number, asker)?));
            }
        }
        let mut sample = Sample::default();
        for step in 0..SHARDS {
            let excess = limits.excess(sum(&counted).unwrap_or_default());
            if excess == Level::default() {
                return Ok(());
            }
            if sample.level.entries >= SAMPLE
                && sample.level.entries >= excess.entries
                && sample.level.bytes >= excess.bytes
            {
                break;
            }
            let number = (shard + step) % SHARDS;
            let listed = count(folder, number, asker)?;
            counted[usize::from(number)] = Some(listing::level(&listed));
            sample.take(number, listed, newest);
        }
        let excess = limits.excess(sum(&counted).unwrap_or_default());
        sample.drop_oldest(folder, excess, asker)?;
    }
    Ok(())
}

/// Lists a shard, writes down what it holds, and drops what was never finished.
fn count(folder: &Folder, number: u8, asker: &Asker) -> io::Result<Vec<Listed>> {
    let shard = Shard::lock(folder, number, asker)?;
    let listed = listing::of_shard(&shard_folder(&folder.root, number))?;
    shard.levels.set(number, listing::level(&listed))?;
    for file in listed.iter().filter(|file| file.is_abandoned()) {
        listing::drop_file(&file.path)?;
    }
    Ok(listed)
}

/// `None` where not all are counted.
fn sum(levels: &[Option<Level>]) -> Option<Level> {
    levels.iter().try_fold(Level::default(), |sum, level| Some(sum + (*level)?))
}

impl Limits {
    fn allow(self, level: Level) -> bool {
        self.excess(level) == Level::default()
    }

    /// How much is too much.
    fn excess(self, level: Level) -> Level {
        let over = |limit: Option<u64>, held: u64| limit.map_or(0, |limit| held.saturating_sub(limit));
        Level { entries: over(self.entries, level.entries), bytes: over(self.bytes, level.bytes) }
    }
}

/// Entries that may leave.
#[derive(Default)]
struct Sample {
    entries: Vec<(u8, Listed)>,
    level: Level,
}

impl Sample {
    fn take(&mut self, shard: u8, listed: Vec<Listed>, newest: &Path) {
        for file in listed {
            if file.kind == Kind::Entry && file.path != newest {
                self.level = self.level + Level::one(file.bytes);
                self.entries.push((shard, file));
            }
        }
    }

    /// Drops the oldest: what is too much, and a tenth of the sample.
    fn drop_oldest(mut self, folder: &Folder, excess: Level, asker: &Asker) -> io::Result<()> {
        let more = |excess: u64, sampled: u64| if excess == 0 { 0 } else { excess.saturating_add(sampled / 10) };
        let enough =
            Level { entries: more(excess.entries, self.level.entries), bytes: more(excess.bytes, self.level.bytes) };
        self.entries.sort_by_key(|(_, file)| file.used);
        let mut chosen = Level::default();
        let mut by_shard: BTreeMap<u8, Vec<Listed>> = BTreeMap::new();
        for (shard, file) in self.entries {
            if chosen.entries >= enough.entries && chosen.bytes >= enough.bytes {
                break;
            }
            chosen = chosen + Level::one(file.bytes);
            by_shard.entry(shard).or_default().push(file);
        }
        for (number, files) in by_shard {
            let shard = Shard::lock(folder, number, asker)?;
            let mut dropped = Level::default();
            for file in files {
                let Some(metadata) = found(fs::metadata(&file.path))? else { continue };
                // Whoever replaced or used it meanwhile wants it.
                if metadata.modified()? == file.used && listing::drop_file(&file.path)? {
                    dropped = dropped + Level::one(metadata.len());
                }
            }
            shard.levels.change(number, |level| level.less(dropped))?;
        }
        Ok(())
    }
}
