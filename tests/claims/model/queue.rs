//! The slots of concurrent loads, and the queue for a slot.

use std::collections::VecDeque;

/// The slots of concurrent loads. A waiting load has a ticket.
pub(crate) struct Places {
    /// The number of free slots; `None` is without a limit.
    free: Option<usize>,
    tickets: u64,
    queue: VecDeque<u64>,
    /// Tickets that have a slot and haven't claimed it yet.
    granted: Vec<u64>,
}

impl Places {
    pub(crate) fn new(places: Option<usize>) -> Self {
        Self { free: places, tickets: 0, queue: VecDeque::new(), granted: Vec::new() }
    }

    /// Takes a slot, or returns the ticket to wait for one.
    pub(crate) fn take(&mut self) -> Option<u64> {
        match &mut self.free {
            None => None,
            Some(0) => {
                self.tickets += 1;
                self.queue.push_back(self.tickets);
                Some(self.tickets)
            }
            Some(free) => {
                *free -= 1;
                None
            }
        }
    }

    pub(crate) fn is_granted(&self, ticket: u64) -> bool {
        self.granted.contains(&ticket)
    }

    /// Claims the slot of a ticket; returns whether it has one.
    pub(crate) fn claim(&mut self, ticket: u64) -> bool {
        let before = self.granted.len();
        self.granted.retain(|granted| *granted != ticket);
        self.granted.len() < before
    }

    /// Frees the slot of a load for the next ticket in the queue.
    pub(crate) fn release(&mut self) {
        match self.queue.pop_front() {
            Some(next) => self.granted.push(next),
            None => self.free = self.free.map(|free| free + 1),
        }
    }

    /// Leaves the queue, and frees the slot if there was one.
    pub(crate) fn give_up(&mut self, ticket: u64) {
        if self.claim(ticket) {
            self.release();
        }
        self.queue.retain(|queued| *queued != ticket);
    }
}
