//! The stages of a request between look-up and answer, and what each hands to the next.

use std::sync::Arc;
use std::time::Duration;

use cachescope_core::{Entry, MissReason, RequestOutcome, RequestResult, Timestamp};

use crate::engine::freshness::{Freshness, RequestOptions};
use crate::engine::single_flight::{Leader, StandIn};
use crate::insight::KeyEvent;
use crate::telemetry::guards::RequestGuard;

/// A lookup that wasn't a plain hit.
pub(crate) struct Missed<V> {
    /// The start of the request.
    pub(crate) start: Timestamp,
    pub(crate) options: RequestOptions,
    pub(crate) found: Option<Entry<V>>,
    pub(crate) freshness: Freshness,
}

/// The answers that an open request accepts, and its outcome if it loads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) outcome: RequestOutcome,
    /// The oldest acceptable age.
    pub(crate) max_age: Option<Duration>,
    pub(crate) accepts: Accepts,
    /// The expiry of the entry that the load replaces.
    pub(crate) replaces: Option<Timestamp>,
}

impl Plan {
    /// Returns the plan of a background refresh, which ends at once if the entry has been refreshed already.
    pub(crate) fn refresh<V>(entry: &Entry<V>) -> Self {
        let outcome = RequestOutcome::new(RequestResult::Stale);
        Self { outcome, max_age: None, accepts: Accepts::Refreshed, replaces: Some(entry.fresh_until) }
    }

    /// Returns the plan of a request that looks and never loads.
    pub(crate) fn only_if_cached(max_age: Option<Duration>) -> Self {
        Self { outcome: RequestOutcome::miss(MissReason::Unknown), max_age, accepts: Accepts::Any, replaces: None }
    }

    /// Returns the event that insight records for the key when the loaded value is stored with this weight.
    pub(crate) fn key_event(&self, weight: u32) -> KeyEvent {
        match self.outcome.result {
            // A refresh, or a load that the request asked for.
            RequestResult::Stale | RequestResult::Bypass => KeyEvent::Refreshed { weight },
            // The entry was there, or was removed because it had expired.
            _ if self.replaces.is_some() || self.outcome.reason == Some(MissReason::Expired) => {
                KeyEvent::LoadedExpired { weight }
            }
            _ => KeyEvent::LoadedAbsent { weight },
        }
    }
}

/// The entries that answer a request when its turn to load has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// Every entry that may answer.
    Fresh,
    /// Every entry that may answer, also one that should be refreshed: the request neither loads nor refreshes.
    Any,
    /// An entry that needs no refresh: the request is a refresh.
    Refreshed,
    /// None: the request always loads.
    Nothing,
}

/// The state of a request after its lookup.
pub(crate) enum Started<'a, V> {
    Answered(V),
    /// The request loads without joining a flight.
    Uncached(RequestGuard<'a>, Plan),
    /// The request loads, or waits for a load.
    Open(RequestGuard<'a>, Plan),
}

/// An answer that a request finds when its turn to load has come.
pub(crate) enum Known<V, E> {
    /// The entry of a load that landed after the lookup.
    Entry(Entry<V>),
    /// A remembered error.
    Error(Arc<E>),
}

/// The receivers of a load's answer, besides the request that runs the load.
pub(crate) enum Landing<'a, K: Eq, V, E> {
    /// Nobody.
    Detached,
    /// All followers of the flight.
    Leading(Leader<K, V, E>),
    /// All followers of a flight whose own load takes too long.
    StandIn(StandIn<'a, K, V, E>),
}
