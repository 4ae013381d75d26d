//! Keys of which is known about why they left: a Bloom filter, a cache line per key.

use super::dice::{Dice, mix};
use super::reason::Reason;

const WORDS: usize = 8;
const BITS: u32 = 512;
/// Bits that a pair of a size eviction sets: of these there are so many that more would fill the filter.
const BITS_A_PAIR: usize = 4;
/// Bits that a pair of a rarer reason sets, so that few keys are taken for one of these by chance.
const BITS_OF_RARE: usize = 8;
/// Of a block's 512 bits, those that may be set: one key in five that was never seen is then taken for a known one,
/// and far fewer on average.
const MOST_SET: u32 = 338;
/// The same in a scan, of all blocks but the probes.
const MOST_SET_IN_A_SCAN: u32 = 225;
/// One block in so many keeps as much in a scan as it would otherwise, and so can tell when more of it would be known.
const PROBES: usize = 32;

type Block = [u64; WORDS];

/// A blocked Bloom filter of pairs of a key and a reason.
///
/// It forgets a block at a time: bits cleared here and there would forget four keys for every one they make room for.
#[derive(Debug)]
pub(super) struct Filter {
    blocks: Box<[Block]>,
    /// How many pairs of each reason were put in.
    put: [u32; Reason::ALL.len()],
    /// Pairs put in that weren't there.
    learnt: f64,
    /// How many of them have been forgotten, by what is to be expected.
    lost: f64,
}

impl Filter {
    pub(super) fn of(blocks: usize) -> Self {
        let blocks = vec![[0; WORDS]; blocks].into_boxed_slice();
        Self { blocks, put: [0; Reason::ALL.len()], learnt: 0.0, lost: 0.0 }
    }

    /// The reason of this key, if one is known here.
    pub(super) fn find(&self, id: u32) -> Option<Reason> {
        let block = &self.blocks[self.block_of(id)];
        let known = Reason::ALL.into_iter().filter(|&reason| self.has_any(reason) && holds(block, places(id, reason)));
        // Of two, one is there by chance: more likely the one that fewer keys have.
        known.max_by_key(|&reason| self.put[reason as usize])
    }

    /// Whether the key's block is one of those that a scan doesn't change.
    pub(super) fn is_probe(&self, id: u32) -> bool {
        is_probe(self.block_of(id))
    }

    /// Takes note of the reason, in the place of an earlier one of this key. A block that is full, which it sooner is in
    /// a scan, is emptied first.
    pub(super) fn put(&mut self, id: u32, reason: Reason, is_in_a_scan: bool, dice: &mut Dice) {
        self.drop_others(id, reason, dice);
        self.put[reason as usize] = self.put[reason as usize].saturating_add(1);
        let at = self.block_of(id);
        let block = &mut self.blocks[at];
        let places = places(id, reason);
        if holds(block, places) {
            return;
        }
        let full = fullness(block);
        let most = if is_in_a_scan && !is_probe(at) { MOST_SET_IN_A_SCAN } else { MOST_SET };
        if full * f64::from(BITS) >= f64::from(most) {
            self.lost += pairs_a_bit(full) * f64::from(BITS) / BITS_A_PAIR as f64;
            *block = [0; WORDS];
        }
        places.into_iter().for_each(|place| block[place / 64] |= 1 << (place % 64));
        self.learnt += 1.0;
    }

    /// Sees to it that this key isn't taken for one with another reason, by a bit that other keys may have too: they
    /// are forgotten with it.
    fn drop_others(&mut self, id: u32, reason: Reason, dice: &mut Dice) {
        let (at, own) = (self.block_of(id), places(id, reason));
        for other in Reason::ALL {
            let mut places = places(id, other);
            if other == reason || !self.has_any(other) || !holds(&self.blocks[at], places) {
                continue;
            }
            places.rotate_left(dice.roll() as usize % BITS_OF_RARE);
            if let Some(place) = places.into_iter().find(|place| !own.contains(place)) {
                self.lost += pairs_a_bit(fullness(&self.blocks[at]));
                self.blocks[at][place / 64] &= !(1 << (place % 64));
            }
        }
    }

    /// The probability that a key that isn't in it is taken for one that is.
    pub(super) fn error(&self) -> f64 {
        let reasons = || Reason::ALL.into_iter().filter(|&reason| self.has_any(reason));
        let of_block = |block: &Block| {
            let full = fullness(block);
            1.0 - reasons().map(|reason| 1.0 - full.powi(bits_of(reason) as i32)).product::<f64>()
        };
        self.blocks.iter().map(of_block).sum::<f64>() / self.blocks.len() as f64
    }

    /// How many pairs it was told, and about how many of these it has forgotten.
    pub(super) fn learnt_and_lost(&self) -> (f64, f64) {
        (self.learnt, self.lost.min(self.learnt))
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.blocks)
    }

    fn has_any(&self, reason: Reason) -> bool {
        self.put[reason as usize] > 0
    }

    fn block_of(&self, id: u32) -> usize {
        let mixed = u64::from(id.wrapping_mul(0x9E37_79B1));
        ((mixed * self.blocks.len() as u64) >> 32) as usize
    }
}

fn is_probe(block: usize) -> bool {
    block.is_multiple_of(PROBES)
}

/// Where in its block a pair has its bits; where it has fewer, the first come again.
fn places(id: u32, reason: Reason) -> [usize; BITS_OF_RARE] {
    let mixed = mix(u64::from(id) << 2 | reason as u64);
    // The eighth place has bits of others, which does no harm: what is there is chance all the same.
    std::array::from_fn(|nth| mixed.rotate_right(9 * (nth % bits_of(reason)) as u32) as usize % BITS as usize)
}

fn bits_of(reason: Reason) -> usize {
    if reason == Reason::Evicted { BITS_A_PAIR } else { BITS_OF_RARE }
}

fn holds(block: &Block, places: [usize; BITS_OF_RARE]) -> bool {
    places.into_iter().all(|place| block[place / 64] >> (place % 64) & 1 == 1)
}

/// The share of its bits that is set.
fn fullness(block: &Block) -> f64 {
    f64::from(block.iter().map(|word| word.count_ones()).sum::<u32>()) / f64::from(BITS)
}

/// How many pairs have a bit, on average, where this share of the bits is set.
fn pairs_a_bit(full: f64) -> f64 {
    -(1.0 - full).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_reason_takes_the_place_of_an_earlier_one() {
        let (mut filter, mut dice) = (Filter::of(64), Dice::of(1));
        (1..500).for_each(|id| filter.put(id * 7_919, Reason::Evicted, false, &mut dice));
        filter.put(7_919, Reason::Expired, false, &mut dice);
        assert_eq!(filter.find(7_919), Some(Reason::Expired));
        filter.put(7_919, Reason::Evicted, false, &mut dice);
        assert_eq!(filter.find(7_919), Some(Reason::Evicted));
    }

    #[test]
    fn a_full_block_is_emptied_and_counts_as_forgotten() {
        let (mut filter, mut dice) = (Filter::of(1), Dice::of(1));
        (0..10_000).for_each(|id| filter.put(mix(id) as u32 >> 8, Reason::Evicted, false, &mut dice));
        let (learnt, lost) = filter.learnt_and_lost();
        assert!(learnt - lost < 150.0 && learnt > 9_000.0, "{learnt} {lost}");
        assert!(filter.error() <= (342.0_f64 / 512.0).powi(4), "{}", filter.error());
        assert_eq!(filter.find(mix(9_999) as u32 >> 8), Some(Reason::Evicted));
    }
}
