//! What a store says it can do.

/// What a store promises beyond what all stores do. Make it with `..Promises::default()`: there may be more one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promises {
    /// Leases keep processes apart. A store that leaves the trait's defaults, where everybody is granted one, says
    /// false. Default: true.
    pub leases: bool,
    /// Whoever listens to a scope hears what is announced in it. Default: false.
    pub notices: bool,
    /// `sweep` drops what is over, and says how many: nothing else does. Default: false.
    pub sweeps: bool,
    /// The largest value it takes, in bytes; it is held to 10 MiB of it at most, and to 1 MiB in any case.
    /// Default: 10 MiB.
    pub largest: usize,
}

impl Default for Promises {
    fn default() -> Self {
        Self { leases: true, notices: false, sweeps: false, largest: 10 << 20 }
    }
}

/// What a case needs a store to promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Leases,
    Notices,
    Sweeps,
    Bytes(usize),
}

impl Promises {
    pub(super) const fn allow(self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Leases => self.leases,
            Needs::Notices => self.notices,
            Needs::Sweeps => self.sweeps,
            Needs::Bytes(bytes) => self.largest >= bytes,
        }
    }
}
