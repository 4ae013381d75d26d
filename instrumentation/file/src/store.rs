//! The public store: [`FileStore`].

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::ConfigError;
use cachescope_core::shared::{ByteStore, LeaseResult, LeaseToken, Scope, StoreFuture, StoreKey, StoreSize};
use directories::ProjectDirs;

use crate::blocking_task::{Cancellation, run};
use crate::folder::{Folder, Limits};
use crate::key_files::KeyFiles;
use crate::layout::KeyPaths;
use crate::{KIND, maintenance};

/// A shared store in a folder of files, which outlives the process. The processes of one machine can share it.
///
/// Pass it to a cache: `.store(FileStore::in_folder("/var/cache/shop"))`. Several caches can share a folder, and so can
/// clones. Nothing is opened before the first use, and no file is kept open.
///
/// A pool of threads does the file operations, so any async executor works. On a local disk, a get takes tens of
/// microseconds and a put some hundreds. With a limit, both take about twice as long. They take longer when the system
/// waits for the disk.
///
/// An operation that is dropped before it starts, or while it waits for a lock, has no effect. An operation that is
/// dropped later completes in the background. No operation panics.
///
/// Invalidations aren't announced to other processes.
#[derive(Clone, Debug)]
#[doc(alias = "disk_cache")]
pub struct FileStore {
    folder: Arc<Folder>,
}

impl FileStore {
    /// Creates a store in the folder at `path`, without limits. The folder is created when the first entry is stored,
    /// with access for its owner alone.
    #[must_use]
    pub fn in_folder(path: impl Into<PathBuf>) -> Self {
        Self { folder: Arc::new(Folder { root: path.into(), limits: Limits::default() }) }
    }

    /// Creates a store in the user's cache folder for the application `name`. The folder is `~/.cache/shop` on Linux,
    /// `~/Library/Caches/shop` on macOS, and `%LOCALAPPDATA%\shop\cache` on Windows.
    ///
    /// # Errors
    /// If the user has no home folder, or `name` isn't a plain folder name.
    pub fn for_application(name: &str) -> Result<Self, ConfigError> {
        if name.trim_matches(['.', ' ']).is_empty() || name.contains(['/', '\\', ':']) {
            return Err(ConfigError::new(format!(
                "application name must be a plain folder name without '/', '\\' and ':', got {name:?}"
            )));
        }
        match ProjectDirs::from("", "", name) {
            Some(folders) => Ok(Self::in_folder(folders.cache_dir())),
            None => Err(ConfigError::new("the user has no home folder, so there is no cache folder: use `in_folder`")),
        }
    }

    /// Sets the maximum size of all files in the folder in bytes, for all caches together. A file is 512 bytes longer
    /// than its value. Default: no limit.
    ///
    /// Above the limit, the least recently used entries of a sample are evicted. The time of use is exact to a minute.
    /// On Windows, the time of storing counts instead. The folder exceeds the limit briefly, between a write and the
    /// eviction that follows. A value above the limit is refused with
    /// [`Full`](cachescope_core::shared::StoreErrorKind::Full).
    ///
    /// Set the same limit in all processes that share the folder.
    #[must_use]
    #[doc(alias = "capacity")]
    pub fn size_limit(self, bytes: u64) -> Self {
        self.limited(|limits| limits.bytes = Some(bytes))
    }

    /// Sets the maximum number of entries in the folder, for all caches together. Zero counts as 1. Eviction works as
    /// for [`size_limit`](Self::size_limit). Default: no limit.
    #[must_use]
    #[doc(alias = "capacity")]
    pub fn entry_limit(self, entries: u64) -> Self {
        self.limited(|limits| limits.entries = Some(entries.max(1)))
    }

    fn limited(self, limit: impl FnOnce(&mut Limits)) -> Self {
        let mut folder = Arc::unwrap_or_clone(self.folder);
        limit(&mut folder.limits);
        Self { folder: Arc::new(folder) }
    }

    /// Runs `work` with the files of a key, on a thread of the pool.
    fn with_files<'a, T: Send + 'static>(
        &self,
        key: &StoreKey,
        work: impl FnOnce(&Cancellation, &KeyFiles) -> io::Result<T> + Send + 'static,
    ) -> StoreFuture<'a, T> {
        let (folder, key) = (Arc::clone(&self.folder), key.clone());
        run(move |cancellation| {
            let files = KeyFiles { paths: KeyPaths::new(&folder.root, &key), name: key.full_name(), folder };
            work(cancellation, &files)
        })
    }
}

impl ByteStore for FileStore {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        self.with_files(key, |_, files| files.get())
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        ttl: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        let bytes = bytes.to_vec();
        self.with_files(key, move |cancellation, files| files.put(&bytes, ttl, lease, cancellation))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        self.with_files(key, |cancellation, files| files.remove(cancellation))
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        let (folder, scope) = (Arc::clone(&self.folder), scope.clone());
        run(move |_| maintenance::clear(&folder, &scope))
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, LeaseResult> {
        self.with_files(key, move |cancellation, files| files.lease(token, term, cancellation))
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        self.with_files(key, move |cancellation, files| files.release(token, cancellation))
    }

    /// Returns the exact size. Reads the metadata of each file in the scope: about 4 µs a file.
    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        let (folder, scope) = (Arc::clone(&self.folder), scope.clone());
        run(move |cancellation| maintenance::size(&folder, &scope, cancellation))
    }

    /// Removes expired entries. Reads the header of each file in the scope: about 10 µs a file.
    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        let (folder, scope) = (Arc::clone(&self.folder), scope.clone());
        run(move |cancellation| maintenance::sweep(&folder, &scope, cancellation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn application_folder_is_in_user_cache_folder() {
        let store = FileStore::for_application("shop").unwrap();
        let folders = directories::BaseDirs::new().unwrap();
        assert!(store.folder.root.starts_with(folders.cache_dir()), "{store:?}");
        assert!(store.folder.root.ends_with("shop") || cfg!(windows));
        for name in ["", ".", "..", "a/b", "../shop", "c:shop"] {
            assert!(FileStore::for_application(name).is_err(), "{name}");
        }
    }

    #[test]
    fn size_limit_and_entry_limit_are_set_independently() {
        let store = FileStore::in_folder("nowhere").size_limit(7).entry_limit(0);
        assert_eq!((store.folder.limits.bytes, store.folder.limits.entries), (Some(7), Some(1)));
        assert!(!FileStore::in_folder("nowhere").folder.limits.is_limited());
    }
}
