//! A moka cache with telemetry and moka's own interface.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::{Clock, Failure, MissReason, RequestOutcome, RequestResult, StoreUsage};
use cachescope_telemetry::{CacheRegistration, CacheSource, Recorder};
use moka::sync::Cache;

use crate::instrumented_request::InstrumentedRequest;
use crate::usage::usage;

/// A moka cache with telemetry. Created by [`instrument`](crate::instrument).
///
/// Dereferences to the moka cache. Clones are cheap and share the cache.
pub struct Instrumented<K, V, S = std::hash::RandomState> {
    pub(crate) cache: Cache<K, V, S>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) registration: Arc<RegisteredCache<K, V, S>>,
}

/// The telemetry registration of a cache. Ends when the last clone of the cache is dropped.
pub(crate) struct RegisteredCache<K, V, S> {
    pub(crate) _source: Arc<CacheUsage<K, V, S>>,
    pub(crate) _registration: CacheRegistration,
}

/// Reports the usage of a cache to telemetry.
pub(crate) struct CacheUsage<K, V, S> {
    pub(crate) cache: Cache<K, V, S>,
    pub(crate) in_bytes: bool,
}

impl<K, V, S> CacheSource for CacheUsage<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    fn usage(&self) -> StoreUsage {
        usage(&self.cache, self.in_bytes)
    }

    fn longest_wait(&self) -> Duration {
        // moka doesn't report how long its callers wait.
        Duration::ZERO
    }
}

impl<K, V, S> Instrumented<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    /// Returns the value of `key`, like moka's `get`, and counts a hit or a miss. A hit costs about 1 ns more than
    /// without telemetry.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(value) = self.hit(key) {
            return Some(value);
        }
        let request = InstrumentedRequest::start(&self.recorder);
        request.end(RequestOutcome::miss(MissReason::Unknown));
        None
    }

    /// Returns the value of `key` or loads it with `init`, like moka's `get_with`.
    ///
    /// Counts a hit, a miss if `init` ran in this call, or a coalesced request if `init` ran in another call.
    pub fn get_with(&self, key: K, init: impl FnOnce() -> V) -> V {
        if let Some(value) = self.hit(&key) {
            return value;
        }
        let request = InstrumentedRequest::start(&self.recorder);
        let entry = self.cache.entry(key).or_insert_with(|| request.load(init));
        let ending = if entry.is_fresh() {
            RequestOutcome::miss(MissReason::Unknown)
        } else {
            RequestOutcome::new(RequestResult::Coalesced)
        };
        request.end(ending);
        entry.into_value()
    }

    /// Returns the value of `key` or loads it with `init`, like moka's `try_get_with`. Counts like
    /// [`get_with`](Self::get_with).
    ///
    /// # Errors
    /// The error that `init` returned. All callers that waited for the load share it.
    pub fn try_get_with<E>(&self, key: K, init: impl FnOnce() -> Result<V, E>) -> Result<V, Arc<E>>
    where
        E: Send + Sync + 'static,
    {
        if let Some(value) = self.hit(&key) {
            return Ok(value);
        }
        let request = InstrumentedRequest::start(&self.recorder);
        let mut ran = false;
        let loaded = self.cache.entry(key).or_try_insert_with(|| {
            ran = true;
            request.try_load(init)
        });
        let ending =
            if ran { RequestOutcome::miss(MissReason::Unknown) } else { RequestOutcome::new(RequestResult::Coalesced) };
        request.end(if loaded.is_err() { ending.with_failure(Failure::Error) } else { ending });
        loaded.map(moka::Entry::into_value)
    }

    fn hit<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let key = BorrowedKey(key);
        if let Some(cell) = self.recorder.quiet_hit_cell() {
            let value = self.cache.get(&key)?;
            cell.count(self.recorder.mean_load());
            return Some(value);
        }
        let clock = Clock::system();
        let start = clock.now();
        let value = self.cache.get(&key)?;
        if self.recorder.count_hit(start, self.recorder.mean_load()).is_some() {
            self.recorder.hit_timed(clock.now().since(start));
        }
        Some(value)
    }
}

