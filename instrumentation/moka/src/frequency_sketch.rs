//! The access frequency of keys, estimated as moka does.

/// The seeds of moka's sketch.
const SEEDS: [u64; 4] = [0xc3a5_c85c_97cb_3127, 0xb492_b66f_be98_f273, 0x9ae1_6a3b_2f90_404f, 0xcbf2_9ce4_8422_2325];

/// Estimates how often keys were requested: moka's count-min sketch of 4-bit counters with exponential decay (all
/// counters are halved from time to time).
pub(crate) struct FrequencySketch {
    /// Words of 16 counters. Empty until the cache is half full.
    table: Box<[u64]>,
    counted: u32,
    halved_at: u32,
}

impl FrequencySketch {
    pub(crate) fn disabled() -> Self {
        Self { table: Box::default(), counted: 0, halved_at: 0 }
    }

    /// Creates a sketch for `entries` entries. moka uses at least 128, which would remember too many keys in a
    /// scaled-down simulation.
    pub(crate) fn new(entries: u32) -> Self {
        let size = entries.max(1).next_power_of_two() as usize;
        Self { table: vec![0; size].into_boxed_slice(), counted: 0, halved_at: entries.max(1).saturating_mul(10) }
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.table.is_empty()
    }

    /// Returns the heap memory of the sketch in bytes.
    pub(crate) fn memory(&self) -> usize {
        size_of_val(&*self.table)
    }

    /// Returns the table index and bit shift of each of the four counters of a hash.
    fn counts(&self, hash: u64) -> impl Iterator<Item = (usize, u64)> + use<> {
        let mask = self.table.len().wrapping_sub(1);
        (0..).zip(SEEDS).map(move |(depth, seed)| {
            let mixed = hash.wrapping_add(seed).wrapping_mul(seed);
            let at = mixed.wrapping_add(mixed >> 32) as usize & mask;
            (at, (((hash & 3) << 2) + depth) << 2)
        })
    }

    pub(crate) fn frequency(&self, hash: u64) -> u32 {
        if self.table.is_empty() {
            return 0;
        }
        self.counts(hash).map(|(at, shift)| (self.table[at] >> shift) as u32 & 0xf).min().unwrap_or(0)
    }

    pub(crate) fn increment(&mut self, hash: u64) {
        if self.table.is_empty() {
            return;
        }
        let mut is_counted = false;
        for (at, shift) in self.counts(hash) {
            let word = &mut self.table[at];
            if (*word >> shift) & 0xf != 0xf {
                *word += 1 << shift;
                is_counted = true;
            }
        }
        self.counted += u32::from(is_counted);
        if is_counted && self.counted >= self.halved_at {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let mut odd = 0;
        for word in &mut self.table {
            odd += (*word & 0x1111_1111_1111_1111).count_ones();
            *word = (*word >> 1) & 0x7777_7777_7777_7777;
        }
        self.counted = (self.counted >> 1).saturating_sub(odd >> 2);
    }
}
