//! The contract of shared stores.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::invalidation::{Invalidation, InvalidationStream};
use super::lease::{LeaseResult, LeaseToken};
use super::scope::{Scope, StoreKey};
use super::store_future::StoreFuture;

/// A shared store, on disk or in a server, which several processes use or which outlives a process.
///
/// A byte store keeps bytes under names, each with a TTL, and doesn't know their meaning. The cache sets a time limit
/// for each operation, counts failures, and continues without the store. So a store neither retries nor waits for long.
/// The future of an operation may be dropped at any point. Then the operation has happened or not, but never by half.
///
/// A **lease** is the right to load a key, and at most one process has it. A lease ends when it is released, when its
/// term is over, when `put` is called without a lease, and by `remove` and `clear`. So a value that was loaded before
/// an invalidation isn't stored after it. A store without leases keeps the default methods, which grant every request.
///
/// The crate `cachescope-testing` checks that a store fulfils this contract.
#[doc(alias = "L2")]
#[doc(alias = "remote cache")]
#[doc(alias = "distributed cache")]
pub trait ByteStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the kind of the store, the value of the attribute `cachescope.store`. It is short, in lower case, and
    /// the same for all stores of a kind.
    fn kind(&self) -> &'static str;

    /// Returns the bytes stored under `key`, or `None` if there are none or their TTL is over.
    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>>;

    /// Stores bytes under `key` for `ttl`, or forever if `ttl` is `None`, and replaces earlier bytes. Returns whether
    /// the bytes were stored.
    ///
    /// Without a lease, this always stores, and ends the key's lease of any holder. With a lease, it stores only if the
    /// lease is still held, and ends it.
    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        ttl: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool>;

    /// Removes the bytes stored under `key`, and ends the key's lease.
    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()>;

    /// Removes all entries of `scope`, and ends all leases of its keys.
    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()>;

    /// Acquires the lease of `key` for `term`, unless another token holds it. Returns the bytes that are stored at that
    /// moment. If `token` already holds the lease, its term starts again.
    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, LeaseResult> {
        let _ = (token, term);
        Box::pin(async { Ok(LeaseResult::Granted(self.get(key).await?)) })
    }

    /// Releases the lease of `key` if `token` still holds it.
    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        let _ = (key, token);
        Box::pin(async { Ok(()) })
    }

    /// Returns the number and the size of the entries of `scope`.
    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        let _ = scope;
        Box::pin(async { Ok(StoreSize::default()) })
    }

    /// Removes expired entries of `scope`, in small steps, and returns their number. A server that removes expired
    /// entries itself keeps the default, which does nothing.
    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        let _ = scope;
        Box::pin(async { Ok(0) })
    }

    /// Announces an invalidation to all processes that listen to `scope`. The default does nothing.
    fn announce<'a>(&'a self, scope: &'a Scope, invalidation: &'a Invalidation) -> StoreFuture<'a, ()> {
        let _ = (scope, invalidation);
        Box::pin(async { Ok(()) })
    }

    /// Subscribes to the invalidations that are announced in `scope` from now on, also by this process. Returns `None`
    /// if the store has no such channel.
    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn InvalidationStream>>> {
        let _ = scope;
        Box::pin(async { Ok(None) })
    }
}

/// The size of a scope. `None` means that counting would be too expensive for the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreSize {
    /// The number of entries, including expired ones that aren't swept yet.
    pub entries: Option<u64>,
    /// The bytes of the entries, without the overhead of the store.
    pub bytes: Option<u64>,
    /// Whether the numbers are exact rather than estimated.
    pub exact: bool,
}

impl<B: ByteStore + ?Sized> ByteStore for Arc<B> {
    fn kind(&self) -> &'static str {
        (**self).kind()
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        (**self).get(key)
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        ttl: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        (**self).put(key, bytes, ttl, lease)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        (**self).remove(key)
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        (**self).clear(scope)
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, LeaseResult> {
        (**self).lease(key, token, term)
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        (**self).release(key, token)
    }

    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        (**self).size(scope)
    }

    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        (**self).sweep(scope)
    }

    fn announce<'a>(&'a self, scope: &'a Scope, invalidation: &'a Invalidation) -> StoreFuture<'a, ()> {
        (**self).announce(scope, invalidation)
    }

    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn InvalidationStream>>> {
        (**self).listen(scope)
    }
}
