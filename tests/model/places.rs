//! The places that loads run in, and who queues for one.

use std::collections::VecDeque;

/// How many loads may run at a time. Each queues by a ticket.
pub(crate) struct Places {
    /// `None` is any number.
    free: Option<usize>,
    tickets: u64,
    queue: VecDeque<u64>,
    /// A place is theirs, and they are yet to come for it.
    granted: Vec<u64>,
}

impl Places {
    pub(crate) fn new(places: Option<usize>) -> Self {
        Self { free: places, tickets: 0, queue: VecDeque::new(), granted: Vec::new() }
    }

    /// Takes a place, or the ticket to wait for one with.
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

    /// Comes for the place, if it is there.
    pub(crate) fn claim(&mut self, ticket: u64) -> bool {
        let before = self.granted.len();
        self.granted.retain(|granted| *granted != ticket);
        self.granted.len() < before
    }

    /// A load is over: its place is the next one's in the queue.
    pub(crate) fn release(&mut self) {
        match self.queue.pop_front() {
            Some(next) => self.granted.push(next),
            None => self.free = self.free.map(|free| free + 1),
        }
    }

    /// Leaves the queue, and the place if there was one.
    pub(crate) fn give_up(&mut self, ticket: u64) {
        if self.claim(ticket) {
            self.release();
        }
        self.queue.retain(|queued| *queued != ticket);
    }
}
