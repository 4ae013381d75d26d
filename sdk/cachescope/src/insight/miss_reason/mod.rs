//! The reasons of misses: a bounded memory of the keys that have left the cache.

mod absence_reason;
mod bloom_filter;
mod fingerprint_table;
mod random;

use std::mem;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use cachescope_core::{EvictionReason, MissReason};

use self::absence_reason::AbsenceReason;
use self::bloom_filter::ReasonFilter;
use self::fingerprint_table::{FingerprintTable, id_of};
use self::random::SplitMix64;

const SHARDS: usize = 16;
/// The largest table of a shard: 6 KiB. With more keys, a filter replaces it.
const MAX_BUCKETS: usize = 256;
/// The size of the table beside a filter. It holds the rarer reasons.
const BUCKETS_WITH_FILTER: usize = 8;
/// The size of a shard's filter: 8.1 KiB.
const BLOCKS: usize = 129;
/// After this many requests to a shard's probes, older requests count half.
const PROBE_WINDOW: u32 = 128;

/// The keys that left a cache or weren't stored, each with its last reason.
///
/// Allocates nothing before the first eviction, then grows to at most about 134 KiB. Up to about 10,000 keys the
/// reasons are practically exact. With more keys a Bloom filter is used: it mistakes some keys for others, and forgets
/// keys when it is full.
///
/// All methods except `memory` and `error` hold one short lock, of one of 16 shards.
#[derive(Debug, Default)]
pub(crate) struct MissReasons {
    shards: OnceLock<Box<[CacheAligned; SHARDS]>>,
}

/// The possible error of miss reasons. A cache remembers a bounded number of keys that have left it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MissReasonError {
    /// The probability that a key which was never cached is mistaken for one that has left.
    pub false_positive_rate: f64,
    /// The estimated share of the keys that have left and are forgotten. Such a key counts as cold.
    ///
    /// The estimate is too high rather than too low if keys leave for several reasons: keys that are forgotten and
    /// recorded again count twice.
    pub forgotten_share: f64,
}

impl MissReasons {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Records that the entry of a key was removed. The hash must have 64 well-mixed bits. A replaced entry is ignored.
    pub(crate) fn record_eviction(&self, hash: u64, reason: EvictionReason) {
        match reason {
            EvictionReason::Size => self.record(hash, AbsenceReason::Evicted),
            EvictionReason::Expired => self.record(hash, AbsenceReason::Expired),
            EvictionReason::Invalidated => self.record(hash, AbsenceReason::Invalidated),
            _ => {}
        }
    }

    /// Records that a loaded value of the key wasn't kept.
    pub(crate) fn record_rejection(&self, hash: u64) {
        self.record(hash, AbsenceReason::Rejected);
    }

    /// Returns why the key has no entry. Call it only if there is none.
    pub(crate) fn miss_reason(&self, hash: u64) -> MissReason {
        let Some(shards) = self.shards.get() else { return MissReason::Cold };
        let found = lock(&shards[shard_of(hash)]).find(id_of(hash));
        found.map_or(MissReason::Cold, AbsenceReason::to_miss_reason)
    }

    /// Returns the size in bytes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        let Some(shards) = self.shards.get() else { return size_of::<Self>() };
        let held: usize = shards.iter().map(|shard| lock(shard).memory()).sum();
        size_of::<Self>() + size_of_val(&**shards) + held
    }

    /// Returns the possible error. Reads the whole memory: about 20 microseconds.
    pub(crate) fn error(&self) -> MissReasonError {
        let (mut false_positives, mut recorded, mut forgotten_pairs) = (0.0, 0.0, 0.0);
        for shard in self.shards.get().into_iter().flat_map(|shards| shards.iter()) {
            let shard = lock(shard);
            false_positives += shard.table.error();
            if let Some(filter) = &shard.filter {
                let (filter_recorded, filter_forgotten) = filter.recorded_and_forgotten();
                (false_positives, recorded, forgotten_pairs) =
                    (false_positives + filter.error(), recorded + filter_recorded, forgotten_pairs + filter_forgotten);
            }
        }
        MissReasonError {
            false_positive_rate: false_positives / SHARDS as f64,
            forgotten_share: if recorded > 0.0 { forgotten_pairs / recorded } else { 0.0 },
        }
    }

    fn record(&self, hash: u64, reason: AbsenceReason) {
        let shards = self
            .shards
            .get_or_init(|| Box::new(std::array::from_fn(|nth| CacheAligned(Mutex::new(ReasonShard::new(nth))))));
        lock(&shards[shard_of(hash)]).record(id_of(hash), reason);
    }
}

