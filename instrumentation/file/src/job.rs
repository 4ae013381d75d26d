//! Work with files, on threads that may wait.

use std::io;
use std::sync::{Arc, Weak};

use cachescope_core::shared::StoreFuture;

use crate::error::store_error;

/// Whether somebody still waits for what a job gives.
#[derive(Clone, Debug)]
pub(crate) struct Asker(Option<Weak<()>>);

impl Asker {
    /// For work that must not end half-way.
    pub(crate) const ALWAYS: Self = Self(None);

    /// # Errors
    /// If nobody does.
    pub(crate) fn still_waits(&self) -> io::Result<()> {
        match &self.0 {
            Some(waits) if waits.strong_count() == 0 => {
                Err(io::Error::new(io::ErrorKind::Interrupted, "the operation was dropped"))
            }
            _ => Ok(()),
        }
    }
}

/// Runs `work` on a pool's thread. Where it is dropped before that began, or while it waits for a lock, nothing
/// happens; later, it happens to its end.
pub(crate) fn run<'a, T: Send + 'static>(
    work: impl FnOnce(&Asker) -> io::Result<T> + Send + 'static,
) -> StoreFuture<'a, T> {
    Box::pin(async move {
        let waits = Arc::new(());
        let asker = Asker(Some(Arc::downgrade(&waits)));
        let done = blocking::unblock(move || work(&asker)).await;
        drop(waits);
        done.map_err(store_error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_dropped_it_waits_no_more() {
        let waits = Arc::new(());
        let asker = Asker(Some(Arc::downgrade(&waits)));
        assert!(asker.still_waits().is_ok());
        drop(waits);
        assert_eq!(asker.still_waits().unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert!(Asker::ALWAYS.still_waits().is_ok());
    }
}
