//! What stands in place of `shared` where that feature is off.

/// What becomes of a loaded value in a shared store.
pub(crate) enum Storing {
    Not,
}
