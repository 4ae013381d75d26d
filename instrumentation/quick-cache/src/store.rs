//! quick_cache as a store.

use std::borrow::Borrow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::hash::Hash;

use cachescope_core::{
    BroughtHash, ConfigError, Entry, EvictionReason, Evictions, HashedKey, HashedRef, IntoStore, Levels, Simulator,
    Store, Unshared,
};
use quick_cache::sync::Cache;

use crate::KIND;
use crate::leaving::Leaving;
use crate::simulator::ClockPro;
use crate::weighed::{BroughtWeight, Weighed};

type SizeOf<K, V> = Box<dyn Fn(&K, &V) -> usize + Send + Sync>;

/// What quick_cache is told an entry takes where only bytes are limited. It sets how many shards there are,
/// at least 32 KiB each, and how many keys are remembered of what has left.
const GUESSED_BYTES: u64 = 1024;

/// How large a quick_cache store may get. Its Clock-PRO, much like S3-FIFO, keeps what is used again.
///
/// The room is divided evenly among shards, up to four a core rounded up to a power of two: the limit is rounded
/// up to a multiple of their number, and as keys don't spread evenly, a full store holds somewhat less.
///
/// ```
/// use cachescope_quick_cache::QuickCache;
///
/// let by_entries: QuickCache<u64, String> = QuickCache::with_capacity(10_000);
/// let by_bytes = QuickCache::with_byte_limit(64 << 20, |_: &u64, value: &String| 8 + value.len());
/// ```
pub struct QuickCache<K, V> {
    limit: u64,
    size_of: Option<SizeOf<K, V>>,
}

impl<K, V> QuickCache<K, V> {
    /// At most `entries` entries; at least one.
    #[must_use]
    pub fn with_capacity(entries: u64) -> Self {
        Self { limit: entries, size_of: None }
    }

    /// At most `bytes` bytes, of which an entry takes what `size_of` says, and no less than one.
    ///
    /// An entry that takes more than 97 % of its shard isn't kept; what takes more than 4 GiB counts as 4 GiB. `size_of`
    /// runs once per stored entry, on the thread that stores it. Should it panic, the panic reaches the caller that loaded
    /// the value.
    #[must_use]
    pub fn with_byte_limit(bytes: u64, size_of: impl Fn(&K, &V) -> usize + Send + Sync + 'static) -> Self {
        Self { limit: bytes, size_of: Some(Box::new(size_of)) }
    }
}

impl<K, V> fmt::Debug for QuickCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuickCache").field("limit", &self.limit).field("in_bytes", &self.size_of.is_some()).finish()
    }
}

impl<K, V> IntoStore<K, V> for QuickCache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Store = QuickCacheStore<K, V>;

    fn into_store(self, evictions: Evictions) -> Result<Self::Store, ConfigError> {
        if self.limit == 0 {
            return Err(ConfigError::new(
                "a quick_cache store of capacity 0 keeps nothing: give it room for 1 entry or more",
            ));
        }
        let entries = if self.size_of.is_some() { self.limit.div_ceil(GUESSED_BYTES) } else { self.limit };
        let entries = usize::try_from(entries).unwrap_or(usize::MAX);
        let leaving = Leaving { evictions: evictions.clone() };
        let cache = Cache::with(entries, self.limit, BroughtWeight, BroughtHash, leaving);
        Ok(QuickCacheStore { cache, size_of: self.size_of, evictions })
    }
}

/// A quick_cache as a [`Store`]. Made from [`QuickCache`].
///
/// A hit takes a lock of its shard that other hits share, and clones the value under it: unlike in a moka store,
/// a value's `Clone` must not call the cache.
pub struct QuickCacheStore<K, V> {
    cache: Cache<Weighed<K>, Entry<V>, BroughtWeight, BroughtHash, Leaving>,
    size_of: Option<SizeOf<K, V>>,
    evictions: Evictions,
}

