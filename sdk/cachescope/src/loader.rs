//! The wrapped function, boxed: it runs only on a miss, and its type stays out of the cache's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;

use futures_util::FutureExt;

type LoadFuture<V, E> = Pin<Box<dyn Future<Output = Result<V, E>> + Send>>;

pub(crate) struct Loader<K, V, E>(Box<dyn Fn(K) -> LoadFuture<V, E> + Send + Sync>);

/// What a caught panic carries.
pub(crate) type Panic = Box<dyn std::any::Any + Send>;

impl<K, V, E> Loader<K, V, E> {
    pub(crate) fn new<F, R>(load: F) -> Self
    where
        F: Fn(K) -> R + Send + Sync + 'static,
        R: Future<Output = Result<V, E>> + Send + 'static,
    {
        Self(Box::new(move |key| Box::pin(load(key))))
    }

    /// Wraps a function that doesn't fail.
    pub(crate) fn of_values<F, R>(load: F) -> Self
    where
        F: Fn(K) -> R + Send + Sync + 'static,
        R: Future<Output = V> + Send + 'static,
        V: 'static,
        E: 'static,
    {
        Self(Box::new(move |key| Box::pin(load(key).map(Ok))))
    }

    /// Runs it, and catches its panic, so that the books can be closed before the panic goes on.
    pub(crate) async fn load(&self, key: K) -> Result<Result<V, E>, Panic> {
        // The function may panic before there is a future. Nothing of ours is left half done by it.
        let future = catch_unwind(AssertUnwindSafe(|| (self.0)(key)))?;
        AssertUnwindSafe(future).catch_unwind().await
    }
}
