//! A node of a cluster.

/// A node that holds keys, identified by one of its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) slot: u16,
}