/// Adapts look-ups by [`Borrow`] to moka's `Equivalent`.
struct BorrowedKey<'a, Q: ?Sized>(&'a Q);

impl<Q: Hash + ?Sized> Hash for BorrowedKey<'_, Q> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: Borrow<Q>, Q: Eq + ?Sized> equivalent::Equivalent<K> for BorrowedKey<'_, Q> {
    fn equivalent(&self, key: &K) -> bool {
        *self.0 == *key.borrow()
    }
}

impl<K, V, S> Deref for Instrumented<K, V, S> {
    type Target = Cache<K, V, S>;

    fn deref(&self) -> &Self::Target {
        &self.cache
    }
}

impl<K, V, S: Clone> Clone for Instrumented<K, V, S> {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            recorder: Arc::clone(&self.recorder),
            registration: Arc::clone(&self.registration),
        }
    }
}

impl<K, V, S> fmt::Debug for Instrumented<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrumented").field("cache", &self.recorder.identity().name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use cachescope_core::LoadTrigger;

    use super::*;
    use crate::instrument;

    fn result(cache: &Instrumented<u64, String>, result: RequestResult) -> u64 {
        cache.recorder.counts().totals.result(result)
    }

    #[test]
    fn reads_are_counted_and_other_methods_are_mokas() {
        let cache = instrument("test.alone", Cache::new(100));
        assert_eq!(cache.get(&1), None);
        assert_eq!(cache.get_with(1, || "one".into()), "one");
        assert_eq!(cache.get(&1).as_deref(), Some("one"));
        cache.insert(2, "two".into());
        assert_eq!(cache.clone().get(&2).as_deref(), Some("two"));
        assert_eq!((result(&cache, RequestResult::Miss), result(&cache, RequestResult::Hit)), (2, 2));
        assert_eq!(cache.registration._source.usage().entries, 2);
        assert_eq!(cache.recorder.counts().load_durations(LoadTrigger::Miss).count(), 1);
    }

    #[test]
    fn request_ends_once_when_load_fails_or_panics() {
        let cache = instrument("test.alone.failing", Cache::<u64, String>::new(100));
        let error = cache.try_get_with(1, || Err::<String, _>("no")).unwrap_err();
        assert_eq!(*error, "no");
        let panicking = cache.clone();
        std::thread::spawn(move || panicking.get_with(2, || panic!("on purpose"))).join().unwrap_err();
        let counts = cache.recorder.counts();
        let miss = RequestOutcome::miss(MissReason::Unknown);
        assert_eq!(counts.totals.ended(miss.with_failure(Failure::Error)), 1);
        assert_eq!(counts.totals.ended(miss.with_failure(Failure::Panic)), 1);
        assert_eq!((counts.requests(), counts.active, counts.loads_active), (2, 0, 0));
    }

    #[test]
    fn callers_that_wait_for_load_are_coalesced() {
        let cache = instrument("test.alone.waiting", Cache::<u64, String>::new(100));
        let (loading, go) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(std::sync::Barrier::new(2)));
        let leader = {
            let (cache, loading, go) = (cache.clone(), Arc::clone(&loading), Arc::clone(&go));
            std::thread::spawn(move || {
                cache.get_with(1, || {
                    loading.wait();
                    go.wait();
                    "one".into()
                })
            })
        };
        loading.wait();
        let follower = {
            let cache = cache.clone();
            std::thread::spawn(move || cache.get_with(1, || "never".into()))
        };
        // The follower has missed and calls moka next. moka doesn't report whether the follower waits already.
        while cache.recorder.counts().active < 2 {
            std::thread::yield_now();
        }
        go.wait();
        assert_eq!((leader.join().unwrap(), follower.join().unwrap()), ("one".into(), "one".into()));
        assert_eq!((result(&cache, RequestResult::Miss), result(&cache, RequestResult::Coalesced)), (1, 1));
    }
}
