//! The in-memory store on top of quick_cache.

use std::borrow::Borrow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::hash::Hash;

use cachescope_core::{
    ConfigError, Entry, EvictionReason, Evictions, HashedKey, HashedRef, IntoStore, NoKeys, PrehashedBuildHasher,
    Simulator, Store, StoreUsage,
};
use quick_cache::sync::Cache;

use crate::KIND;
use crate::eviction_counter::EvictionCounter;
use crate::simulator::ClockPro;
use crate::weighted_key::{StoredWeight, WeightedKey};

type SizeOf<K, V> = Box<dyn Fn(&K, &V) -> usize + Send + Sync>;

/// The assumed size of an entry when only bytes are limited. It determines the number of shards, of at least 32 KiB
/// each, and the number of evicted keys that are remembered.
const ESTIMATED_ENTRY_BYTES: u64 = 1024;

/// The configuration of a quick_cache store: its capacity in entries or bytes. quick_cache's Clock-PRO policy, similar
/// to S3-FIFO, keeps entries that are used again.
///
/// The capacity is divided evenly among shards. There are up to four shards for each core, rounded up to a power of
/// two. The capacity is rounded up to a multiple of the number of shards. A full store holds slightly fewer entries,
/// because keys don't spread evenly.
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
    /// Sets the capacity to `entries` entries. `entries` must be at least 1, or the cache can't be built.
    #[must_use]
    pub fn with_capacity(entries: u64) -> Self {
        Self { limit: entries, size_of: None }
    }

    /// Sets the capacity to `bytes` bytes. `size_of` returns the size of an entry, and counts as at least 1 byte and at
    /// most 4 GiB.
    ///
    /// An entry larger than 97 % of its shard isn't kept. `size_of` runs once for each stored entry, on the thread that
    /// stores the entry. If `size_of` panics, the caller that loaded the value panics.
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
            return Err(ConfigError::new("capacity of a quick_cache store must be at least 1, got 0"));
        }
        let entries = if self.size_of.is_some() { self.limit.div_ceil(ESTIMATED_ENTRY_BYTES) } else { self.limit };
        let entries = usize::try_from(entries).unwrap_or(usize::MAX);
        let eviction_counter = EvictionCounter { evictions: evictions.clone() };
        let cache = Cache::with(entries, self.limit, StoredWeight, PrehashedBuildHasher, eviction_counter);
        Ok(QuickCacheStore { cache, size_of: self.size_of, evictions })
    }
}

/// An in-memory [`Store`] on top of quick_cache. Created from a [`QuickCache`] configuration.
///
/// A hit takes a shared lock on its shard, and clones the value under the lock. So the value's `Clone` must not call
/// the cache, unlike with a moka store.
pub struct QuickCacheStore<K, V> {
    cache: Cache<WeightedKey<K>, Entry<V>, StoredWeight, PrehashedBuildHasher, EvictionCounter>,
    size_of: Option<SizeOf<K, V>>,
    evictions: Evictions,
}

