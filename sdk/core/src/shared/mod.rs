//! Shared stores (L2): stores that several processes use, or that outlive a process, on disk or in a server.

mod byte_store;
mod codec;
mod envelope;
mod error;
mod invalidation;
mod lease;
mod scope;
mod settings;
#[expect(clippy::module_inception, reason = "the file has the name of its type")]
mod shared;
mod shared_store;
mod store_future;
mod tiered;
mod wire;

pub use self::byte_store::{ByteStore, StoreSize};
#[cfg(feature = "messagepack")]
pub use self::codec::MessagePack;
pub use self::codec::{Codec, Json, Postcard};
pub use self::error::StoreError;
pub use self::invalidation::{Invalidation, InvalidationStream};
pub use self::lease::{LeaseResult, LeaseToken};
pub use self::scope::{Scope, StoreKey};
pub use self::settings::SharedSettings;
pub use self::shared::Shared;
pub use self::shared_store::SharedStore;
pub use self::store_future::StoreFuture;
pub use self::tiered::Tiered;
pub use self::wire::{Cipher, Corrupt, StoredValue, Wire};
pub use crate::outcome::StoreErrorKind;
