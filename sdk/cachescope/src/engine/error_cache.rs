//! Remembered errors: negative caching.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachescope_core::{HashedKey, HashedRef, PrehashedBuildHasher, Timestamp};
use hashlink::LinkedHashMap;
use hashlink::linked_hash_map::RawEntryMut;

/// The most errors remembered at a time. Requests for millions of missing keys must not fill the memory.
const ERROR_LIMIT: usize = 1_024;

type Matters<E> = Box<dyn Fn(&E) -> bool + Send + Sync>;

/// The remembered errors of one cache, in the order they occurred.
pub(crate) struct Errors<K, E> {
    ttl: Duration,
    accepts: Matters<E>,
    held: Mutex<LinkedHashMap<HashedKey<K>, Held<E>, PrehashedBuildHasher>>,
}

struct Held<E> {
    error: Arc<E>,
    since: Timestamp,
}

impl<K: Hash + Eq, E> Errors<K, E> {
    /// Remembers errors for which `accepts` returns true, each for `ttl`.
    pub(crate) fn new(ttl: Duration, accepts: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        Self { ttl, accepts: Box::new(accepts), held: Mutex::new(LinkedHashMap::with_hasher(PrehashedBuildHasher)) }
    }

    /// Remembers an error. Beyond the limit, the oldest error is forgotten.
    pub(crate) fn remember(&self, key: HashedKey<K>, error: &Arc<E>, now: Timestamp) {
        if !(self.accepts)(error) {
            return;
        }
        let mut held = self.held();
        // To the back, also if the key had an error already.
        held.insert(key, Held { error: Arc::clone(error), since: now });
        let is_old = |held: &Held<E>| now >= held.since.after(self.ttl);
        while held.len() > ERROR_LIMIT || held.front().is_some_and(|(_, first)| is_old(first)) {
            held.pop_front();
        }
    }

    /// Returns the error that answers a request for `key` at `now`, if it isn't older than `max_age`.
    pub(crate) fn find(&self, key: &HashedKey<K>, now: Timestamp, max_age: Option<Duration>) -> Option<Arc<E>> {
        let held = self.held();
        let found = held.get(key)?;
        let is_young = max_age.is_none_or(|max_age| now.since(found.since) <= max_age);
        (is_young && now < found.since.after(self.ttl)).then(|| Arc::clone(&found.error))
    }

    /// Forgets the error of `key`.
    pub(crate) fn forget<Q>(&self, key: HashedRef<'_, Q>)
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let mut held = self.held();
        let found = held.raw_entry_mut().from_hash(key.hash(), |known| known.key().borrow() == key.key());
        if let RawEntryMut::Occupied(occupied) = found {
            occupied.remove();
        }
    }

    pub(crate) fn clear(&self) {
        self.held().clear();
    }

    fn held(&self) -> MutexGuard<'_, LinkedHashMap<HashedKey<K>, Held<E>, PrehashedBuildHasher>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(0).after(Duration::from_secs(seconds))
    }

    fn key(key: u64) -> HashedKey<u64> {
        HashedKey::new(key % 7, key)
    }

    fn of_ten_seconds() -> Errors<u64, &'static str> {
        Errors::new(10 * SECOND, |error: &&str| *error != "a hiccup")
    }

    #[test]
    fn error_is_remembered_for_its_ttl_and_no_longer() {
        let errors = of_ten_seconds();
        errors.remember(key(1), &Arc::new("no such user"), at(5));
        errors.remember(key(2), &Arc::new("a hiccup"), at(5));
        let found = |k, now, max_age| errors.find(&key(k), at(now), max_age).is_some();
        assert!(found(1, 5, None) && found(1, 14, None) && !found(1, 15, None));
        assert!(found(1, 7, Some(2 * SECOND)) && !found(1, 8, Some(2 * SECOND)));
        assert!(!found(2, 5, None) && !found(3, 5, None));
        errors.forget(HashedRef::new(1, &8));
        assert!(found(1, 5, None), "of another key with its hash");
        errors.forget(HashedRef::new(1, &1));
        assert!(!found(1, 5, None));
    }

    #[test]
    fn error_cache_forgets_oldest_error_beyond_limit() {
        let errors = of_ten_seconds();
        let limit = ERROR_LIMIT as u64;
        (0..limit + 10).for_each(|k| errors.remember(key(k), &Arc::new("none"), at(0)));
        assert_eq!(errors.held().len(), ERROR_LIMIT);
        assert!(errors.find(&key(9), at(0), None).is_none() && errors.find(&key(10), at(0), None).is_some());
        errors.remember(key(10), &Arc::new("none"), at(9));
        errors.remember(key(0), &Arc::new("none"), at(10));
        assert_eq!(errors.held().len(), 2, "all but the last two are old");
    }
}
