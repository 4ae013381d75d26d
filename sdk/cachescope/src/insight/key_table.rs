//! Where sampled keys are kept.

use crate::insight::candidate_lives::Marks;
use crate::insight::sampling_level::SamplingLevel;

/// The most keys.
pub(crate) const MOST: usize = 4096;
/// Where chains begin. As many as keys would save one step of a chain in four, for 4 KiB more.
const PLACES: usize = MOST / 2;
/// No key.
const NONE: u16 = u16::MAX;

/// What is known of a key.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SampledKey {
    /// Its level, and 24 other bits of its hash: two keys of the sample share them once in some ten thousand tables.
    tag: u32,
    /// When it was last asked for, in units of the table's user: the last 32 bits.
    pub(crate) last: u32,
    /// The next of those at the same place.
    next: u16,
    pub(crate) marks: Marks,
    pub(crate) flags: u8,
}

impl SampledKey {
    pub(crate) fn level(&self) -> SamplingLevel {
        SamplingLevel((self.tag >> 24) as u8)
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Takes `off` away and puts `on`.
    pub(crate) fn flag(&mut self, off: u8, on: u8) {
        self.flags = self.flags & !off | on;
    }
}

/// At most 4,096 keys, found by their hash: a hash table with chains.
///
/// Takes 4 KiB, and 16 bytes a key, for which room is made by doubling.
#[derive(Debug)]
pub(crate) struct KeyTable {
    /// In no order.
    keys: Vec<SampledKey>,
    heads: Box<[u16]>,
}

impl KeyTable {
    pub(crate) fn new() -> Self {
        Self { keys: Vec::new(), heads: vec![NONE; PLACES].into() }
    }

    pub(crate) fn keys(&self) -> &[SampledKey] {
        &self.keys
    }

    pub(crate) fn keys_mut(&mut self) -> &mut [SampledKey] {
        &mut self.keys
    }

    pub(crate) fn is_full(&self) -> bool {
        self.keys.len() == MOST
    }

    /// Where the key of this hash is, if it is there.
    pub(crate) fn find(&self, hash: u64) -> Option<usize> {
        let tag = tag_of(hash);
        let mut at = self.heads[place(tag)];
        while at != NONE {
            let key = &self.keys[usize::from(at)];
            if key.tag == tag {
                return Some(usize::from(at));
            }
            at = key.next;
        }
        None
    }

    /// Adds a key that isn't there, and gives its place. `None` if the table is full.
    pub(crate) fn insert(&mut self, hash: u64) -> Option<usize> {
        if self.is_full() {
            return None;
        }
        let at = self.keys.len();
        self.keys.push(SampledKey { tag: tag_of(hash), ..SampledKey::default() });
        self.link(at);
        Some(at)
    }

    /// Keeps the keys of which this says true. Looks at all, and moves them.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&SampledKey) -> bool) {
        let mut keep = keep;
        self.keys.retain(|key| keep(key));
        self.heads.fill(NONE);
        (0..self.keys.len()).for_each(|at| self.link(at));
    }

    /// Bytes it takes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.keys.capacity() * size_of::<SampledKey>() + size_of_val(&*self.heads)
    }

    fn link(&mut self, at: usize) {
        let key = &mut self.keys[at];
        let head = &mut self.heads[place(key.tag)];
        key.next = std::mem::replace(head, at as u16);
    }
}

/// Sampled hashes begin with zeros, and how well their last bits are mixed is for the hasher to say: here they are
/// mixed.
fn tag_of(hash: u64) -> u32 {
    let mixed = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    u32::from(SamplingLevel::of(hash).0) << 24 | mixed as u32
}

fn place(tag: u32) -> usize {
    tag as usize % PLACES
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
    fn it_takes_68_kibibytes() {
        let mut table = KeyTable::new();
        assert_eq!(table.memory(), 4 << 10);
        (1..=4096_u64).for_each(|n| assert!(table.insert(n << 40).is_some()));
        assert_eq!(table.memory(), 68 << 10);
    }
}
