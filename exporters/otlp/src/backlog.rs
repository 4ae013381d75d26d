//! Differences that wait for a collector to come back.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use cachescope_core::{DropReason, Exports};

use crate::payload::Payload;

/// What may wait, encoded, or the newest alone: some hundred intervals of a program with a hundred caches.
const ROOM: usize = 8 * 1024 * 1024;

/// Payloads in the order of their intervals. The SDK forgets a difference once it has handed it over, so one that did
/// not arrive would be missing from every total for ever; a running total is simply sent anew.
#[derive(Debug)]
pub(crate) struct Backlog {
    held: Mutex<VecDeque<Payload>>,
    room: usize,
    exports: Exports,
}

impl Backlog {
    pub(crate) fn new(exports: Exports) -> Self {
        Self { held: Mutex::default(), room: ROOM, exports }
    }

    /// The newest.
    pub(crate) fn push(&self, payload: Payload) {
        self.with(|held| held.push_back(payload));
    }

    /// One that was popped, and is to be tried again.
    pub(crate) fn put_back(&self, payload: Payload) {
        self.with(|held| held.push_front(payload));
    }

    /// The oldest.
    pub(crate) fn pop(&self) -> Option<Payload> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What is left won't be sent any more.
    pub(crate) fn end(&self) {
        while let Some(payload) = self.pop() {
            self.exports.dropped(DropReason::Shutdown, payload.items);
        }
    }

    fn with(&self, add: impl FnOnce(&mut VecDeque<Payload>)) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut held);
        let mut bytes: usize = held.iter().map(|payload| payload.body.len()).sum();
        // The only one goes, however large: where nothing waits, nothing is held.
        while bytes > self.room && held.len() > 1 {
            let Some(oldest) = held.pop_front() else { break };
            bytes -= oldest.body.len();
            self.exports.dropped(DropReason::QueueFull, oldest.items);
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
    use cachescope_core::ExportedItem;

    use super::*;

    fn payload(items: u64, bytes: usize) -> Payload {
        Payload { body: vec![0; bytes].into(), items, at_most_once: true }
    }

    #[test]
    fn the_oldest_goes_first_and_gives_way_when_there_is_no_room() {
        let exports = Exports::new("test_exporter", ExportedItem::DataPoint);
        let mut backlog = Backlog::new(exports.clone());
        backlog.room = 10;
        for items in 1..=3 {
            backlog.push(payload(items, 4));
        }
        assert_eq!(exports.total_dropped_for(DropReason::QueueFull), 1);
        let oldest = backlog.pop().unwrap();
        assert_eq!(oldest.items, 2);
        backlog.put_back(oldest);
        assert_eq!(backlog.pop().unwrap().items, 2);
        backlog.push(payload(9, 11));
        assert_eq!(exports.total_dropped_for(DropReason::QueueFull), 1 + 3);
        let large = backlog.pop().unwrap();
        assert_eq!(large.items, 9, "by itself it goes, however large");
        backlog.put_back(large);
        backlog.push(payload(5, 1));
        assert_eq!(exports.total_dropped_for(DropReason::QueueFull), 1 + 3 + 9);
        drop(backlog);
        assert_eq!(exports.total_dropped_for(DropReason::Shutdown), 5);
    }
}