impl<K, V> Store<K, V> for QuickCacheStore<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type KeyEncoding = NoKeys;

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
        // quick_cache never evicts an entry of weight 0.
        let weight = u64::from(entry.weight.max(1));
        self.cache.insert(WeightedKey { key, weight }, entry);
    }

    fn remove<Q>(&self, key: HashedRef<'_, Q>)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if self.cache.remove(&key).is_some() {
            self.evictions.on_evict(key.hash(), EvictionReason::Invalidated);
        }
    }

    fn remove_if(&self, reason: EvictionReason, matches: &mut dyn FnMut(&K, &Entry<V>) -> bool) -> u64 {
        // quick_cache requires an `Fn` closure, although it calls the closure from one thread only.
        let (matches, dropped) = (RefCell::new(matches), Cell::new(0));
        self.cache.retain(|stored, entry| {
            let leaves = matches.borrow_mut()(stored.key.key(), entry);
            if leaves {
                self.evictions.on_evict(stored.key.hash(), reason);
                dropped.set(dropped.get() + 1);
            }
            !leaves
        });
        dropped.get()
    }

    fn for_each(&self, visit: &mut dyn FnMut(&K, &Entry<V>)) {
        // quick_cache's `iter` requires keys that can be cloned; `retain` doesn't.
        let visit = RefCell::new(visit);
        self.cache.retain(|stored, entry| {
            visit.borrow_mut()(stored.key.key(), entry);
            true
        });
    }

    /// Removes all entries one by one. This is slower than quick_cache's own `clear`, which doesn't report the removed
    /// entries.
    fn clear(&self) {
        let removed = self.cache.drain();
        removed.for_each(|(stored, _)| self.evictions.on_evict(stored.key.hash(), EvictionReason::Invalidated));
    }

    fn usage(&self) -> StoreUsage {
        let in_bytes = self.size_of.is_some();
        let limit = self.cache.capacity();
        StoreUsage {
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

    use cachescope_core::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn entry<V>(value: V) -> Entry<V> {
        Entry::new(value, Timestamp::from_nanos(0))
    }

    /// Stores a value with its weight, as a cache does.
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

    /// Spreads keys over shards, which use the middle bits of a hash.
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
    fn evictions_are_counted_by_reason() {
        let evictions = Evictions::default();
        let store = QuickCache::with_capacity(3).into_store(evictions.clone()).unwrap();
        (0..10_u64).for_each(|n| put(&store, key(n), "one"));
        assert_eq!(store.usage(), StoreUsage { entries: 3, entry_limit: Some(3), bytes: None, byte_limit: None });
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
        assert_eq!(store.usage().entries, 0);
        assert_eq!(evicted(&evictions), [7, 0, 1, 3]);
    }

    #[test]
    fn byte_usage_follows_size_function() {
        let config = QuickCache::with_byte_limit(100, |key: &String, value: &String| key.len() + value.len());
        let store = config.into_store(Evictions::default()).unwrap();
        put(&store, HashedKey::new(1, "ab".to_owned()), "12345678".to_owned());
        let usage = store.usage();
        assert_eq!(usage, StoreUsage { entries: 1, entry_limit: None, bytes: Some(10), byte_limit: Some(100) });
        assert_eq!(store.get(HashedRef::new(1, "ab")).unwrap().value, "12345678");
    }

    #[test]
    fn too_large_value_also_removes_older_value() {
        let evictions = Evictions::default();
        let config = QuickCache::with_byte_limit(100, |_: &u64, value: &usize| *value);
        let store = config.into_store(evictions.clone()).unwrap();
        put(&store, key(1), 101);
        assert_eq!(evicted(&evictions), [1, 0, 0, 0]);
        put(&store, key(1), 50);
        put(&store, key(1), 101);
        assert_eq!(evicted(&evictions), [2, 0, 1, 0]);
        assert!(!contains(&store, 1));
        assert_eq!((store.usage().entries, store.usage().bytes), (0, Some(0)));
    }

    #[test]
    fn entries_of_size_zero_are_evicted() {
        let evictions = Evictions::default();
        let store = QuickCache::with_byte_limit(10, |_: &u64, _: &u64| 0).into_store(evictions.clone()).unwrap();
        (0..1_000).for_each(|n| put(&store, key(n), n));
        assert_eq!((store.usage().entries, store.usage().bytes), (10, Some(10)));
        assert_eq!(evicted(&evictions), [990, 0, 0, 0]);
    }

    #[test]
    fn zero_capacity_is_refused() {
        let error = QuickCache::<u64, u64>::with_capacity(0).into_store(Evictions::default()).unwrap_err();
        assert!(error.to_string().contains("at least 1"));
    }

    #[test]
    fn eviction_counts_are_exact_across_threads() {
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
        assert_eq!(store.usage().entries + evicted(&evictions).iter().sum::<u64>(), 4 * 20_000);
    }

    #[derive(Clone, Debug)]
    enum StoreStep {
        Put(u64, usize),
        Get(u64),
        Remove(u64),
        Clear,
    }

    fn step() -> impl Strategy<Value = StoreStep> {
        prop_oneof![
            20 => (0..40_u64, 0..120_usize).prop_map(|(key, size)| StoreStep::Put(key, size)),
            10 => (0..40_u64).prop_map(StoreStep::Get),
            5 => (0..40_u64).prop_map(StoreStep::Remove),
            1 => Just(StoreStep::Clear),
        ]
    }

    proptest! {
        #[test]
        fn every_put_entry_is_held_or_evicted_for_right_reason(steps in prop::collection::vec(step(), 0..400)) {
            let evictions = Evictions::default();
            let config = QuickCache::with_byte_limit(500, |_: &u64, size: &usize| *size);
            let store = config.into_store(evictions.clone()).unwrap();
            let (mut puts, mut replaced, mut invalidated) = (0, 0, 0);
            for step in steps {
                match step {
                    StoreStep::Put(n, size) => {
                        puts += 1;
                        replaced += u64::from(contains(&store, n));
                        put(&store, key(n), size);
                    }
                    StoreStep::Get(n) => prop_assert_eq!(found(&store, n).is_some(), contains(&store, n)),
                    StoreStep::Remove(n) => {
                        invalidated += u64::from(contains(&store, n));
                        store.remove(HashedRef::new(hash(n), &n));
                    }
                    StoreStep::Clear => {
                        invalidated += store.usage().entries;
                        store.clear();
                        prop_assert_eq!(store.usage().entries, 0);
                    }
                }
            }
            let held: Vec<usize> = (0..40).filter_map(|n| found(&store, n)).collect();
            let usage = store.usage();
            prop_assert_eq!(usage.entries, held.len() as u64);
            prop_assert_eq!(usage.bytes, Some(held.iter().map(|size| *size.max(&1) as u64).sum()));
            let by_size = puts - usage.entries - replaced - invalidated;
            prop_assert_eq!(evicted(&evictions), [by_size, 0, replaced, invalidated]);
        }
    }
}
