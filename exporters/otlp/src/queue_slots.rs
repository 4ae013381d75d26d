use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The slots of a queue, for spans that have ended and aren't with the exporter yet.
#[derive(Debug)]
pub(crate) struct QueueSlots {
    taken: AtomicUsize,
    capacity: usize,
}

impl QueueSlots {
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), capacity })
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Takes a slot. Returns false if none is free.
    pub(crate) fn try_take(&self) -> bool {
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.capacity {
            return true;
        }
        self.taken.fetch_sub(1, Ordering::Relaxed);
        false
    }

    pub(crate) fn release(&self, spans: usize) {
        // Saturating, because an export may outlive the queue, which releases all slots when it is dropped.
        let fewer = |taken: usize| Some(taken.saturating_sub(spans));
        let _ = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
    }

    /// Releases all slots. Returns the number of slots that were taken.
    pub(crate) fn release_all(&self) -> usize {
        self.taken.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_full_until_one_is_released() {
        let slots = QueueSlots::new(2);
        assert_eq!([(); 3].map(|()| slots.try_take()), [true, true, false]);
        slots.release(1);
        assert_eq!([(); 2].map(|()| slots.try_take()), [true, false]);
    }
}
