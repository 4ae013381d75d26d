//! Invalidations that processes announce to each other.

use super::store_future::StoreFuture;

/// An invalidation that a process announces to other processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invalidation {
    /// One key, in a form that sender and receiver agree on, of at most 4 KiB.
    Key(String),
    /// All entries of the scope.
    All,
}

impl Invalidation {
    /// Returns the text to send. A key must not be a single `*`.
    #[must_use]
    pub fn as_text(&self) -> &str {
        match self {
            Self::Key(key) => key,
            Self::All => "*",
        }
    }

    /// Parses the text that [`Invalidation::as_text`] returned.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text == "*" { Self::All } else { Self::Key(text) }
    }
}

/// The invalidations that processes announce, in order.
#[doc(alias = "pub/sub")]
#[doc(alias = "subscription")]
pub trait InvalidationStream: Send {
    /// Waits for the next invalidation. An error means that some may have been missed and that the stream has ended. To
    /// continue, call [`listen`](super::ByteStore::listen) again. The future may be dropped without losing an
    /// invalidation.
    fn next(&mut self) -> StoreFuture<'_, Invalidation>;
}
