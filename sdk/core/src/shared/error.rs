//! Errors of shared stores.

use std::error::Error;
use std::fmt;

use crate::outcome::StoreErrorKind;

/// The error of an operation on a shared store. Its text contains the kind, and never a key or a value. The client's
/// own error may contain them; it is the [`source`](Error::source).
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// Creates an error of this kind, with the client's error as its source.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// Returns the kind.
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
            StoreErrorKind::Suspended => "the circuit breaker is open, because the store kept failing",
            StoreErrorKind::Full => "the store has no capacity left",
            StoreErrorKind::Refused => "the store rejected the operation",
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
