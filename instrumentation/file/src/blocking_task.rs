//! File operations, which run on a pool of threads that may block.

use std::io;
use std::sync::{Arc, Weak};

use cachescope_core::shared::StoreFuture;

use crate::error::store_error;

/// Reports whether the future of an operation was dropped.
#[derive(Clone, Debug)]
pub(crate) struct Cancellation(Option<Weak<()>>);

impl Cancellation {
    /// Never cancels: for work that must not stop half-way.
    pub(crate) const NEVER: Self = Self(None);

    /// Returns an error if the operation was dropped.
    ///
    /// # Errors
    /// `Interrupted`, once the future of the operation was dropped.
    pub(crate) fn check(&self) -> io::Result<()> {
        match &self.0 {
            Some(alive) if alive.strong_count() == 0 => {
                Err(io::Error::new(io::ErrorKind::Interrupted, "the operation was dropped"))
            }
            _ => Ok(()),
        }
    }
}

/// Runs `work` on a thread of the pool.
///
/// If the future is dropped before `work` starts, or while `work` waits for a lock, nothing happens. If it is dropped
/// later, `work` runs to its end.
pub(crate) fn run<'a, T: Send + 'static>(
    work: impl FnOnce(&Cancellation) -> io::Result<T> + Send + 'static,
) -> StoreFuture<'a, T> {
    Box::pin(async move {
        let alive = Arc::new(());
        let cancellation = Cancellation(Some(Arc::downgrade(&alive)));
        let done = blocking::unblock(move || work(&cancellation)).await;
        drop(alive);
        done.map_err(store_error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_fails_when_operation_was_dropped() {
        let alive = Arc::new(());
        let cancellation = Cancellation(Some(Arc::downgrade(&alive)));
        assert!(cancellation.check().is_ok());
        drop(alive);
        assert_eq!(cancellation.check().unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert!(Cancellation::NEVER.check().is_ok());
    }
}
