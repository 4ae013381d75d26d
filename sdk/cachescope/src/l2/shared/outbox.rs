//! The outbox: pending removals and insertions for the shared store. An entry stays pending until it is
//! delivered, so an unavailable store never serves this process an invalidated value.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachescope_core::shared::StoreKey;

/// The most keys that are pending separately; beyond that, the whole cache is cleared in the store.
const LIMIT: usize = 10_000;

/// The pending writes of one cache. The last write of a key counts.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pending: Mutex<Pending>,
    /// Held while writes are delivered, so that they arrive in order.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Pending {
    /// The number of a pending clear. Writes of keys came after it.
    all: Option<u64>,
    keys: HashMap<StoreKey, (u64, PendingWrite)>,
    last: u64,
}

/// A pending write of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PendingWrite {
    /// Removes the key, whose name for other processes this is.
    Remove(String),
    /// Stores the bytes for this TTL. The last field is the key's name for other processes.
    Put(Vec<u8>, Option<Duration>, String),
}

/// The next write and its number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    All(u64),
    Key(u64, StoreKey, PendingWrite),
}

impl Outbox {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, key: StoreKey, order: PendingWrite) {
        let mut pending = self.pending();
        pending.last += 1;
        let number = pending.last;
        pending.keys.insert(key, (number, order));
        if pending.keys.len() > LIMIT {
            pending.keys.clear();
            pending.all = Some(number);
        }
    }

    /// Adds a clear of the whole cache.
    pub(crate) fn add_all(&self) {
        let mut pending = self.pending();
        pending.last += 1;
        pending.all = Some(pending.last);
        pending.keys.clear();
    }

    /// Returns whether the store's entry of `key` may be out of date.
    pub(crate) fn concerns(&self, key: &StoreKey) -> bool {
        let pending = self.pending();
        pending.all.is_some() || pending.keys.contains_key(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        let pending = self.pending();
        pending.all.is_none() && pending.keys.is_empty()
    }

    /// Returns the next write.
    pub(crate) fn next(&self) -> Option<Next> {
        let pending = self.pending();
        if let Some(number) = pending.all {
            return Some(Next::All(number));
        }
        let (key, (number, order)) = pending.keys.iter().next()?;
        Some(Next::Key(*number, key.clone(), order.clone()))
    }

    /// Removes a delivered write, unless a later write of the key was added meanwhile.
    pub(crate) fn done(&self, next: &Next) {
        let mut pending = self.pending();
        match next {
            Next::All(number) if pending.all == Some(*number) => pending.all = None,
            Next::Key(number, key, _) if pending.keys.get(key).is_some_and(|(held, _)| held == number) => {
                pending.keys.remove(key);
            }
            Next::All(_) | Next::Key(..) => {}
        }
    }

    /// Turns pending insertions into removals after a failure: when the store is back, those values may be out of date,
    /// and the store's own entries certainly are.
    pub(crate) fn failed(&self) {
        for (_, order) in self.pending().keys.values_mut() {
            if let PendingWrite::Put(_, _, name) = order {
                *order = PendingWrite::Remove(std::mem::take(name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cachescope_core::shared::Scope;

    use super::*;

    fn key(number: u64) -> StoreKey {
        Scope::new("n", "c", 1).unwrap().key(&number).unwrap()
    }

    fn remove() -> PendingWrite {
        PendingWrite::Remove(String::new())
    }

    fn put(byte: u8) -> PendingWrite {
        PendingWrite::Put(vec![byte], None, String::new())
    }

    #[test]
    fn last_write_of_key_counts_and_later_write_stays() {
        let outbox = Outbox::default();
        outbox.add(key(1), put(1));
        let first = outbox.next().unwrap();
        outbox.add(key(1), remove());
        outbox.done(&first);
        assert!(outbox.concerns(&key(1)) && !outbox.concerns(&key(2)));
        let second = outbox.next().unwrap();
        assert_eq!(second, Next::Key(2, key(1), remove()));
        outbox.done(&second);
        assert!(outbox.is_empty() && outbox.next().is_none());
    }

    #[test]
    fn undelivered_insertion_becomes_removal() {
        let outbox = Outbox::default();
        outbox.add(key(1), put(1));
        outbox.failed();
        assert_eq!(outbox.next(), Some(Next::Key(1, key(1), remove())));
    }

    #[test]
    fn clear_comes_first_and_replaces_older_writes() {
        let outbox = Outbox::default();
        outbox.add(key(1), put(1));
        outbox.add_all();
        outbox.add(key(2), put(2));
        assert!(outbox.concerns(&key(3)));
        let all = outbox.next().unwrap();
        assert_eq!(all, Next::All(2));
        outbox.done(&all);
        assert!(matches!(outbox.next(), Some(Next::Key(3, ..))));
    }

    #[test]
    fn outbox_becomes_clear_beyond_its_limit() {
        let outbox = Outbox::default();
        (0..=LIMIT as u64).for_each(|number| outbox.add(key(number), remove()));
        assert!(matches!(outbox.next(), Some(Next::All(_))));
        assert!(outbox.concerns(&key(u64::MAX)));
    }
}
