//! How a request that is to load looks in the shared store first, and gets the right to load, or waits for whoever has.

use std::future::pending;
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::{Leased, StoredValue};
use cachescope_core::{
    Cost, Entry, HashedKey, MissReason, Moment, Operation, Store, StoreErrorKind, WaitOutcome, WaitScope,
};
use futures_util::future::{Either, select};

use super::lease::{Lease, Storing};
use super::tier::{Name, SharedTier};
use crate::books::{OpenRequest, OpenWait};
use crate::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::Engine;
use crate::miss::{Plan, Takes};
use crate::policy::Standing;

/// How soon who waits looks again: at first, and at last. Most loads take longer than the first; the last is what a
/// wait is longer than the load, at most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));

/// What came of it.
pub(crate) enum Sought<V> {
    /// An entry that may answer, and how it stands; stored meanwhile by a process that was waited for, or there before.
    Found { entry: Entry<V>, standing: Standing, awaited: bool },
    /// It is to load.
    Load { reason: MissReason, renews: Option<Moment>, storing: Storing },
    /// Another process loads, and it isn't to wait for that.
    Held,
    /// It has waited as long as it may, for a reason to load.
    TimedOut { reason: MissReason, renews: Option<Moment> },
}

/// Whether to wait while another process loads.
pub(crate) enum Patience<'a, 'b> {
    No,
    /// As this request does.
    Yes(&'a OpenRequest<'b>),
}

/// One look.
pub(super) enum Looked<V> {
    Answers(Entry<V>, Standing),
    Doesnt(MissReason, Option<Moment>),
    Failed,
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    pub(crate) async fn seek(
        &self,
        shared: &SharedTier<K, V>,
        key: &HashedKey<K>,
        name: &Name,
        plan: Plan,
        patience: Patience<'_, '_>,
    ) -> Sought<V> {
        if plan.takes == Takes::Nothing {
            return Sought::Load { reason: MissReason::Unknown, renews: plan.renews, storing: Storing::Over };
        }
        let mut looked = self.look(shared, key, name, plan).await;
        let mut wait: Option<OpenWait<'_>> = None;
        let mut patience_ends = None;
        let mut pause = LOOKS.0;
        loop {
            let (reason, renews) = match looked {
                Looked::Answers(entry, standing) => {
                    let awaited = wait.is_some();
                    end(wait, WaitOutcome::Shared);
                    return Sought::Found { entry, standing, awaited };
                }
                Looked::Failed => {
                    end(wait, WaitOutcome::LeaderFailed);
                    return Sought::Load { reason: MissReason::StoreError, renews: None, storing: Storing::Not };
                }
                Looked::Doesnt(reason, renews) => (reason, renews),
            };
            let Some(term) = shared.settings.lease else {
                return Sought::Load { reason, renews, storing: Storing::Over };
            };
            let token = Lease::draw();
            let asked = shared.store.lease(&name.key, token, term);
            match shared.ask(self.books(), Operation::Lease, asked).await {
                Err(_) => {
                    end(wait, WaitOutcome::LeaderFailed);
                    return Sought::Load { reason, renews, storing: Storing::Not };
                }
                Ok(Leased::Granted(bytes)) => {
                    let lease = Lease::new(Arc::clone(&shared.store), name.key.clone(), token);
                    // Another process may have loaded since the look.
                    looked = self.read(shared, key, name, plan, bytes.as_deref());
                    if let Looked::Doesnt(reason, renews) = looked {
                        end(wait, WaitOutcome::LeaderFailed);
                        return Sought::Load { reason, renews, storing: Storing::Under(lease) };
                    }
                    continue;
                }
                Ok(Leased::Held) => {}
            }
            let Patience::Yes(request) = &patience else { return Sought::Held };
            if wait.is_none() {
                wait = Some(request.wait(WaitScope::Store, self.clock.now()));
            }
            let nap = pin!(self.clock.sleep(pause));
            let patience_ends = patience_ends.get_or_insert_with(|| match self.wait_timeout {
                Some(timeout) => Either::Left(self.clock.sleep(timeout)),
                None => Either::Right(pending()),
            });
            if let Either::Right(_) = select(nap, patience_ends).await {
                end(wait, WaitOutcome::Timeout);
                return Sought::TimedOut { reason, renews };
            }
            pause = pause.saturating_mul(2).min(LOOKS.1);
            looked = self.look(shared, key, name, plan).await;
        }
    }

