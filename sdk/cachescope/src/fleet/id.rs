//! The identity of an instance.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::l2::random;

/// An instance of a fleet: one process, from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct InstanceId(pub(super) u64);

impl InstanceId {
    /// Returns the id of this process. It is drawn once, so a process that joins twice counts once.
    pub(super) fn this_process() -> Self {
        static DRAWN: LazyLock<u64> = LazyLock::new(random);
        Self(*DRAWN)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
