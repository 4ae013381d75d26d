//! A store that several processes use, or that outlives one: it keeps bytes under names.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::error::StoreError;
use super::key::{Scope, StoreKey};

/// What an operation of a [`ByteStore`] gives, once it is there.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store that several processes use, or that outlives one: on disk, or in a server.
///
/// It keeps bytes under names, each for a time of its own, and knows nothing of what they mean. Whoever uses it gives
/// each operation a time limit, counts what fails, and goes on without it; so it neither retries nor waits for long.
/// Every operation may be dropped at any point, and then has happened or not, never by half.
///
/// A **lease** is the right to load a key, which one process has at a time. It ends by being released, by its term, by
/// a `put` without a lease, and by `remove` and `clear`: so a value that was loaded before it was invalidated isn't
/// stored after. A store without leases leaves the defaults: everybody is granted one.
///
/// `cachescope_core::contract` (feature `contract`) tests that a store keeps these promises.
pub trait ByteStore: fmt::Debug + Send + Sync + 'static {
    /// The value of the attribute `cachescope.store`: short, lower case, the same for all stores of a kind.
    fn kind(&self) -> &'static str;

    /// What is stored under `key`; `None` also where its life is over.
    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>>;

    /// Stores bytes under `key` for `life` (`None`: for ever), over what was there. Without a lease it ends the key's
    /// lease, whoever has it; with one it stores only if that is still held, ends it, and says whether it was.
    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        life: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool>;

    /// Drops what is stored under `key`, and ends its lease.
    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()>;

    /// Drops what is stored in `scope`, and ends its leases.
    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()>;

    /// Takes the lease of `key` for `term`, unless another holds it. Says what is stored at that very moment.
    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, Leased> {
        let _ = (token, term);
        Box::pin(async { Ok(Leased::Granted(self.get(key).await?)) })
    }

    /// Gives the lease of `key` back, if `token` is still the one that holds it.
    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        let _ = (key, token);
        Box::pin(async { Ok(()) })
    }

    /// How much `scope` holds.
    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        let _ = scope;
        Box::pin(async { Ok(StoreSize::default()) })
    }

    /// Drops entries of `scope` whose life is over, in small steps, and says how many. Servers that do so by
    /// themselves have nothing to do here.
    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        let _ = scope;
        Box::pin(async { Ok(0) })
    }

    /// Tells the other processes that listen to `scope` what was dropped.
    fn announce<'a>(&'a self, scope: &'a Scope, notice: &'a Notice) -> StoreFuture<'a, ()> {
        let _ = (scope, notice);
        Box::pin(async { Ok(()) })
    }

    /// Listens to what is announced in `scope` from now on, also by this process; `None` if the store can't.
    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn Notices>>> {
        let _ = scope;
        Box::pin(async { Ok(None) })
    }
}

/// Who holds a lease: a number that nobody else has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseToken(u64);

impl LeaseToken {
    /// The token of this number, which is drawn at random: two of 63 bits meet once in billions of leases, and matter
    /// only when they are of one key at one time.
    #[must_use]
    pub const fn from_random(number: u64) -> Self {
        // Positive in a database's signed 64 bits, and never zero.
        Self((number >> 1) | 1)
    }

    /// Its number: from 1 to 2^63 - 1.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What became of a wish for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leased {
    /// It is held now, and this is what is stored.
    Granted(Option<Vec<u8>>),
    /// Another holds it.
    Held,
}

/// How much a scope holds. `None`: the store can't tell at a bearable cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreSize {
    /// Entries, with those whose life is over and that aren't swept yet.
    pub entries: Option<u64>,
    /// Bytes of what is stored, without the store's own overhead.
    pub bytes: Option<u64>,
    /// Whether these are counted rather than estimated.
    pub exact: bool,
}

/// What was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// One key, in words that whoever announces and listens agree on; at most 4 KiB.
    Key(String),
    /// All of the scope.
    All,
}

impl Notice {
    /// As text, to be sent. A key's words must not be a single star.
    #[must_use]
    pub fn as_text(&self) -> &str {
        match self {
            Self::Key(key) => key,
            Self::All => "*",
        }
    }

    /// What was sent as `text`.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text == "*" { Self::All } else { Self::Key(text) }
    }
}

/// What is announced, as it comes.
pub trait Notices: Send {
    /// The next one. An error means that some may have been missed; the notices are over then, and whoever wants more
    /// listens anew.
    fn next(&mut self) -> StoreFuture<'_, Notice>;
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
        life: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        (**self).put(key, bytes, life, lease)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        (**self).remove(key)
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        (**self).clear(scope)
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, Leased> {
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

    fn announce<'a>(&'a self, scope: &'a Scope, notice: &'a Notice) -> StoreFuture<'a, ()> {
        (**self).announce(scope, notice)
    }

    fn listen<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, Option<Box<dyn Notices>>> {
        (**self).listen(scope)
    }
}
