//! How often keys were asked for, as moka remembers it.

/// moka's own.
const SEEDS: [u64; 4] = [0xc3a5_c85c_97cb_3127, 0xb492_b66f_be98_f273, 0x9ae1_6a3b_2f90_404f, 0xcbf2_9ce4_8422_2325];

/// Remembers, roughly, how often keys were asked for: moka's count-min sketch of 4-bit counts, halved now and then.
pub(crate) struct Sketch {
    /// 16 counts each. Empty until the cache is half full.
    table: Box<[u64]>,
    counted: u32,
    halved_at: u32,
}

impl Sketch {
    pub(crate) fn off() -> Self {
        Self { table: Box::default(), counted: 0, halved_at: 0 }
    }

    /// For so many entries. moka's is for 128 at least, which in a miniature would remember too much.
    pub(crate) fn of(entries: u32) -> Self {
        let size = entries.max(1).next_power_of_two() as usize;
        Self { table: vec![0; size].into_boxed_slice(), counted: 0, halved_at: entries.max(1).saturating_mul(10) }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes that it takes, beside its own size.
    pub(crate) fn memory(&self) -> usize {
        size_of_val(&*self.table)
    }

    /// Where in the table a hash has its four counts, and how far they are shifted there.
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
