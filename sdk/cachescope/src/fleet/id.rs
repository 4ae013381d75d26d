//! Which process it is.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::shared::random;

/// An instance of a fleet: one process, from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct InstanceId(pub(super) u64);

impl InstanceId {
    /// This process. Drawn once, so that one that joins twice is still counted once.
    pub(super) fn of_this_process() -> Self {
        static DRAWN: LazyLock<u64> = LazyLock::new(random);
        Self(*DRAWN)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
