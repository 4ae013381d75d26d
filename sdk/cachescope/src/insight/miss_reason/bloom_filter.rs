//! An approximate set of keys and reasons: a Bloom filter with one cache line per key.

use super::absence_reason::AbsenceReason;
use super::random::{SplitMix64, mix};

const WORDS: usize = 8;
const BITS: u32 = 512;
/// The bits that an eviction by size sets. Such evictions are frequent, so more bits would fill the filter.
const BITS_PER_PAIR: usize = 4;
/// The bits that a rarer reason sets, so that few keys are mistaken for one with such a reason.
const BITS_PER_RARE_PAIR: usize = 8;
/// The bits of a block's 512 that may be set. At this level one unknown key in five is mistaken for a known one; on
/// average far fewer are.
const MAX_SET_BITS: u32 = 338;
/// The same limit during a scan, for all blocks but the probes.
const MAX_SET_BITS_IN_SCAN: u32 = 225;
/// One block in this many is a probe. A probe keeps its usual limit during a scan, so it shows when more keys would be
/// recognised again.
const PROBE_INTERVAL: usize = 32;

type Block = [u64; WORDS];

/// A blocked Bloom filter of pairs of a key and a reason.
///
/// It forgets a whole block at a time. Clearing single bits would forget four keys for every key that fits in instead.
#[derive(Debug)]
pub(crate) struct ReasonFilter {
    blocks: Box<[Block]>,
    /// The number of inserted pairs of each reason.
    inserted: [u32; AbsenceReason::ALL.len()],
    /// The number of inserted pairs that weren't there before.
    recorded: f64,
    /// The estimated number of recorded pairs that have been forgotten.
    forgotten_pairs: f64,
}

impl ReasonFilter {
    pub(crate) fn with_blocks(blocks: usize) -> Self {
        let blocks = vec![[0; WORDS]; blocks].into_boxed_slice();
        Self { blocks, inserted: [0; AbsenceReason::ALL.len()], recorded: 0.0, forgotten_pairs: 0.0 }
    }

    /// Returns the reason of this key, if the filter has one.
    pub(crate) fn find(&self, id: u32) -> Option<AbsenceReason> {
        let block = &self.blocks[self.block_of(id)];
        let known = AbsenceReason::ALL
            .into_iter()
            .filter(|&reason| self.has_recorded(reason) && has_all_bits(block, bit_positions(id, reason)));
        // If two reasons match, one is a false positive: more likely the one with fewer keys.
        known.max_by_key(|&reason| self.inserted[reason as usize])
    }

    /// Returns whether the key's block is a probe, which a scan doesn't change.
    pub(crate) fn is_probe(&self, id: u32) -> bool {
        is_probe(self.block_of(id))
    }

    /// Inserts the reason of a key, instead of an earlier one. A full block is emptied first; in a scan a block is full
    /// earlier.
    pub(crate) fn insert(&mut self, id: u32, reason: AbsenceReason, is_scanning: bool, random: &mut SplitMix64) {
        self.clear_other_reasons(id, reason, random);
        self.inserted[reason as usize] = self.inserted[reason as usize].saturating_add(1);
        let at = self.block_of(id);
        let block = &mut self.blocks[at];
        let bit_positions = bit_positions(id, reason);
        if has_all_bits(block, bit_positions) {
            return;
        }
        let full = fill_ratio(block);
        let limit = if is_scanning && !is_probe(at) { MAX_SET_BITS_IN_SCAN } else { MAX_SET_BITS };
        if full * f64::from(BITS) >= f64::from(limit) {
            self.forgotten_pairs += pairs_per_bit(full) * f64::from(BITS) / BITS_PER_PAIR as f64;
            *block = [0; WORDS];
        }
        bit_positions.into_iter().for_each(|bit| block[bit / 64] |= 1 << (bit % 64));
        self.recorded += 1.0;
    }

    /// Clears one bit of every other reason of this key. Other keys may share the bit, and are forgotten with it.
    fn clear_other_reasons(&mut self, id: u32, reason: AbsenceReason, random: &mut SplitMix64) {
        let (at, own) = (self.block_of(id), bit_positions(id, reason));
        for other in AbsenceReason::ALL {
            let mut bit_positions = bit_positions(id, other);
            if other == reason || !self.has_recorded(other) || !has_all_bits(&self.blocks[at], bit_positions) {
                continue;
            }
            bit_positions.rotate_left(random.next_u64() as usize % BITS_PER_RARE_PAIR);
            if let Some(bit) = bit_positions.into_iter().find(|bit| !own.contains(bit)) {
                self.forgotten_pairs += pairs_per_bit(fill_ratio(&self.blocks[at]));
                self.blocks[at][bit / 64] &= !(1 << (bit % 64));
            }
        }
    }

