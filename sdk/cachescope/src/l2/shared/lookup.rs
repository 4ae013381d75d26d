//! The lookup in the shared store before a load: it returns an entry, takes the lease, or waits for the lease's holder.

use std::future::pending;
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::{LeaseResult, StoredValue};
use cachescope_core::{
    Entry, HashedKey, LoadCost, MissReason, Operation, Store, StoreErrorKind, Timestamp, WaitOutcome, WaitScope,
};
use futures_util::future::{Either, select};

use super::lease::{Lease, Storing};
use super::tier::{EntryName, SharedTier};
use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::freshness::Freshness;
use crate::engine::plan::{Accepts, Plan};
use crate::telemetry::guards::{RequestGuard, WaitGuard};

/// The first and the longest pause between two looks of a waiting request. Most loads take longer than the first; a
/// wait is longer than the load by at most the last.
const LOOKS: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));

/// The result of a lookup in the shared store.
pub(crate) enum LookupOutcome<V> {
    /// An entry that may answer, and its freshness. `awaited`: another process stored it during the wait.
    Found { entry: Entry<V>, freshness: Freshness, awaited: bool },
    /// The request loads.
    Load { reason: MissReason, replaces: Option<Timestamp>, storing: Storing },
    /// Another process loads the key, and the request must not wait for it.
    Held,
    /// The wait timed out; `reason` is why the request loads.
    TimedOut { reason: MissReason, replaces: Option<Timestamp> },
}

/// Whether the lookup waits while another process loads.
pub(crate) enum WaitPolicy<'a, 'b> {
    No,
    /// Waits like this request.
    Yes(&'a RequestGuard<'b>),
}

/// The result of one look.
pub(super) enum L2Read<V> {
    Usable(Entry<V>, Freshness),
    Unusable(MissReason, Option<Timestamp>),
    Failed,
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    pub(crate) async fn lookup(
        &self,
        shared: &SharedTier<K, V>,
        key: &HashedKey<K>,
        name: &EntryName,
        plan: Plan,
        patience: WaitPolicy<'_, '_>,
    ) -> LookupOutcome<V> {
        if plan.accepts == Accepts::Nothing {
            return LookupOutcome::Load {
                reason: MissReason::Unknown,
                replaces: plan.replaces,
                storing: Storing::Over,
            };
        }
        let mut looked = self.look(shared, key, name, plan).await;
        let mut wait: Option<WaitGuard<'_>> = None;
        let mut patience_ends = None;
        let mut pause = LOOKS.0;
        loop {
            let (reason, replaces) = match looked {
                L2Read::Usable(entry, freshness) => {
                    let awaited = wait.is_some();
                    end(wait, WaitOutcome::Shared);
                    return LookupOutcome::Found { entry, freshness, awaited };
                }
                L2Read::Failed => {
                    end(wait, WaitOutcome::LeaderFailed);
                    return LookupOutcome::Load {
                        reason: MissReason::StoreError,
                        replaces: None,
                        storing: Storing::Not,
                    };
                }
                L2Read::Unusable(reason, replaces) => (reason, replaces),
            };
            let Some(term) = shared.settings.lease else {
                return LookupOutcome::Load { reason, replaces, storing: Storing::Over };
            };
            let token = Lease::draw();
            let asked = shared.store.lease(&name.key, token, term);
            match shared.ask(self.guards(), Operation::Lease, asked).await {
                Err(_) => {
                    end(wait, WaitOutcome::LeaderFailed);
                    return LookupOutcome::Load { reason, replaces, storing: Storing::Not };
                }
                Ok(LeaseResult::Granted(bytes)) => {
                    let lease = Lease::new(Arc::clone(&shared.store), name.key.clone(), token);
                    // Another process may have stored a value since the look.
                    looked = self.read(shared, key, name, plan, bytes.as_deref());
                    if let L2Read::Unusable(reason, replaces) = looked {
                        end(wait, WaitOutcome::LeaderFailed);
                        return LookupOutcome::Load { reason, replaces, storing: Storing::Under(lease) };
                    }
                    continue;
                }
                Ok(LeaseResult::Held) => {}
            }
            let WaitPolicy::Yes(request) = &patience else { return LookupOutcome::Held };
            if wait.is_none() {
                wait = Some(request.wait(WaitScope::Store, self.clock.now()));
            }
            let nap = pin!(self.clock.sleep(pause));
            let patience_ends = patience_ends.get_or_insert_with(|| match self.loading.wait_timeout {
                Some(timeout) => Either::Left(self.clock.sleep(timeout)),
                None => Either::Right(pending()),
            });
            if let Either::Right(_) = select(nap, patience_ends).await {
                end(wait, WaitOutcome::Timeout);
                return LookupOutcome::TimedOut { reason, replaces };
            }
            pause = pause.saturating_mul(2).min(LOOKS.1);
            looked = self.look(shared, key, name, plan).await;
        }
    }

