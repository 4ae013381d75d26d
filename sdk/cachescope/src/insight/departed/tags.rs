//! Keys of which is known exactly why they left, as far as 28 bits of a hash tell keys apart.

use super::reason::Reason;

const WAYS: usize = 8;
const BYTES: usize = 3;
/// Of the id's bits, those that a slot keeps; the two above them are told by where the slot is.
const KEPT: u32 = 22;
const FEWEST_BUCKETS: usize = 4;

/// A table of fingerprints. A key's bucket follows from the top bits of its id, so that a table can be made larger or
/// smaller from what is in it.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// As many as a power of two, or none at all. An empty slot is all zero.
    buckets: Box<[[u8; WAYS * BYTES]]>,
}

impl Tags {
    pub(super) fn of(buckets: usize) -> Self {
        debug_assert!(buckets.is_power_of_two() && buckets >= FEWEST_BUCKETS);
        Self { buckets: vec![[0; WAYS * BYTES]; buckets].into_boxed_slice() }
    }

    /// The reason of this key, if it is known here.
    pub(super) fn find(&self, id: u32) -> Option<Reason> {
        let bucket = self.buckets.get(self.bucket_of(id))?;
        let way = way_of(bucket, id)?;
        Some(Reason::of(slot(bucket, way) & 3))
    }

    /// Sets the reason of this key.
    ///
    /// # Errors
    /// Its bucket has no room.
    pub(super) fn set(&mut self, id: u32, reason: Reason) -> Result<(), Full> {
        let at = self.bucket_of(id);
        let bucket = self.buckets.get_mut(at).ok_or(Full)?;
        let way = way_of(bucket, id).or_else(|| (0..WAYS).find(|&way| slot(bucket, way) == 0)).ok_or(Full)?;
        put(bucket, way, kept(id) << 2 | reason as u32);
        Ok(())
    }

    /// Puts the key in the place of one of its full bucket, chosen by `random`, which it gives.
    pub(super) fn replace(&mut self, id: u32, reason: Reason, random: u64) -> (u32, Reason) {
        let at = self.bucket_of(id);
        let way = (random % WAYS as u64) as usize;
        let old = self.read(at, way);
        put(&mut self.buckets[at], way, kept(id) << 2 | reason as u32);
        old
    }

    pub(super) fn remove(&mut self, id: u32) {
        let at = self.bucket_of(id);
        if let Some(bucket) = self.buckets.get_mut(at)
            && let Some(way) = way_of(bucket, id)
        {
            put(bucket, way, 0);
        }
    }

    /// Every key with its reason.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Reason)> {
        let ways = (0..self.buckets.len()).flat_map(|at| (0..WAYS).map(move |way| (at, way)));
        ways.filter(|&(at, way)| slot(&self.buckets[at], way) != 0).map(|(at, way)| self.read(at, way))
    }

    /// How many buckets the next larger table has.
    pub(super) fn next_size(&self) -> usize {
        (self.buckets.len() * 2).max(FEWEST_BUCKETS)
    }

    /// The probability that a key that isn't in it is taken for one that is.
    pub(super) fn error(&self) -> f64 {
        let slots = self.iter().count() as f64;
        slots / f64::from(1_u32 << (KEPT + 2))
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    fn bucket_of(&self, id: u32) -> usize {
        ((u64::from(id) * self.buckets.len() as u64) >> (KEPT + 2)) as usize
    }

    fn read(&self, at: usize, way: usize) -> (u32, Reason) {
        let slot = slot(&self.buckets[at], way);
        // The index's two top bits are the id's.
        let top = (at * 4 / self.buckets.len()) as u32;
        (top << KEPT | slot >> 2, Reason::of(slot & 3))
    }
}

/// A bucket had no room.
#[derive(Debug, PartialEq)]
pub(super) struct Full;

/// An id of this hash: so many bits that a table keeps, or tells by a bucket, of which those that it keeps aren't all
/// zero. The hash's lowest byte isn't in it.
pub(super) fn id_of(hash: u64) -> u32 {
    let id = (hash >> 8) as u32 & ((1 << (KEPT + 2)) - 1);
    if kept(id) == 0 { id | 1 } else { id }
}

fn kept(id: u32) -> u32 {
    id & ((1 << KEPT) - 1)
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
        id_of(super::super::dice::mix(key + 1))
    }

    #[test]
    fn a_table_gives_what_was_put_in_whatever_its_size() {
        for buckets in [4, 64, 256] {
            let mut tags = Tags::of(buckets);
            let put: Vec<_> = (0..2 * buckets as u64)
                .map(|key| (id(key), Reason::of(key as u32)))
                .filter(|&(id, reason)| tags.set(id, reason).is_ok())
                .collect();
            assert!(put.len() >= 2 * buckets * 9 / 10);
            assert!(put.iter().all(|&(id, reason)| tags.find(id) == Some(reason)));
            let mut held: Vec<_> = tags.iter().map(|(id, reason)| (id, reason as u32)).collect();
            let mut told: Vec<_> = put.iter().map(|&(id, reason)| (id, reason as u32)).collect();
            held.sort_unstable();
            told.sort_unstable();
            assert_eq!(held, told);
            put.iter().for_each(|&(id, _)| tags.remove(id));
            assert_eq!(tags.iter().count(), 0);
        }
    }

    #[test]
    fn a_key_has_one_reason_and_takes_a_full_buckets_place() {
        let mut tags = Tags::of(FEWEST_BUCKETS);
        let of_one_bucket = (1..=8).map(|id| (id, Reason::Expired));
        of_one_bucket.clone().for_each(|(id, reason)| assert_eq!(tags.set(id, reason), Ok(())));
        assert_eq!(tags.set(3, Reason::Evicted), Ok(()));
        assert_eq!((tags.find(3), tags.iter().count()), (Some(Reason::Evicted), 8));
        assert_eq!(tags.set(9, Reason::Rejected), Err(Full));
        assert_eq!(tags.replace(9, Reason::Rejected, 2), (3, Reason::Evicted));
        assert_eq!((tags.find(3), tags.find(9)), (None, Some(Reason::Rejected)));
        assert_eq!(Tags::default().set(1, Reason::Expired), Err(Full));
        assert_eq!(Tags::default().find(1), None);
    }
}
