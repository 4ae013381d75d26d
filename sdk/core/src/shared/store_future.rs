//! The future of an operation on a shared store.

use std::pin::Pin;

use super::error::StoreError;

/// The future that an operation of a [`ByteStore`](super::ByteStore) returns.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;
