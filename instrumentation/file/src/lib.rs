//! A folder of files as a cachescope store: [`FileStore`].
//!
//! Entries outlive the process, and the processes of one machine can share a folder.
//!
//! ```
//! use cachescope_file::FileStore;
//!
//! # fn main() -> Result<(), cachescope_core::ConfigError> {
//! let in_user_cache_folder = FileStore::for_application("shop")?.size_limit(512 << 20);
//! let in_given_folder = FileStore::in_folder("/var/cache/shop").entry_limit(100_000);
//! # Ok(())
//! # }
//! ```
//!
//! # File layout
//!
//! Each entry is one file with a header of 512 bytes. The file name is the SHA-256 of the key in lower-case hex digits.
//! The header holds the key as well. The first byte of the hash selects one of 64 shards, and each shard has a folder
//! for each scope:
//!
//! ```text
//! levels                            entries and bytes in each shard
//! room                              the lock of the process that evicts entries
//! 2f/lock                           the lock for changes to the shard
//! 2f/<scope hash>/<key hash>.entry  an entry
//! 2f/<scope hash>/<key hash>.lease  a lease: its token and its expiry time
//! 2f/<scope hash>/<random>.new      an entry that is being written
//! ```
//!
//! # Failure modes
//!
//! - **A process is killed:** the entry that it was writing is absent, and earlier entries are intact. The half-written
//!   file is removed ten minutes later, by a sweep or by an eviction.
//! - **The power fails:** entries of the last seconds may be lost or torn. Files aren't flushed to the disk, because a
//!   flush costs milliseconds for each file. Each file has a checksum, and a torn file is a miss.
//! - **The disk is full,** or a quota is reached: the store operation fails with
//!   [`Full`](cachescope_core::shared::StoreErrorKind::Full). Entries that were stored before stay.
//! - **Several processes** use a folder: changes to a shard take the lock on its `lock` file. The system releases the
//!   lock when its process ends. Reads take no lock. An operation that waits 5 seconds for the lock fails with
//!   [`Timeout`](cachescope_core::shared::StoreErrorKind::Timeout). On a network file system, the guarantees are those
//!   of its locks.
//! - **The system clock is changed:** TTLs and leases end early or late by the same amount. They are kept in system
//!   time because they outlive processes.
//! - **The folder is deleted** while it is in use: the next store operation creates it again.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod blocking_task;
mod entry;
mod error;
mod eviction;
mod folder;
mod key_files;
mod layout;
mod lease;
mod listing;
mod maintenance;
mod shard_lock;
mod store;
mod usage_file;

pub use crate::store::FileStore;

/// The value of the `cachescope.store` attribute.
const KIND: &str = "file";