fn lock(shard: &CacheAligned) -> MutexGuard<'_, ReasonShard> {
    shard.0.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shard_of(hash: u64) -> usize {
    hash as usize % SHARDS
}

/// A shard on its own cache line, so that threads at different shards don't share one.
#[derive(Debug)]
#[repr(align(64))]
struct CacheAligned(Mutex<ReasonShard>);

/// One sixteenth of the keys. A table holds all of them; from about 600 keys on, a filter and a small table replace it.
#[derive(Debug)]
struct ReasonShard {
    table: FingerprintTable,
    filter: Option<ReasonFilter>,
    random: SplitMix64,
    /// Recent lookups in the filter's probes, and how many of them found nothing.
    probes: u32,
    probe_misses: u32,
}

impl ReasonShard {
    fn new(nth: usize) -> Self {
        Self {
            table: FingerprintTable::default(),
            filter: None,
            random: SplitMix64::new(nth as u64),
            probes: 0,
            probe_misses: 0,
        }
    }

    fn find(&mut self, id: u32) -> Option<AbsenceReason> {
        let found = self.table.find(id).or_else(|| self.filter.as_ref()?.find(id));
        if self.filter.as_ref().is_some_and(|filter| filter.is_probe(id)) {
            self.probes += 1;
            self.probe_misses += u32::from(found.is_none());
            if self.probes >= PROBE_WINDOW {
                (self.probes, self.probe_misses) = (self.probes / 2, self.probe_misses / 2);
            }
        }
        found
    }

    /// Returns whether nearly all misses are of new keys. False positives are expensive then, and memory is of little
    /// use.
    fn is_scanning(&self) -> bool {
        self.probes >= PROBE_WINDOW / 2 && self.probe_misses * 20 > self.probes * 17
    }

    fn record(&mut self, id: u32, reason: AbsenceReason) {
        while self.filter.is_none() {
            if self.table.set(id, reason).is_ok() {
                return;
            }
            self.grow();
        }
        self.record_in_filter(id, reason);
    }

    /// Most reasons are evictions by size, which go into the filter. The table holds the latest of the others.
    fn record_in_filter(&mut self, id: u32, reason: AbsenceReason) {
        let is_scanning = self.is_scanning();
        let Some(filter) = &mut self.filter else { return };
        if reason == AbsenceReason::Evicted {
            self.table.remove(id);
            filter.insert(id, reason, is_scanning, &mut self.random);
        } else if self.table.set(id, reason).is_err() {
            let (id, reason) = self.table.replace(id, reason, self.random.next_u64());
            filter.insert(id, reason, is_scanning, &mut self.random);
        }
    }

    fn grow(&mut self) {
        let size = self.table.next_size();
        let is_last = size > MAX_BUCKETS;
        let old = mem::replace(
            &mut self.table,
            FingerprintTable::with_buckets(if is_last { BUCKETS_WITH_FILTER } else { size }),
        );
        self.filter = is_last.then(|| ReasonFilter::with_blocks(BLOCKS));
        // The entries of one bucket always fit into the two buckets that replace it.
        old.iter().for_each(|(id, reason)| self.record(id, reason));
    }

    #[cfg(test)]
    fn memory(&self) -> usize {
        self.table.memory() + self.filter.as_ref().map_or(0, ReasonFilter::memory)
    }
}

#[cfg(test)]
mod tests;
