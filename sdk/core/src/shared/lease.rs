//! Leases: the right of one process to load a key.

/// The token of a lease's holder: a number that no other holder has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseToken(u64);

impl LeaseToken {
    /// Creates a token from a random number. Two tokens of 63 bits are equal once in billions of leases. That matters
    /// only if both are for the same key at the same time.
    #[must_use]
    pub const fn from_random(number: u64) -> Self {
        // Positive in a signed 64-bit column of a database, and never zero.
        Self((number >> 1) | 1)
    }

    /// Returns the number, from 1 to 2^63 - 1.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The result of a request for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseResult {
    /// The lease is granted. Contains the bytes that are stored.
    Granted(Option<Vec<u8>>),
    /// Another process holds the lease.
    Held,
}
