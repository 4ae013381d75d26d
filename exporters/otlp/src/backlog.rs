use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use cachescope_exporter::{DropReason, ExporterStats};

use crate::payload::Payload;

/// The capacity in bytes of encoded payloads: about a hundred intervals of a program with a hundred caches.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Delta payloads that wait for a collector to recover, in the order of their intervals.
///
/// The SDK forgets a delta once it has exported it. A delta that is lost would be missing from every later total. A
/// cumulative payload doesn't have to wait: the next one includes it.
#[derive(Debug)]
pub(crate) struct Backlog {
    waiting: Mutex<VecDeque<Payload>>,
    max_bytes: usize,
    stats: ExporterStats,
}

impl Backlog {
    pub(crate) fn new(stats: ExporterStats) -> Self {
        Self { waiting: Mutex::default(), max_bytes: MAX_BYTES, stats }
    }

    /// Adds the newest payload.
    pub(crate) fn push(&self, payload: Payload) {
        self.with(|waiting| waiting.push_back(payload));
    }

    /// Returns a payload that was popped, to be tried again, as the oldest one.
    pub(crate) fn put_back(&self, payload: Payload) {
        self.with(|waiting| waiting.push_front(payload));
    }

    /// Removes the oldest payload.
    pub(crate) fn pop(&self) -> Option<Payload> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Drops all payloads, and counts them as dropped by the shutdown.
    pub(crate) fn end(&self) {
        while let Some(payload) = self.pop() {
            self.stats.dropped(DropReason::Shutdown, payload.items);
        }
    }

    /// Adds a payload, and drops the oldest ones while the capacity is exceeded.
    fn with(&self, add: impl FnOnce(&mut VecDeque<Payload>)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut waiting);
        let mut bytes: usize = waiting.iter().map(|payload| payload.body.len()).sum();
        // A single payload may exceed the capacity, so that every payload is tried once.
        while bytes > self.max_bytes && waiting.len() > 1 {
            let Some(oldest) = waiting.pop_front() else { break };
            bytes -= oldest.body.len();
            self.stats.dropped(DropReason::QueueFull, oldest.items);
        }
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use cachescope_exporter::ExportedItem;

    use super::*;

    fn payload(items: u64, bytes: usize) -> Payload {
        Payload { body: vec![0; bytes].into(), items, at_most_once: true }
    }

    #[test]
    fn oldest_payload_is_sent_first_and_is_dropped_first_when_full() {
        let stats = ExporterStats::new("test_exporter", ExportedItem::DataPoint);
        let mut backlog = Backlog::new(stats.clone());
        backlog.max_bytes = 10;
        for items in 1..=3 {
            backlog.push(payload(items, 4));
        }
        assert_eq!(stats.total_dropped_for(DropReason::QueueFull), 1);
        let oldest = backlog.pop().unwrap();
        assert_eq!(oldest.items, 2);
        backlog.put_back(oldest);
        assert_eq!(backlog.pop().unwrap().items, 2);
        backlog.push(payload(9, 11));
        assert_eq!(stats.total_dropped_for(DropReason::QueueFull), 1 + 3);
        let large = backlog.pop().unwrap();
        assert_eq!(large.items, 9, "a single payload may exceed the capacity");
        backlog.put_back(large);
        backlog.push(payload(5, 1));
        assert_eq!(stats.total_dropped_for(DropReason::QueueFull), 1 + 3 + 9);
        drop(backlog);
        assert_eq!(stats.total_dropped_for(DropReason::Shutdown), 5);
    }
}
