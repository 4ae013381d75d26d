//! The limit of concurrent loads of one cache, and the queue of requests for a permit.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cachescope_core::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The permits to load. First come, first served.
#[derive(Debug)]
pub(crate) struct LoadLimit {
    places: Arc<Semaphore>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    last: u64,
    since: BTreeSet<(Timestamp, u64)>,
}

/// A permit to load; dropping it frees the permit for the next load.
pub(crate) type Place = OwnedSemaphorePermit;

impl LoadLimit {
    pub(crate) fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))), queue: Mutex::default() }
    }

    /// Takes a permit, if one is free.
    pub(crate) fn take(&self) -> Option<Place> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Queues for a permit. `since` is the start of the wait, if a request waits.
    pub(crate) async fn queue(&self, since: Option<Timestamp>) -> Option<Place> {
        let _turn = since.map(|since| Turn::new(self, since));
        // An error means that the semaphore was closed, which never happens: then loads run without a permit.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Returns the start of the oldest wait in the queue.
    pub(crate) fn oldest_wait(&self) -> Option<Timestamp> {
        self.lock().since.first().map(|(since, _)| *since)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn in the queue.
struct Turn<'a> {
    limit: &'a LoadLimit,
    since: (Timestamp, u64),
}

impl<'a> Turn<'a> {
    fn new(limit: &'a LoadLimit, since: Timestamp) -> Self {
        let mut queue = limit.lock();
        queue.last += 1;
        let since = (since, queue.last);
        queue.since.insert(since);
        Self { limit, since }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.limit.lock().since.remove(&self.since);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn any_number_of_permits_is_possible() {
        assert!(LoadLimit::new(usize::MAX).take().is_some());
    }

    #[test]
    fn permits_are_given_in_order_of_arrival() {
        let limit = LoadLimit::new(2);
        let (one, two) = (limit.take().unwrap(), limit.take().unwrap());
        assert!(limit.take().is_none());
        let (mut third, mut fourth) = (
            Box::pin(limit.queue(Some(Timestamp::from_nanos(3)))),
            Box::pin(limit.queue(Some(Timestamp::from_nanos(4)))),
        );
        assert!((&mut third).now_or_never().is_none() && (&mut fourth).now_or_never().is_none());
        assert_eq!(limit.oldest_wait(), Some(Timestamp::from_nanos(3)));
        drop(one);
        assert!((&mut fourth).now_or_never().is_none(), "the third was first");
        drop(third);
        assert_eq!(limit.oldest_wait(), Some(Timestamp::from_nanos(4)));
        assert!((&mut fourth).now_or_never().flatten().is_some(), "a place that nobody took is handed on");
        assert_eq!(limit.oldest_wait(), None);
        drop(two);
    }
}
