//! The memory of one cache: its store, and the policies that decide what the store keeps and for how long.

use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use cachescope_core::{Clock, Entry, HashedKey, HashedRef, RejectionReason, Store, Timestamp};
use foldhash::fast::RandomState;

use crate::engine::admission::Admission;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::error_cache::Errors;
use crate::engine::freshness::{Freshness, Policy};
use crate::engine::plan::{Accepts, Known, Plan};
use crate::engine::tags::Tags;

/// A value that is ready to be stored.
pub(crate) struct Prepared<V> {
    pub(crate) entry: Entry<V>,
    /// In bytes, if known.
    pub(crate) size: Option<u64>,
}

/// A cache's store, its remembered errors, and the rules for both.
pub(crate) struct Memory<K, V, E, S> {
    pub(crate) store: S,
    pub(crate) policy: Policy<V>,
    pub(crate) admission: Admission<V>,
    /// `None` if errors aren't cached.
    pub(crate) errors: Option<Errors<K, E>>,
    pub(crate) tags: Option<Tags<K, V>>,
    pub(crate) hasher: RandomState,
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Memory<K, V, E, S> {
    #[inline(always)]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Prepares a value whose load took `cost` for storing, or returns why it isn't stored.
    pub(crate) fn prepare(
        &self,
        key: &HashedKey<K>,
        value: V,
        cost: Duration,
        clock: &Clock,
    ) -> Result<Prepared<V>, RejectionReason> {
        let size = self.admission.admit(&value)?;
        let stored_at = clock.now();
        let random = self.hasher.hash_one((key.hash(), stored_at));
        let weight = self.store.weigh(key.key(), &value);
        Ok(Prepared { entry: Entry { weight, ..self.policy.entry(value, stored_at, cost, random) }, size })
    }

    /// Returns an answer for a request whose turn to load has come, if there is one.
    pub(crate) fn find(&self, key: &HashedKey<K>, now: Timestamp, plan: Plan) -> Option<Known<V, E>> {
        if plan.accepts == Accepts::Nothing {
            return None;
        }
        self.find_entry(key, now, plan).map(Known::Entry).or_else(|| {
            let error = self.errors.as_ref()?.find(key, now, plan.max_age)?;
            Some(Known::Error(error))
        })
    }

    fn find_entry(&self, key: &HashedKey<K>, now: Timestamp, plan: Plan) -> Option<Entry<V>> {
        let key = key.as_ref();
        // `contains` first, because it doesn't count as a use: this request has looked the key up once already.
        if !self.store.contains(key) {
            return None;
        }
        let entry = self.store.get(key)?;
        let answers = match self.policy.freshness(Some(&entry), now, plan.max_age) {
            Freshness::Fresh => true,
            Freshness::Aging => plan.accepts == Accepts::Fresh,
            Freshness::Absent | Freshness::Stale | Freshness::Expired => false,
        };
        answers.then_some(entry)
    }

    /// Returns the expired entry that may answer for a failed load, if there is one.
    pub(crate) fn stale_on_error(&self, key: HashedRef<'_, K>, plan: Plan, now: Timestamp) -> Option<Entry<V>> {
        self.store.get(key).filter(|entry| self.policy.is_better_than_an_error(entry, now, plan.max_age))
    }

    /// Forgets the remembered error of `key`.
    pub(crate) fn forget_error<Q>(&self, key: HashedRef<'_, Q>)
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.errors.iter().for_each(|errors| errors.forget(key));
    }

    /// Removes the entry and the remembered error of `key`.
    pub(crate) fn remove<Q>(&self, key: HashedRef<'_, Q>)
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.store.remove(key);
        self.forget_error(key);
    }

    /// Removes every entry and every remembered error.
    pub(crate) fn clear(&self) {
        self.store.clear();
        self.errors.iter().for_each(Errors::clear);
    }
}
