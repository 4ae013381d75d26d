//! A folder of files as a cachescope store: [`FileStore`].
//!
//! ```
//! use cachescope_file::FileStore;
//!
//! # fn main() -> Result<(), cachescope_core::ConfigError> {
//! let in_the_user_s_cache_folder = FileStore::for_application("shop")?.size_limit(512 << 20);
//! let in_another = FileStore::in_folder("/var/cache/shop").entry_limit(100_000);
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//!
//! An entry is a file, which begins with 512 bytes of what is told of it. It is called by the SHA-256 of its key, in
//! lower-case hex digits, and holds the key as well. Files lie in 64 shards by that hash, and in each by their scope:
//!
//! ```text
//! levels                            how much each shard holds
//! 2f/lock                           whoever changes something in the shard locks it
//! 2f/<scope's hash>/<key's>.entry   an entry
//! 2f/<scope's hash>/<key's>.lease   a lease: its token, and until when
//! 2f/<scope's hash>/<random>.new    an entry that is being written
//! ```
//!
//! # What happens when
//!
//! - **A process is killed:** what it was writing isn't there, what it had written is. Its half-written file is
//!   dropped by a sweep, or to make room, ten minutes later.
//! - **The power fails:** files aren't flushed to the disk, which would cost milliseconds each, so what was stored in
//!   the last seconds may be lost or torn. Each file has a checksum: a torn one is a miss.
//! - **The disk is full,** or a quota: storing fails with [`Full`](cachescope_core::shared::StoreErrorKind::Full), and
//!   what was stored before stays.
//! - **Several processes** use a folder: changes of a shard take turns by the lock of its `lock` file, which ends with
//!   the process that holds it; reads take none. Whoever waits for it for 5 seconds gives up with
//!   [`Timeout`](cachescope_core::shared::StoreErrorKind::Timeout). On a network's file system it is as good as that
//!   one's locks.
//! - **The system's time is changed:** lives and leases are kept by it, as they outlive processes, so they end early or
//!   late by as much.
//! - **The folder is deleted** while it is in use: it is made anew.

mod entry;
mod error;
mod folder;
mod job;
mod lease;
mod levels;
mod listing;
mod place;
mod room;
mod shard;
mod store;
mod upkeep;

pub use crate::store::FileStore;

/// The value of the attribute `cachescope.store`.
const KIND: &str = "file";
