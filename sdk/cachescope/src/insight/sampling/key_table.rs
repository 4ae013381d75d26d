//! The table of sampled keys.

use crate::insight::sampling::sampling_level::SamplingLevel;
use crate::insight::ttl::candidate_ttls::StoreTicks;

/// The largest number of keys.
pub(crate) const MAX_KEYS: usize = 4096;
/// The number of chains. Twice as many would save one step of a chain in four, for 4 KiB more.
const CHAINS: usize = MAX_KEYS / 2;
/// No key.
const NO_KEY: u16 = u16::MAX;

/// The data of a sampled key.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SampledKey {
    /// The level, and 24 other bits of the hash. Two sampled keys share them once in about ten thousand tables.
    tag: u32,
    /// The last 32 bits of the time of the last request, in units of [`KeySample`](super::key_sample::KeySample).
    pub(crate) last: u32,
    /// The index of the next key in the same chain.
    next: u16,
    pub(crate) store_ticks: StoreTicks,
    pub(crate) flags: u8,
}

impl SampledKey {
    pub(crate) fn level(&self) -> SamplingLevel {
        SamplingLevel((self.tag >> 24) as u8)
    }

    pub(crate) fn has_flag(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Clears the flags `off` and sets the flags `on`.
    pub(crate) fn set_flags(&mut self, off: u8, on: u8) {
        self.flags = self.flags & !off | on;
    }
}

/// At most 4,096 keys, found by their hash: a hash table with chains.
///
/// Takes 4 KiB, and 16 bytes per key. Grows by doubling.
#[derive(Debug)]
pub(crate) struct KeyTable {
    /// In no particular order.
    keys: Vec<SampledKey>,
    heads: Box<[u16]>,
}

impl KeyTable {
    pub(crate) fn new() -> Self {
        Self { keys: Vec::new(), heads: vec![NO_KEY; CHAINS].into() }
    }

    pub(crate) fn keys(&self) -> &[SampledKey] {
        &self.keys
    }

    pub(crate) fn keys_mut(&mut self) -> &mut [SampledKey] {
        &mut self.keys
    }

    pub(crate) fn is_full(&self) -> bool {
        self.keys.len() == MAX_KEYS
    }

    /// Returns the index of the key with this hash.
    pub(crate) fn find(&self, hash: u64) -> Option<usize> {
        let tag = tag_of(hash);
        let mut at = self.heads[chain(tag)];
        while at != NO_KEY {
            let key = &self.keys[usize::from(at)];
            if key.tag == tag {
                return Some(usize::from(at));
            }
            at = key.next;
        }
        None
    }

    /// Adds a key that isn't in the table, and returns its index. `None` if the table is full.
    pub(crate) fn insert(&mut self, hash: u64) -> Option<usize> {
        if self.is_full() {
            return None;
        }
        let at = self.keys.len();
        self.keys.push(SampledKey { tag: tag_of(hash), ..SampledKey::default() });
        self.link(at);
        Some(at)
    }

    /// Keeps the keys for which `keep` returns true. Visits all keys, and changes their indexes.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&SampledKey) -> bool) {
        let mut keep = keep;
        self.keys.retain(|key| keep(key));
        self.heads.fill(NO_KEY);
        (0..self.keys.len()).for_each(|at| self.link(at));
    }

    /// Returns the size in bytes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.keys.capacity() * size_of::<SampledKey>() + size_of_val(&*self.heads)
    }

    fn link(&mut self, at: usize) {
        let key = &mut self.keys[at];
        let head = &mut self.heads[chain(key.tag)];
        key.next = std::mem::replace(head, at as u16);
    }
}

/// Returns the tag of a hash. Sampled hashes begin with zeros, and their last bits may be poorly mixed by the hasher,
/// so they are mixed here.
fn tag_of(hash: u64) -> u32 {
    let mixed = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    u32::from(SamplingLevel::of(hash).0) << 24 | mixed as u32
}

fn chain(tag: u32) -> usize {
    tag as usize % CHAINS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_until_they_are_dropped() {
        let mut table = KeyTable::new();
        let mixed = |n: u64| (n ^ n << 40).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let hash = |n: u64| (mixed(n) ^ mixed(n) >> 29).wrapping_mul(0x94D0_49BB_1331_11EB) >> 4;
        for n in 1..=4096 {
            assert_eq!(table.find(hash(n)), None);
            let at = table.insert(hash(n)).unwrap();
            table.keys_mut()[at].last = n as u32;
        }
        assert!(table.is_full());
        assert_eq!(table.insert(hash(5000)), None);
        table.retain(|key| key.last % 3 == 0);
        for n in 1..=4096 {
            let found = table.find(hash(n)).map(|at| table.keys()[at].last);
            assert_eq!(found, (n % 3 == 0).then_some(n as u32));
        }
        assert_eq!((table.keys().len(), table.is_full()), (1365, false));
    }

    #[test]
    fn full_table_takes_68_kibibytes() {
        let mut table = KeyTable::new();
        assert_eq!(table.memory(), 4 << 10);
        (1..=4096_u64).for_each(|n| assert!(table.insert(n << 40).is_some()));
        assert_eq!(table.memory(), 68 << 10);
    }
}
