//! The capabilities of a store.

/// The optional capabilities of a store. Construct it with `..Capabilities::default()`, because a later version may add
/// fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether leases are exclusive. False for a store that keeps the trait's default methods, which grant every lease.
    /// Default: true.
    pub leases: bool,
    /// Whether listeners of a scope receive the invalidations that are announced in it. Default: false.
    pub invalidations: bool,
    /// Whether `sweep` removes expired entries and returns their number, and nothing else removes them. Default: false.
    pub sweeps: bool,
    /// The maximum size of a value, in bytes. The cases check up to 10 MiB of it, and 1 MiB in any case. Default: 10
    /// MiB.
    pub max_value_bytes: usize,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self { leases: true, invalidations: false, sweeps: false, max_value_bytes: 10 << 20 }
    }
}

/// The capability that a case requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requirement {
    Nothing,
    Leases,
    InvalidationStream,
    Sweeps,
    Bytes(usize),
}

impl Capabilities {
    pub(super) const fn allow(self, requires: Requirement) -> bool {
        match requires {
            Requirement::Nothing => true,
            Requirement::Leases => self.leases,
            Requirement::InvalidationStream => self.invalidations,
            Requirement::Sweeps => self.sweeps,
            Requirement::Bytes(bytes) => self.max_value_bytes >= bytes,
        }
    }
}
