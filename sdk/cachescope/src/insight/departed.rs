//! Why a key isn't there any more: a bounded memory of what has left.

mod dice;
mod filter;
mod reason;
mod tags;

use std::mem;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use cachescope_core::{EvictionReason, MissReason};

use self::dice::Dice;
use self::filter::Filter;
use self::reason::Reason;
use self::tags::{Tags, id_of};

const SHARDS: usize = 16;
/// How large a shard's table may get, 6 KiB, before a filter takes its place.
const MOST_BUCKETS: usize = 256;
/// The table beside a filter, of the rarer reasons.
const BUCKETS_BESIDE: usize = 8;
/// A shard's filter: 8.1 KiB.
const BLOCKS: usize = 129;
/// After so many questions to a shard's probes the older ones count half.
const RECENT: u32 = 128;

/// The keys that left a cache, or weren't let in, each with its last reason.
///
/// Takes nothing until one leaves, grows with them to about 134 KiB, and stays there. Up to some 10,000 keys it is
/// practically exact; of more it keeps a filter, which takes some keys for others, and forgets when it is full.
/// Every method but `memory` and `error` takes one short lock of a sixteenth of it.
#[derive(Debug, Default)]
pub(crate) struct Departed {
    shards: OnceLock<Box<[Place; SHARDS]>>,
}

/// How far the reasons of misses may be wrong: what a cache remembers of keys that have left it is bounded.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Doubt {
    /// The probability that a key which has never been there is taken for one that has left.
    pub taken_for_known: f64,
    /// About which share of the keys that have left is forgotten, and taken for cold. Too high rather than too low where
    /// keys leave for several reasons, as what was forgotten and learnt again counts.
    pub forgotten: f64,
}

impl Departed {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The entry of the key with this hash, of 64 well-mixed bits, left. One that was replaced is still there.
    pub(crate) fn left(&self, hash: u64, reason: EvictionReason) {
        match reason {
            EvictionReason::Size => self.note(hash, Reason::Evicted),
            EvictionReason::Expired => self.note(hash, Reason::Expired),
            EvictionReason::Invalidated => self.note(hash, Reason::Invalidated),
            _ => {}
        }
    }

    /// A value of the key was loaded and not kept.
    pub(crate) fn rejected(&self, hash: u64) {
        self.note(hash, Reason::Rejected);
    }

    /// Why there is no entry of the key: asked only if there is none.
    pub(crate) fn why(&self, hash: u64) -> MissReason {
        let Some(shards) = self.shards.get() else { return MissReason::Cold };
        let found = lock(&shards[shard_of(hash)]).find(id_of(hash));
        found.map_or(MissReason::Cold, Reason::miss)
    }

    /// Bytes that it takes, in all.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        let Some(shards) = self.shards.get() else { return size_of::<Self>() };
        let held: usize = shards.iter().map(|shard| lock(shard).memory()).sum();
        size_of::<Self>() + size_of_val(&**shards) + held
    }

    /// How far it is to be believed. Reads all of it: some 20 microseconds.
    pub(crate) fn error(&self) -> Doubt {
        let (mut taken, mut learnt, mut lost) = (0.0, 0.0, 0.0);
        for shard in self.shards.get().into_iter().flat_map(|shards| shards.iter()) {
            let shard = lock(shard);
            taken += shard.tags.error();
            if let Some(filter) = &shard.filter {
                let (of_learnt, of_lost) = filter.learnt_and_lost();
                (taken, learnt, lost) = (taken + filter.error(), learnt + of_learnt, lost + of_lost);
            }
        }
        Doubt { taken_for_known: taken / SHARDS as f64, forgotten: if learnt > 0.0 { lost / learnt } else { 0.0 } }
    }

    fn note(&self, hash: u64, reason: Reason) {
        let shards =
            self.shards.get_or_init(|| Box::new(std::array::from_fn(|nth| Place(Mutex::new(Shard::new(nth))))));
        lock(&shards[shard_of(hash)]).note(id_of(hash), reason);
    }
}

fn lock(place: &Place) -> MutexGuard<'_, Shard> {
    place.0.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shard_of(hash: u64) -> usize {
    hash as usize % SHARDS
}

/// Where a shard lies: threads that are at two of them don't share a cache line.
#[derive(Debug)]
#[repr(align(64))]
struct Place(Mutex<Shard>);

/// A sixteenth of the keys: a table of all; from some 600 on a filter, and a table of what the filter isn't
/// told.
#[derive(Debug)]
struct Shard {
    tags: Tags,
    filter: Option<Filter>,
    dice: Dice,
    /// Questions to the filter's probes lately, and how many of them were of keys that it doesn't know.
    asked: u32,
    unknown: u32,
}

impl Shard {
    fn new(nth: usize) -> Self {
        Self { tags: Tags::default(), filter: None, dice: Dice::of(nth as u64), asked: 0, unknown: 0 }
    }

    fn find(&mut self, id: u32) -> Option<Reason> {
        let found = self.tags.find(id).or_else(|| self.filter.as_ref()?.find(id));
        if self.filter.as_ref().is_some_and(|filter| filter.is_probe(id)) {
            self.asked += 1;
            self.unknown += u32::from(found.is_none());
            if self.asked >= RECENT {
                (self.asked, self.unknown) = (self.asked / 2, self.unknown / 2);
            }
        }
        found
    }

    /// Whether nearly all misses are of keys never seen, which makes a false answer dear and memory worth little.
    fn is_in_a_scan(&self) -> bool {
        self.asked >= RECENT / 2 && self.unknown * 20 > self.asked * 17
    }

    fn note(&mut self, id: u32, reason: Reason) {
        while self.filter.is_none() {
            if self.tags.set(id, reason).is_ok() {
                return;
            }
            self.grow();
        }
        self.note_in_filter(id, reason);
    }

    /// Size evictions, which are most, go into the filter; of the others the table has all, or what came last.
    fn note_in_filter(&mut self, id: u32, reason: Reason) {
        let is_in_a_scan = self.is_in_a_scan();
        let Some(filter) = &mut self.filter else { return };
        if reason == Reason::Evicted {
            self.tags.remove(id);
            filter.put(id, reason, is_in_a_scan, &mut self.dice);
        } else if self.tags.set(id, reason).is_err() {
            let (id, reason) = self.tags.replace(id, reason, self.dice.roll());
            filter.put(id, reason, is_in_a_scan, &mut self.dice);
        }
    }

    fn grow(&mut self) {
        let size = self.tags.next_size();
        let is_last = size > MOST_BUCKETS;
        let old = mem::replace(&mut self.tags, Tags::of(if is_last { BUCKETS_BESIDE } else { size }));
        self.filter = is_last.then(|| Filter::of(BLOCKS));
        // What was in one bucket finds room in the two that it becomes.
        old.iter().for_each(|(id, reason)| self.note(id, reason));
    }

    #[cfg(test)]
    fn memory(&self) -> usize {
        self.tags.memory() + self.filter.as_ref().map_or(0, Filter::memory)
    }
}

#[cfg(test)]
mod tests;
