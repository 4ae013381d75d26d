//! The loads of one cache: the loaders, the limit of loads at a time, and the flights under way.

use std::sync::Arc;
use std::time::Duration;

use cachescope_core::{Clock, Timestamp, WaitOutcome, WaitScope};

use crate::engine::batch::BatchLoader;
use crate::engine::load_limit::{LoadLimit, Place};
use crate::engine::loader::Loader;
use crate::engine::single_flight::Flights;
use crate::telemetry::guards::RequestGuard;

/// Creates the error of a request whose wait timed out.
pub(crate) type WaitError<E> = Box<dyn Fn() -> E + Send + Sync>;

/// The loaders of a cache and the state of its loads.
pub(crate) struct Loading<K, V, E> {
    pub(crate) loader: Loader<K, V, E>,
    pub(crate) batch_loader: Option<BatchLoader<K, V, E>>,
    pub(crate) load_limit: Option<LoadLimit>,
    /// Whether a load goes on in the background after its request was dropped.
    pub(crate) finishes_cancelled_loads: bool,
    /// The longest time that a request waits for another request's load.
    pub(crate) wait_timeout: Option<Duration>,
    /// Creates the error of a request whose wait timed out; with `None` such a request loads for itself.
    pub(crate) wait_error: Option<WaitError<E>>,
    pub(crate) flights: Arc<Flights<K, V, E>>,
}

impl<K: Eq, V, E> Loading<K, V, E> {
    /// Waits for a permit to load, if loads are limited. Counts the wait for `request`.
    pub(crate) async fn place(&self, clock: &Clock, request: Option<&RequestGuard<'_>>) -> Option<Place> {
        let limit = self.load_limit.as_ref()?;
        if let Some(place) = limit.take() {
            return Some(place);
        }
        let now = clock.now();
        let wait = request.map(|request| request.wait(WaitScope::Process, now));
        let place = limit.queue(request.map(|_| now)).await;
        if let Some(wait) = wait {
            wait.end(WaitOutcome::Admitted);
        }
        place
    }

    /// Returns the time since which the oldest waiting request has waited.
    pub(crate) fn oldest_wait(&self) -> Option<Timestamp> {
        let in_queue = self.load_limit.as_ref().and_then(LoadLimit::oldest_wait);
        self.flights.oldest_wait().into_iter().chain(in_queue).min()
    }
}
