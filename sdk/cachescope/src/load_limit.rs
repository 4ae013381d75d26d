//! How many loads of one cache run at a time, and who queues for a place among them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cachescope_core::Moment;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places that a cache's loads run in. First come, first served.
#[derive(Debug)]
pub(crate) struct LoadLimit {
    places: Arc<Semaphore>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    last: u64,
    since: BTreeSet<(Moment, u64)>,
}

/// A load's place; dropping it makes room for the next.
pub(crate) type Place = OwnedSemaphorePermit;

impl LoadLimit {
    pub(crate) fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), queue: Mutex::default() }
    }

    /// A place, if there is one now.
    pub(crate) fn take(&self) -> Option<Place> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Queues for a place; where a request waits for it, since when.
    pub(crate) async fn queue(&self, since: Option<Moment>) -> Option<Place> {
        let _turn = since.map(|since| Turn::new(self, since));
        // An error means that it was closed, which never happens: then loads run without.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Since when the first request of the queue has waited.
    pub(crate) fn oldest_wait(&self) -> Option<Moment> {
        self.lock().since.first().map(|(since, _)| *since)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn in the queue.
struct Turn<'a> {
    limit: &'a LoadLimit,
    since: (Moment, u64),
}

impl<'a> Turn<'a> {
    fn new(limit: &'a LoadLimit, since: Moment) -> Self {
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
    fn places_go_to_those_who_came_first() {
        let limit = LoadLimit::new(2);
        let (one, two) = (limit.take().unwrap(), limit.take().unwrap());
        assert!(limit.take().is_none());
        let (mut third, mut fourth) =
            (Box::pin(limit.queue(Some(Moment::from_nanos(3)))), Box::pin(limit.queue(Some(Moment::from_nanos(4)))));
        assert!((&mut third).now_or_never().is_none() && (&mut fourth).now_or_never().is_none());
        assert_eq!(limit.oldest_wait(), Some(Moment::from_nanos(3)));
        drop(one);
        assert!((&mut fourth).now_or_never().is_none(), "the third was first");
        drop(third);
        assert_eq!(limit.oldest_wait(), Some(Moment::from_nanos(4)));
        assert!((&mut fourth).now_or_never().flatten().is_some(), "a place that nobody took is handed on");
        assert_eq!(limit.oldest_wait(), None);
        drop(two);
    }
}