impl<K, V> Store<K, V> for QuickCacheStore<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Naming = Unshared;

    fn kind(&self) -> &'static str {
        KIND
    }

    #[inline]
    fn get<Q>(&self, key: HashedRef<'_, Q>) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.cache.get(&key)
    }

    fn contains<Q>(&self, key: HashedRef<'_, Q>) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.cache.contains_key(&key)
    }

    fn weigh(&self, key: &K, value: &V) -> u32 {
        self.size_of.as_ref().map_or(1, |size_of| u32::try_from(size_of(key, value)).unwrap_or(u32::MAX))
    }

    fn put(&self, key: HashedKey<K>, entry: Entry<V>) {
        // What weighs nothing, quick_cache never drives out.
        let weight = u64::from(entry.weight.max(1));
        self.cache.insert(Weighed { key, weight }, entry);
    }

    fn remove<Q>(&self, key: HashedRef<'_, Q>)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if self.cache.remove(&key).is_some() {
            self.evictions.left(key.hash(), EvictionReason::Invalidated);
        }
    }

    fn remove_if(&self, reason: EvictionReason, matches: &mut dyn FnMut(&K, &Entry<V>) -> bool) -> u64 {
        // quick_cache takes a closure that changes nothing, though it calls it from one thread only.
        let (matches, dropped) = (RefCell::new(matches), Cell::new(0));
        self.cache.retain(|weighed, entry| {
            let leaves = matches.borrow_mut()(weighed.key.key(), entry);
            if leaves {
                self.evictions.left(weighed.key.hash(), reason);
                dropped.set(dropped.get() + 1);
            }
            !leaves
        });
        dropped.get()
    }

    /// One by one, which is slower than quick_cache's own `clear`; that doesn't say how many there were.
    fn clear(&self) {
        let gone = self.cache.drain();
        gone.for_each(|(weighed, _)| self.evictions.left(weighed.key.hash(), EvictionReason::Invalidated));
    }

    fn levels(&self) -> Levels {
        let in_bytes = self.size_of.is_some();
        let limit = self.cache.capacity();
        Levels {
            entries: self.cache.len() as u64,
            entry_limit: (!in_bytes).then_some(limit),
            bytes: in_bytes.then(|| self.cache.weight()),
            byte_limit: in_bytes.then_some(limit),
        }
    }

    fn simulator(&self, capacity: u64, entries: usize) -> Option<Box<dyn Simulator>> {
        Some(Box::new(ClockPro::new(capacity, entries)))
    }
}