    /// Returns the probability that a key which isn't in the filter is mistaken for one that is.
    pub(crate) fn error(&self) -> f64 {
        let reasons = || AbsenceReason::ALL.into_iter().filter(|&reason| self.has_recorded(reason));
        let of_block = |block: &Block| {
            let full = fill_ratio(block);
            1.0 - reasons().map(|reason| 1.0 - full.powi(bits_per_pair(reason) as i32)).product::<f64>()
        };
        self.blocks.iter().map(of_block).sum::<f64>() / self.blocks.len() as f64
    }

    /// Returns the number of recorded pairs, and the estimated number of forgotten ones.
    pub(crate) fn recorded_and_forgotten(&self) -> (f64, f64) {
        (self.recorded, self.forgotten_pairs.min(self.recorded))
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        size_of_val(&*self.blocks)
    }

    fn has_recorded(&self, reason: AbsenceReason) -> bool {
        self.inserted[reason as usize] > 0
    }

    fn block_of(&self, id: u32) -> usize {
        let mixed = u64::from(id.wrapping_mul(0x9E37_79B1));
        ((mixed * self.blocks.len() as u64) >> 32) as usize
    }
}

fn is_probe(block: usize) -> bool {
    block.is_multiple_of(PROBE_INTERVAL)
}

/// Returns the bit positions of a pair within its block. A pair with fewer bits repeats its first ones.
fn bit_positions(id: u32, reason: AbsenceReason) -> [usize; BITS_PER_RARE_PAIR] {
    let mixed = mix(u64::from(id) << 2 | reason as u64);
    // The eighth position overlaps the bits of others. That does no harm, since all positions are pseudo-random.
    std::array::from_fn(|nth| mixed.rotate_right(9 * (nth % bits_per_pair(reason)) as u32) as usize % BITS as usize)
}

fn bits_per_pair(reason: AbsenceReason) -> usize {
    if reason == AbsenceReason::Evicted { BITS_PER_PAIR } else { BITS_PER_RARE_PAIR }
}

fn has_all_bits(block: &Block, bit_positions: [usize; BITS_PER_RARE_PAIR]) -> bool {
    bit_positions.into_iter().all(|bit| block[bit / 64] >> (bit % 64) & 1 == 1)
}

/// Returns the share of the bits that are set.
fn fill_ratio(block: &Block) -> f64 {
    f64::from(block.iter().map(|word| word.count_ones()).sum::<u32>()) / f64::from(BITS)
}

/// Returns the average number of pairs that share a bit, at this fill ratio.
fn pairs_per_bit(full: f64) -> f64 {
    -(1.0 - full).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_reason_replaces_an_earlier_one() {
        let (mut filter, mut random) = (ReasonFilter::with_blocks(64), SplitMix64::new(1));
        (1..500).for_each(|id| filter.insert(id * 7_919, AbsenceReason::Evicted, false, &mut random));
        filter.insert(7_919, AbsenceReason::Expired, false, &mut random);
        assert_eq!(filter.find(7_919), Some(AbsenceReason::Expired));
        filter.insert(7_919, AbsenceReason::Evicted, false, &mut random);
        assert_eq!(filter.find(7_919), Some(AbsenceReason::Evicted));
    }

    #[test]
    fn full_block_is_emptied_and_counted_as_forgotten() {
        let (mut filter, mut random) = (ReasonFilter::with_blocks(1), SplitMix64::new(1));
        (0..10_000).for_each(|id| filter.insert(mix(id) as u32 >> 8, AbsenceReason::Evicted, false, &mut random));
        let (recorded, forgotten_pairs) = filter.recorded_and_forgotten();
        assert!(recorded - forgotten_pairs < 150.0 && recorded > 9_000.0, "{recorded} {forgotten_pairs}");
        assert!(filter.error() <= (342.0_f64 / 512.0).powi(4), "{}", filter.error());
        assert_eq!(filter.find(mix(9_999) as u32 >> 8), Some(AbsenceReason::Evicted));
    }
}