    pub(super) async fn look(
        &self,
        shared: &SharedTier<K, V>,
        key: &HashedKey<K>,
        name: &Name,
        plan: Plan,
    ) -> Looked<V> {
        // What was dropped here isn't believed before the store knows.
        if shared.outbox.concerns(&name.key) && shared.deliver(self.books()).await.is_err() {
            return Looked::Failed;
        }
        match shared.ask(self.books(), Operation::Get, shared.store.get(&name.key)).await {
            Err(_) => Looked::Failed,
            Ok(bytes) => {
                if !shared.outbox.is_empty() {
                    self.deliver_behind();
                }
                self.read(shared, key, name, plan, bytes.as_deref())
            }
        }
    }

    /// What these bytes of the store's are for a request.
    fn read(
        &self,
        shared: &SharedTier<K, V>,
        key: &HashedKey<K>,
        name: &Name,
        plan: Plan,
        bytes: Option<&[u8]>,
    ) -> Looked<V> {
        let Some(bytes) = bytes else {
            // What memory still has didn't leave it.
            let reason = if plan.renews.is_some() { MissReason::Unknown } else { self.why_absent(key.hash()) };
            return Looked::Doesnt(reason, None);
        };
        let Ok(stored) = shared.decode(&self.clock, name, bytes) else {
            return Looked::Doesnt(MissReason::Corrupt, None);
        };
        let entry = self.entry_of(key, stored);
        let standing = self.policy.true_standing(Some(&entry), self.clock.now(), plan.max_age);
        let takes_it = match standing {
            Standing::Fresh => true,
            Standing::Aging => matches!(plan.takes, Takes::Fresh | Takes::Any),
            Standing::Stale => match plan.takes {
                Takes::Any => true,
                // Only where it can be renewed behind the request.
                Takes::Fresh => self.background.spawner().is_some(),
                Takes::Renewed | Takes::Nothing => false,
            },
            Standing::Absent | Standing::Expired => false,
        };
        if takes_it {
            Looked::Answers(entry, standing)
        } else {
            Looked::Doesnt(MissReason::Expired, Some(entry.fresh_until))
        }
    }

    pub(super) fn entry_of(&self, key: &HashedKey<K>, stored: StoredValue<V>) -> Entry<V> {
        let StoredValue { value, stored_at, fresh_until, cost } = stored;
        let stored_at = self.clock.moment_of(stored_at);
        let fresh_until = fresh_until.map_or(Moment::NEVER, |until| self.clock.moment_of(until));
        let random = self.hasher.hash_one((key.hash(), stored_at));
        let renew_from = self.policy.renew_from(stored_at, fresh_until, cost, random);
        let weight = self.store.weigh(key.key(), &value);
        Entry { value, stored_at, renew_from, fresh_until, cost: Cost::of(cost), weight }
    }

    /// The shared store, and what it calls the entry of `key`.
    pub(crate) fn shared_name(&self, key: &HashedKey<K>) -> Option<(&Arc<SharedTier<K, V>>, Name)> {
        let shared = self.shared.as_ref()?;
        let name = shared.name(key.key());
        if name.is_none() {
            self.recorder.store_failed(Operation::Get, StoreErrorKind::Unencodable);
        }
        Some((shared, name?))
    }
}

fn end(wait: Option<OpenWait<'_>>, outcome: WaitOutcome) {
    if let Some(wait) = wait {
        wait.end(outcome);
    }
}
