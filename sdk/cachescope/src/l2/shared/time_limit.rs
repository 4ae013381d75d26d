//! The time limit of an operation on a store.

use std::panic::AssertUnwindSafe;
use std::pin::pin;

use cachescope_core::shared::StoreError;
use cachescope_core::{Sleep, StoreErrorKind};
use futures_util::FutureExt;
use futures_util::future::{Either, select};

/// Runs an operation for at most `limit`. A store may be the user's own, so a panic of the store becomes an error.
pub(crate) async fn within<T>(
    limit: Sleep,
    asked: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match select(pin!(AssertUnwindSafe(asked).catch_unwind()), limit).await {
        Either::Left((Ok(outcome), _)) => outcome,
        Either::Left((Err(_), _)) => Err(StoreError::new(StoreErrorKind::Other, "it panicked")),
        Either::Right(_) => Err(StoreErrorKind::Timeout.into()),
    }
}
