//! An exact table of keys and reasons. A key is identified by 28 bits of its hash: 24 here, and 4 that choose the
//! shard.

use super::absence_reason::AbsenceReason;

const WAYS: usize = 8;
const BYTES: usize = 3;
/// The bits of an id that a slot stores. The position of the slot determines the two bits above them.
const STORED_BITS: u32 = 22;
const MIN_BUCKETS: usize = 4;

/// A table of fingerprints. The top bits of an id determine its bucket, so a table can be rebuilt at another size from
/// its contents.
#[derive(Debug, Default)]
pub(crate) struct FingerprintTable {
    /// Either none, or a power of two. An empty slot is all zeros.
    buckets: Box<[[u8; WAYS * BYTES]]>,
}

impl FingerprintTable {
    pub(crate) fn with_buckets(buckets: usize) -> Self {
        debug_assert!(buckets.is_power_of_two() && buckets >= MIN_BUCKETS);
        Self { buckets: vec![[0; WAYS * BYTES]; buckets].into_boxed_slice() }
    }

    /// Returns the reason of this key, if the table has it.
    pub(crate) fn find(&self, id: u32) -> Option<AbsenceReason> {
        let bucket = self.buckets.get(self.bucket_of(id))?;
        let way = way_of(bucket, id)?;
        Some(AbsenceReason::from_bits(slot(bucket, way) & 3))
    }

    /// Sets the reason of this key.
    ///
    /// # Errors
    ///
    /// Returns [`BucketFull`] if the bucket has no free slot.
    pub(crate) fn set(&mut self, id: u32, reason: AbsenceReason) -> Result<(), BucketFull> {
        let at = self.bucket_of(id);
        let bucket = self.buckets.get_mut(at).ok_or(BucketFull)?;
        let way = way_of(bucket, id).or_else(|| (0..WAYS).find(|&way| slot(bucket, way) == 0)).ok_or(BucketFull)?;
        put(bucket, way, kept(id) << 2 | reason as u32);
        Ok(())
    }

    /// Inserts the key into a full bucket, in a slot chosen by `random`. Returns the key that was there.
    pub(crate) fn replace(&mut self, id: u32, reason: AbsenceReason, random: u64) -> (u32, AbsenceReason) {
        let at = self.bucket_of(id);
        let way = (random % WAYS as u64) as usize;
        let old = self.read(at, way);
        put(&mut self.buckets[at], way, kept(id) << 2 | reason as u32);
        old
    }

    pub(crate) fn remove(&mut self, id: u32) {
        let at = self.bucket_of(id);
        if let Some(bucket) = self.buckets.get_mut(at)
            && let Some(way) = way_of(bucket, id)
        {
            put(bucket, way, 0);
        }
    }

    /// Returns all keys with their reasons.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, AbsenceReason)> {
        let ways = (0..self.buckets.len()).flat_map(|at| (0..WAYS).map(move |way| (at, way)));
        ways.filter(|&(at, way)| slot(&self.buckets[at], way) != 0).map(|(at, way)| self.read(at, way))
    }

    /// Returns the number of buckets of the next larger table.
    pub(crate) fn next_size(&self) -> usize {
        (self.buckets.len() * 2).max(MIN_BUCKETS)
    }

    /// Returns the probability that a key which isn't in the table is mistaken for one that is.
    pub(crate) fn error(&self) -> f64 {
        let slots = self.iter().count() as f64;
        slots / f64::from(1_u32 << (STORED_BITS + 2))
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    fn bucket_of(&self, id: u32) -> usize {
        ((u64::from(id) * self.buckets.len() as u64) >> (STORED_BITS + 2)) as usize
    }

    fn read(&self, at: usize, way: usize) -> (u32, AbsenceReason) {
        let slot = slot(&self.buckets[at], way);
        // The two top bits of the index are those of the id.
        let top = (at * 4 / self.buckets.len()) as u32;
        (top << STORED_BITS | slot >> 2, AbsenceReason::from_bits(slot & 3))
    }
}

/// The bucket has no free slot.
#[derive(Debug, PartialEq)]
pub(crate) struct BucketFull;

/// Returns the id for this hash: the 24 bits above the lowest byte. The stored bits of an id are never all zero.
pub(crate) fn id_of(hash: u64) -> u32 {
    let id = (hash >> 8) as u32 & ((1 << (STORED_BITS + 2)) - 1);
    if kept(id) == 0 { id | 1 } else { id }
}

fn kept(id: u32) -> u32 {
    id & ((1 << STORED_BITS) - 1)
}

fn way_of(bucket: &[u8; WAYS * BYTES], id: u32) -> Option<usize> {
    let kept = kept(id);
    (0..WAYS).find(|&way| slot(bucket, way) >> 2 == kept)
}

fn slot(bucket: &[u8; WAYS * BYTES], way: usize) -> u32 {
    let at = way * BYTES;
    u32::from_le_bytes([bucket[at], bucket[at + 1], bucket[at + 2], 0])
}

fn put(bucket: &mut [u8; WAYS * BYTES], way: usize, slot: u32) {
    bucket[way * BYTES..][..BYTES].copy_from_slice(&slot.to_le_bytes()[..BYTES]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(key: u64) -> u32 {
        id_of(crate::insight::miss_reason::random::mix(key + 1))
    }

    #[test]
    fn table_returns_inserted_reasons_at_every_size() {
        for buckets in [4, 64, 256] {
            let mut table = FingerprintTable::with_buckets(buckets);
            let put: Vec<_> = (0..2 * buckets as u64)
                .map(|key| (id(key), AbsenceReason::from_bits(key as u32)))
                .filter(|&(id, reason)| table.set(id, reason).is_ok())
                .collect();
            assert!(put.len() >= 2 * buckets * 9 / 10);
            assert!(put.iter().all(|&(id, reason)| table.find(id) == Some(reason)));
            let mut held: Vec<_> = table.iter().map(|(id, reason)| (id, reason as u32)).collect();
            let mut expected: Vec<_> = put.iter().map(|&(id, reason)| (id, reason as u32)).collect();
            held.sort_unstable();
            expected.sort_unstable();
            assert_eq!(held, expected);
            put.iter().for_each(|&(id, _)| table.remove(id));
            assert_eq!(table.iter().count(), 0);
        }
    }

    #[test]
    fn key_has_one_reason_and_replaces_another_in_a_full_bucket() {
        let mut table = FingerprintTable::with_buckets(MIN_BUCKETS);
        let of_one_bucket = (1..=8).map(|id| (id, AbsenceReason::Expired));
        of_one_bucket.clone().for_each(|(id, reason)| assert_eq!(table.set(id, reason), Ok(())));
        assert_eq!(table.set(3, AbsenceReason::Evicted), Ok(()));
        assert_eq!((table.find(3), table.iter().count()), (Some(AbsenceReason::Evicted), 8));
        assert_eq!(table.set(9, AbsenceReason::Rejected), Err(BucketFull));
        assert_eq!(table.replace(9, AbsenceReason::Rejected, 2), (3, AbsenceReason::Evicted));
        assert_eq!((table.find(3), table.find(9)), (None, Some(AbsenceReason::Rejected)));
        assert_eq!(FingerprintTable::default().set(1, AbsenceReason::Expired), Err(BucketFull));
        assert_eq!(FingerprintTable::default().find(1), None);
    }
}
