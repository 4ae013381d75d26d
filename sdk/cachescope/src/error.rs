//! The error of a call.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

/// The error of a call. Cheap to clone: requests that shared a load share its error.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError<E> {
    /// The error that the wrapped function returned. The next call loads again, unless the cache remembers errors
    /// ([`Builder::cache_errors_for`](crate::Builder::cache_errors_for)).
    Load(Arc<E>),
}

impl<E> CallError<E> {
    /// Returns the wrapped function's error, if there is one.
    pub fn load_error(&self) -> Option<&E> {
        match self {
            Self::Load(error) => Some(error),
        }
    }
}

impl CallError<Infallible> {
    /// Unwraps the answer of a function that returns no error.
    pub(crate) fn into_ok<V>(answer: Result<V, Self>) -> V {
        match answer {
            Ok(value) => value,
            Err(Self::Load(error)) => match *error {},
        }
    }
}

/// Two call errors are equal if the wrapped function's errors are equal.
impl<E: PartialEq> PartialEq for CallError<E> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Load(one), Self::Load(other)) => one == other,
        }
    }
}

impl<E: Eq> Eq for CallError<E> {}

impl<E> Clone for CallError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Load(error) => Self::Load(Arc::clone(error)),
        }
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // This error displays as the load's error, so its source is the next one in the chain.
            Self::Load(error) => error.source(),
        }
    }
}
