//! What can go wrong with a store that isn't in this process's memory.

use std::error::Error;
use std::fmt;

use crate::outcome::StoreErrorKind;

/// An operation on a store that failed. Its text tells the kind and no key or value; the client's own error, which
/// may, is its [`source`](Error::source).
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error of this kind, for the reason that the client gives.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl From<StoreErrorKind> for StoreError {
    fn from(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Timeout => "the store didn't answer in time",
            StoreErrorKind::Unreachable => "the store can't be reached",
            StoreErrorKind::Suspended => "the store was failing and isn't asked for a while",
            StoreErrorKind::Full => "the store has no room",
            StoreErrorKind::Refused => "the store refuses us",
            StoreErrorKind::Unencodable => "the value can't be encoded",
            StoreErrorKind::Other => "the store failed",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
