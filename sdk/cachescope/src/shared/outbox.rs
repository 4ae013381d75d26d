//! What a shared store is yet to be told: what was dropped and inserted here. Kept until it has been told, so that a
//! store which was away never serves this process what was dropped meanwhile.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachescope_core::shared::StoreKey;

/// What waits to be told key by key, at most; more are told by dropping all.
const LIMIT: usize = 10_000;

/// The orders of one cache. The last one of a key counts.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pending: Mutex<Pending>,
    /// Held while orders are delivered, so that they arrive in their order.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Pending {
    /// Everything is to be dropped, by this order; those of keys came later.
    all: Option<u64>,
    keys: HashMap<StoreKey, (u64, Order)>,
    last: u64,
}

/// What is to become of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// It is dropped; for other processes it is called so.
    Remove(String),
    /// It is stored, for so long; for other processes it is called so.
    Put(Vec<u8>, Option<Duration>, String),
}

/// What is to be told next, and its number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    All(u64),
    Key(u64, StoreKey, Order),
}

impl Outbox {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, key: StoreKey, order: Order) {
        let mut pending = self.pending();
        pending.last += 1;
        let number = pending.last;
        pending.keys.insert(key, (number, order));
        if pending.keys.len() > LIMIT {
            pending.keys.clear();
            pending.all = Some(number);
        }
    }

    /// Everything is to be dropped.
    pub(crate) fn add_all(&self) {
        let mut pending = self.pending();
        pending.last += 1;
        pending.all = Some(pending.last);
        pending.keys.clear();
    }

    /// Whether what the store holds of `key` may be out of date.
    pub(crate) fn concerns(&self, key: &StoreKey) -> bool {
        let pending = self.pending();
        pending.all.is_some() || pending.keys.contains_key(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        let pending = self.pending();
        pending.all.is_none() && pending.keys.is_empty()
    }

    /// What is to be told next.
    pub(crate) fn next(&self) -> Option<Next> {
        let pending = self.pending();
        if let Some(number) = pending.all {
            return Some(Next::All(number));
        }
        let (key, (number, order)) = pending.keys.iter().next()?;
        Some(Next::Key(*number, key.clone(), order.clone()))
    }

    /// It has been told, unless another order has come since.
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

    /// The store couldn't be told. What was to be stored is to be dropped instead: when the store is back, those values
    /// may be out of date, and what the store has certainly is.
    pub(crate) fn failed(&self) {
        for (_, order) in self.pending().keys.values_mut() {
            if let Order::Put(_, _, name) = order {
                *order = Order::Remove(std::mem::take(name));
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

    fn remove() -> Order {
        Order::Remove(String::new())
    }

    fn put(byte: u8) -> Order {
        Order::Put(vec![byte], None, String::new())
    }

    #[test]
    fn the_last_order_of_a_key_counts_and_what_came_meanwhile_stays() {
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
    fn what_could_not_be_stored_is_to_be_dropped() {
        let outbox = Outbox::default();
        outbox.add(key(1), put(1));
        outbox.failed();
        assert_eq!(outbox.next(), Some(Next::Key(1, key(1), remove())));
    }

    #[test]
    fn dropping_all_comes_first_and_takes_older_orders_along() {
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
    fn more_than_can_be_kept_is_told_by_dropping_all() {
        let outbox = Outbox::default();
        (0..=LIMIT as u64).for_each(|number| outbox.add(key(number), remove()));
        assert!(matches!(outbox.next(), Some(Next::All(_))));
        assert!(outbox.concerns(&key(u64::MAX)));
    }
}