impl<K, V> fmt::Debug for QuickCacheStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuickCacheStore").field("in_bytes", &self.size_of.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use cachescope_core::Moment;
    use proptest::prelude::*;

    use super::*;

    fn entry<V>(value: V) -> Entry<V> {
        Entry::new(value, Moment::from_nanos(0))
    }

    /// As a cache stores it.
    fn put<K, V>(store: &QuickCacheStore<K, V>, key: HashedKey<K>, value: V)
    where
        K: Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        let weight = store.weigh(key.key(), &value);
        store.put(key, Entry { weight, ..entry(value) });
    }

    fn key(key: u64) -> HashedKey<u64> {
        HashedKey::new(hash(key), key)
    }

    /// Spread over shards, which take the bits in the middle of a hash.
    fn hash(key: u64) -> u64 {
        key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn found<V: Clone + Send + Sync + 'static>(store: &QuickCacheStore<u64, V>, key: u64) -> Option<V> {
        store.get(HashedRef::new(hash(key), &key)).map(|entry| entry.value)
    }

    fn contains<V: Clone + Send + Sync + 'static>(store: &QuickCacheStore<u64, V>, key: u64) -> bool {
        store.contains(HashedRef::new(hash(key), &key))
    }

    fn evicted(evictions: &Evictions) -> [u64; 4] {
        EvictionReason::ALL.map(|reason| evictions.get(reason))
    }

    #[test]
    fn counts_what_leaves_and_why() {
        let evictions = Evictions::default();
        let store = QuickCache::with_capacity(3).into_store(evictions.clone()).unwrap();
        (0..10_u64).for_each(|n| put(&store, key(n), "one"));
        assert_eq!(store.levels(), Levels { entries: 3, entry_limit: Some(3), bytes: None, byte_limit: None });
        assert_eq!(evicted(&evictions), [7, 0, 0, 0]);

        let held = (0..10_u64).find(|n| contains(&store, *n)).unwrap();
        put(&store, key(held), "two");
        assert_eq!(found(&store, held), Some("two"));
        assert_eq!(evicted(&evictions), [7, 0, 1, 0]);
        store.remove(HashedRef::new(hash(held), &held));
        assert_eq!(found(&store, held), None);
        assert_eq!(evicted(&evictions), [7, 0, 1, 1]);
        store.remove(HashedRef::new(hash(held), &held));
        assert_eq!(evicted(&evictions), [7, 0, 1, 1]);
        store.clear();
        assert_eq!(store.levels().entries, 0);
        assert_eq!(evicted(&evictions), [7, 0, 1, 3]);
    }

    #[test]
    fn counts_bytes_as_the_size_function_says() {
        let config = QuickCache::with_byte_limit(100, |key: &String, value: &String| key.len() + value.len());
        let store = config.into_store(Evictions::default()).unwrap();
        put(&store, HashedKey::new(1, "ab".to_owned()), "12345678".to_owned());
        let levels = store.levels();
        assert_eq!(levels, Levels { entries: 1, entry_limit: None, bytes: Some(10), byte_limit: Some(100) });
        assert_eq!(store.get(HashedRef::new(1, "ab")).unwrap().value, "12345678");
    }

    #[test]
    fn a_value_too_large_takes_the_older_one_along() {
        let evictions = Evictions::default();
        let config = QuickCache::with_byte_limit(100, |_: &u64, value: &usize| *value);
        let store = config.into_store(evictions.clone()).unwrap();
        put(&store, key(1), 101);
        assert_eq!(evicted(&evictions), [1, 0, 0, 0]);
        put(&store, key(1), 50);
        put(&store, key(1), 101);
        assert_eq!(evicted(&evictions), [2, 0, 1, 0]);
        assert!(!contains(&store, 1));
        assert_eq!((store.levels().entries, store.levels().bytes), (0, Some(0)));
    }

    #[test]
    fn entries_of_no_size_leave_as_well() {
        let evictions = Evictions::default();
        let store = QuickCache::with_byte_limit(10, |_: &u64, _: &u64| 0).into_store(evictions.clone()).unwrap();
        (0..1_000).for_each(|n| put(&store, key(n), n));
        assert_eq!((store.levels().entries, store.levels().bytes), (10, Some(10)));
        assert_eq!(evicted(&evictions), [990, 0, 0, 0]);
    }

    #[test]
    fn a_store_without_room_says_what_to_change() {
        let error = QuickCache::<u64, u64>::with_capacity(0).into_store(Evictions::default()).unwrap_err();
        assert!(error.to_string().contains("1 entry or more"));
    }

    #[test]
    fn threads_that_store_at_once_lose_no_count() {
        let (evictions, start) = (Evictions::default(), Barrier::new(4));
        let store = QuickCache::with_capacity(1_000).into_store(evictions.clone()).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let (store, start) = (&store, &start);
                scope.spawn(move || {
                    start.wait();
                    for n in 0..20_000 {
                        put(store, key((n * (2 * thread + 1)) % 1_500), n);
                    }
                });
            }
        });
        assert!(evictions.get(EvictionReason::Size) > 0 && evictions.get(EvictionReason::Replaced) > 0);
        assert_eq!(store.levels().entries + evicted(&evictions).iter().sum::<u64>(), 4 * 20_000);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(u64, usize),
        Get(u64),
        Remove(u64),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            20 => (0..40_u64, 0..120_usize).prop_map(|(key, size)| Step::Put(key, size)),
            10 => (0..40_u64).prop_map(Step::Get),
            5 => (0..40_u64).prop_map(Step::Remove),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn what_was_put_is_held_or_has_left_for_the_right_reason(steps in prop::collection::vec(step(), 0..400)) {
            let evictions = Evictions::default();
            let config = QuickCache::with_byte_limit(500, |_: &u64, size: &usize| *size);
            let store = config.into_store(evictions.clone()).unwrap();
            let (mut puts, mut replaced, mut invalidated) = (0, 0, 0);
            for step in steps {
                match step {
                    Step::Put(n, size) => {
                        puts += 1;
                        replaced += u64::from(contains(&store, n));
                        put(&store, key(n), size);
                    }
                    Step::Get(n) => prop_assert_eq!(found(&store, n).is_some(), contains(&store, n)),
                    Step::Remove(n) => {
                        invalidated += u64::from(contains(&store, n));
                        store.remove(HashedRef::new(hash(n), &n));
                    }
                    Step::Clear => {
                        invalidated += store.levels().entries;
                        store.clear();
                        prop_assert_eq!(store.levels().entries, 0);
                    }
                }
            }
            let held: Vec<usize> = (0..40).filter_map(|n| found(&store, n)).collect();
            let levels = store.levels();
            prop_assert_eq!(levels.entries, held.len() as u64);
            prop_assert_eq!(levels.bytes, Some(held.iter().map(|size| *size.max(&1) as u64).sum()));
            let by_size = puts - levels.entries - replaced - invalidated;
            prop_assert_eq!(evicted(&evictions), [by_size, 0, replaced, invalidated]);
        }
    }
}
