//! The options of the exposition.

/// The optional parts of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) scope_labels: bool,
    pub(crate) created: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { scope_labels: true, created: true }
    }
}
