//! Stores that several processes use, or that outlive one: on disk, or in a server.

mod codec;
mod config;
mod envelope;
mod error;
mod key;
mod store;
mod wire;

#[cfg(feature = "messagepack")]
pub use self::codec::MessagePack;
pub use self::codec::{Codec, Json, Postcard};
pub use self::config::{Shared, SharedSettings, SharedStore, Tiered};
pub use self::error::StoreError;
pub use self::key::{Scope, StoreKey};
pub use self::store::{ByteStore, LeaseToken, Leased, Notice, Notices, StoreFuture, StoreSize};
pub use self::wire::{Cipher, Corrupt, StoredValue, Wire};
pub use crate::outcome::StoreErrorKind;