    pub(super) async fn look(
        &self,
        shared: &SharedTier<K, V>,
        key: &HashedKey<K>,
        name: &EntryName,
        plan: Plan,
    ) -> L2Read<V> {
        // An entry that was invalidated here isn't trusted until the removal is delivered.
        if shared.outbox.concerns(&name.key) && shared.deliver(self.guards()).await.is_err() {
            return L2Read::Failed;
        }
        match shared.ask(self.guards(), Operation::Get, shared.store.get(&name.key)).await {
            Err(_) => L2Read::Failed,
            Ok(bytes) => {
                if !shared.outbox.is_empty() {
                    self.deliver_in_background();
                }
                self.read(shared, key, name, plan, bytes.as_deref())
            }
        }
    }

    /// Decodes the store's bytes, and decides whether the entry answers the request.
    fn read(
        &self,
        shared: &SharedTier<K, V>,
        key: &HashedKey<K>,
        name: &EntryName,
        plan: Plan,
        bytes: Option<&[u8]>,
    ) -> L2Read<V> {
        let Some(bytes) = bytes else {
            // Memory still has an entry, so nothing left it.
            let reason = if plan.replaces.is_some() { MissReason::Unknown } else { self.why_absent(key.hash()) };
            return L2Read::Unusable(reason, None);
        };
        let Ok(stored) = shared.decode(&self.clock, name, bytes) else {
            return L2Read::Unusable(MissReason::Corrupt, None);
        };
        let entry = self.entry_of(key, stored);
        let freshness = self.memory.policy.freshness_by_age(Some(&entry), self.clock.now(), plan.max_age);
        let takes_it = match freshness {
            Freshness::Fresh => true,
            Freshness::Aging => matches!(plan.accepts, Accepts::Fresh | Accepts::Any),
            Freshness::Stale => match plan.accepts {
                Accepts::Any => true,
                // Only where the entry can be refreshed in the background.
                Accepts::Fresh => self.background.spawner().is_some(),
                Accepts::Refreshed | Accepts::Nothing => false,
            },
            Freshness::Absent | Freshness::Expired => false,
        };
        if takes_it {
            L2Read::Usable(entry, freshness)
        } else {
            L2Read::Unusable(MissReason::Expired, Some(entry.fresh_until))
        }
    }

    pub(super) fn entry_of(&self, key: &HashedKey<K>, stored: StoredValue<V>) -> Entry<V> {
        let StoredValue { value, stored_at, fresh_until, cost } = stored;
        let stored_at = self.clock.timestamp_of(stored_at);
        let fresh_until = fresh_until.map_or(Timestamp::NEVER, |until| self.clock.timestamp_of(until));
        let random = self.memory.hasher.hash_one((key.hash(), stored_at));
        let renew_from = self.memory.policy.renew_from(stored_at, fresh_until, cost, random);
        let weight = self.memory.store.weigh(key.key(), &value);
        Entry { value, stored_at, renew_from, fresh_until, cost: LoadCost::new(cost), weight }
    }

    /// Returns the shared store, and the name of the key's entry there.
    pub(crate) fn shared_name(&self, key: &HashedKey<K>) -> Option<(&Arc<SharedTier<K, V>>, EntryName)> {
        let shared = self.l2.as_ref()?;
        let name = shared.name(key.key());
        if name.is_none() {
            self.recorder.store_failed(Operation::Get, StoreErrorKind::Unencodable);
        }
        Some((shared, name?))
    }
}

fn end(wait: Option<WaitGuard<'_>>, outcome: WaitOutcome) {
    if let Some(wait) = wait {
        wait.end(outcome);
    }
}
