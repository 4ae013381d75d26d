//! The loader: the wrapped function, boxed. It runs only on a miss, and its type stays out of the cache's type.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::{CatchUnwind, Either};
use opentelemetry::trace::{FutureExt as _, WithContext};

use crate::engine::load_limit::Place;

type LoadFuture<V, E> = Pin<Box<dyn Future<Output = Result<V, E>> + Send>>;
type Caught<V, E> = CatchUnwind<AssertUnwindSafe<LoadFuture<V, E>>>;

/// A function from a key to its value, or from many keys to their values.
pub(crate) struct Loader<K, V, E>(Box<dyn Fn(K) -> LoadFuture<V, E> + Send + Sync>);

/// The payload of a caught panic.
pub(crate) type Panic = Box<dyn std::any::Any + Send>;

impl<K: Send + 'static, V, E> Loader<K, V, E> {
    pub(crate) fn new<F, R>(load: F) -> Self
    where
        F: Fn(K) -> R + Send + Sync + 'static,
        R: Future<Output = Result<V, E>> + Send + 'static,
    {
        let load = Arc::new(load);
        // Called within the future, so that a panic is caught and the span is active from its first line on.
        Self(Box::new(move |key| {
            let load = Arc::clone(&load);
            Box::pin(async move { load(key).await })
        }))
    }

    /// Wraps a function that returns no error.
    pub(crate) fn of_values<F, R>(load: F) -> Self
    where
        F: Fn(K) -> R + Send + Sync + 'static,
        R: Future<Output = V> + Send + 'static,
        V: 'static,
        E: 'static,
    {
        Self::new(move |key| load(key).map(Ok))
    }

    /// Wraps a blocking function, which ends with the first poll.
    #[cfg(feature = "sync")]
    pub(crate) fn blocking(load: impl Fn(K) -> Result<V, E> + Send + Sync + 'static) -> Self
    where
        V: Send + 'static,
        E: Send + 'static,
    {
        Self::new(move |key| std::future::ready(load(key)))
    }

    /// Starts a load in `context`, holding `place`.
    pub(crate) fn start(&self, key: K, context: Option<opentelemetry::Context>, place: Option<Place>) -> Running<V, E> {
        let caught = AssertUnwindSafe((self.0)(key)).catch_unwind();
        let future = match context {
            Some(context) => Either::Left(caught.with_context(context)),
            // A thread that is ending can't attach a context.
            None => Either::Right(caught),
        };
        Running { future, _place: place }
    }
}

/// A run of the loader. Catches its panic, so that the guards count it before the panic continues.
pub(crate) struct Running<V, E> {
    future: Either<WithContext<Caught<V, E>>, Caught<V, E>>,
    _place: Option<Place>,
}

impl<V, E> Future for Running<V, E> {
    type Output = Result<Result<V, E>, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.future.poll_unpin(cx)
    }
}
