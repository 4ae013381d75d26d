//! Shared stores (L2): their configuration, and what authors of byte stores implement.

use std::convert::Infallible;

use crate::cached::Cached;
use crate::mode::Async;
use crate::store::NoMemory;
#[cfg(feature = "moka")]
use crate::store::TieredMoka;

#[cfg(feature = "messagepack")]
pub use cachescope_core::shared::MessagePack;
pub use cachescope_core::shared::{
    ByteStore, Cipher, Codec, Invalidation, InvalidationStream, Json, LeaseResult, LeaseToken, Postcard, Scope, Shared,
    StoreError, StoreErrorKind, StoreFuture, StoreKey, StoreSize, Tiered,
};

/// The type of a cache whose entries live in a shared store alone.
///
/// ```
/// use cachescope::SharedCached;
///
/// struct App {
///     users: SharedCached<u64, String, std::io::Error>,
/// }
/// ```
pub type SharedCached<K, V, E = Infallible> = Cached<K, V, E, NoMemory, Async>;

/// The type of a cache with a shared store and moka as memory in front of it.
///
/// ```
/// use cachescope::TieredCached;
///
/// struct App {
///     users: TieredCached<u64, String, std::io::Error>,
/// }
/// ```
#[cfg(feature = "moka")]
pub type TieredCached<K, V, E = Infallible> = Cached<K, V, E, TieredMoka<K, V>, Async>;
