//! The expiry of entries in a tiered cache, where each process draws its own refresh times.

use std::time::Duration;

use cachescope_core::{Entry, Timestamp};

use crate::engine::freshness::{Policy, TWO_TO_32};

impl<V> Policy<V> {
    /// Returns the policy of a cache whose memory, in front of a shared store, answers for `memory_ttl`.
    pub(crate) fn before_shared_store(mut self, memory_ttl: Duration) -> Self {
        self.memory_ttl = Some(memory_ttl);
        self
    }

    /// Returns when a refresh is due of an entry that another process may have stored. Each process draws its own time.
    pub(crate) fn renew_from(
        &self,
        stored_at: Timestamp,
        fresh_until: Timestamp,
        cost: Duration,
        random: u64,
    ) -> Timestamp {
        if fresh_until == Timestamp::NEVER {
            return Timestamp::NEVER;
        }
        let u = ((random & 0xffff_ffff) + 1) as f64 / TWO_TO_32;
        fresh_until.before(self.refresh_lead(fresh_until.since(stored_at), cost, u))
    }

    /// Returns how long an entry can answer any request from `now` on; `None`: forever.
    pub(crate) fn use_left(&self, entry: &Entry<V>, now: Timestamp) -> Option<Duration> {
        let spent = entry.fresh_until.after(self.serve_stale_for.max(self.serve_stale_on_error));
        (spent != Timestamp::NEVER).then(|| spent.since(now))
    }
}
