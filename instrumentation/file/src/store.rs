//! A folder of files as a store of bytes.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cachescope_core::ConfigError;
use cachescope_core::shared::{ByteStore, LeaseToken, Leased, Scope, StoreFuture, StoreKey, StoreSize};
use directories::ProjectDirs;

use crate::entry::{self, HEAD, until};
use crate::error::found;
use crate::folder::{Folder, Limits};
use crate::job::{Asker, run};
use crate::lease::Lease;
use crate::levels::Level;
use crate::place::{NEW, Place};
use crate::shard::Shard;
use crate::{KIND, room, upkeep};

/// How exact "least recently used" is: what was used since isn't written down again.
const RECENT: Duration = Duration::from_secs(60);

/// A folder of files, which processes of one machine can share, and which outlives them.
///
/// Give it to a cache: `.store(FileStore::in_folder("/var/cache/shop"))`. Caches can share a folder, and so can clones.
/// Nothing is opened before it is used, and nothing is kept open.
///
/// Work with files is done by a pool of threads, so any executor will do. On a local disk a get takes
/// tens of microseconds, a put some hundreds, and with a limit about twice that; more where the system waits for the
/// disk. An operation that is dropped before it began, or while
/// it waits for a lock, does nothing; later than that it goes on to its end behind. No operation panics.
///
/// It doesn't tell other processes of what was dropped.
#[derive(Clone, Debug)]
pub struct FileStore {
    folder: Arc<Folder>,
}

impl FileStore {
    /// In this folder, which is made when something is stored, for its owner alone. Without limits.
    #[must_use]
    pub fn in_folder(path: impl Into<PathBuf>) -> Self {
        Self { folder: Arc::new(Folder { root: path.into(), limits: Limits::default() }) }
    }

    /// In the folder where the platform has the user's caches of the application called so: `~/.cache/shop` on Linux,
    /// `~/Library/Caches/shop` on macOS, `%LOCALAPPDATA%\shop\cache` on Windows.
    ///
    /// # Errors
    /// If the user has no home, or the name can't be a folder's.
    pub fn for_application(name: &str) -> Result<Self, ConfigError> {
        if name.trim_matches(['.', ' ']).is_empty() || name.contains(['/', '\\', ':']) {
            return Err(ConfigError::new("an application's cache folder is called as it is: give it a plain name"));
        }
        match ProjectDirs::from("", "", name) {
            Some(folders) => Ok(Self::in_folder(folders.cache_dir())),
            None => Err(ConfigError::new("the user has no home, so no cache folder: give one with `in_folder`")),
        }
    }

    /// At most so many bytes of files in the folder, of all caches; a file is 512 bytes longer than its value. Those
    /// leave that weren't used for the longest time, to the minute and of a sample; on Windows, that weren't stored.
    /// It is exceeded by what is being stored, for the moment until room is made. A value that is larger is refused as
    /// [`Full`](cachescope_core::shared::StoreErrorKind::Full). Give it to all processes alike. Default: no limit.
    #[must_use]
    pub fn size_limit(self, bytes: u64) -> Self {
        self.limited(|limits| limits.bytes = Some(bytes))
    }

    /// At most so many entries in the folder, and at least one; otherwise as [`size_limit`](Self::size_limit).
    /// Default: no limit.
    #[must_use]
    pub fn entry_limit(self, entries: u64) -> Self {
        self.limited(|limits| limits.entries = Some(entries.max(1)))
    }

    fn limited(self, limit: impl FnOnce(&mut Limits)) -> Self {
        let mut folder = Arc::unwrap_or_clone(self.folder);
        limit(&mut folder.limits);
        Self { folder: Arc::new(folder) }
    }

    /// Work with the files of a key.
    fn at<'a, T: Send + 'static>(
        &self,
        key: &StoreKey,
        work: impl FnOnce(&Asker, &At) -> io::Result<T> + Send + 'static,
    ) -> StoreFuture<'a, T> {
        let (folder, key) = (Arc::clone(&self.folder), key.clone());
        run(move |asker| {
            let at = At { place: Place::of(&folder.root, &key), name: key.whole(), folder };
            work(asker, &at)
        })
    }
}

/// The files of a key.
struct At {
    folder: Arc<Folder>,
    place: Place,
    name: String,
}

impl At {
    fn lock(&self, asker: &Asker) -> io::Result<Shard<'_>> {
        Shard::lock(&self.folder, self.place.shard, asker)
    }

    /// Without a lock: a file that is opened stays what it is.
    fn get(&self) -> io::Result<Option<Vec<u8>>> {
        let Some(mut file) = found(File::open(&self.place.entry))? else { return Ok(None) };
        let value = entry::read(&mut file, &self.name)?;
        if value.is_some() && self.folder.limits.any() {
            let used = file.metadata()?.modified()?;
            if used.elapsed().is_ok_and(|elapsed| elapsed > RECENT) {
                // Where that isn't allowed, it is told by when it was stored.
                let _ = file.set_modified(SystemTime::now());
            }
        }
        Ok(value)
    }

    fn put(&self, bytes: &[u8], life: Option<Duration>, lease: Option<LeaseToken>, asker: &Asker) -> io::Result<bool> {
        let length = (HEAD + bytes.len()) as u64;
        if self.folder.limits.bytes.is_some_and(|limit| length > limit) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the value is larger than its folder may be"));
        }
        let new = New::write(self, bytes, until(life))?;
        let shard = self.lock(asker)?;
        if let Some(token) = lease
            && !Lease::held(&self.place.lease)?.is_some_and(|lease| lease.is_of(token))
        {
            return Ok(false);
        }
        let old = found(fs::metadata(&self.place.entry))?.map(|metadata| Level::one(metadata.len()));
        let (new_level, old) = (Level::one(length), old.unwrap_or_default());
        // Too much is counted if the process ends here, never too little.
        let number = shard.number;
        shard.levels.change(number, |level| level + new_level)?;
        // Before the entry is there: if the process ends here, nobody stores over an invalidation.
        Lease::end(&self.place.lease)?;
        new.take_place(self)?;
        shard.levels.change(number, |level| level.less(old))?;
        drop(shard);
        room::make(&self.folder, &self.place.entry, number, asker)?;
        Ok(true)
    }

    fn remove(&self, asker: &Asker) -> io::Result<()> {
        // Who would hold a lease, or have stored, has made the folder.
        if !self.place.folder.try_exists()? {
            return Ok(());
        }
        let shard = self.lock(asker)?;
        Lease::end(&self.place.lease)?;
        let Some(metadata) = found(fs::metadata(&self.place.entry))? else { return Ok(()) };
        fs::remove_file(&self.place.entry)?;
        shard.levels.change(shard.number, |level| level.less(Level::one(metadata.len())))
    }

    fn lease(&self, token: LeaseToken, term: Duration, asker: &Asker) -> io::Result<Leased> {
        let _shard = self.lock(asker)?;
        if Lease::held(&self.place.lease)?.is_some_and(|lease| !lease.is_of(token)) {
            return Ok(Leased::Held);
        }
        let lease = Lease { token: token.number(), until: until(Some(term)) };
        self.folder.in_made(&self.place.lease, || lease.write(&self.place.lease))?;
        Ok(Leased::Granted(self.get()?))
    }

    fn release(&self, token: LeaseToken, asker: &Asker) -> io::Result<()> {
        if !self.place.folder.try_exists()? {
            return Ok(());
        }
        let _shard = self.lock(asker)?;
        match Lease::held(&self.place.lease)? {
            Some(lease) if lease.is_of(token) => Lease::end(&self.place.lease),
            _ => Ok(()),
        }
    }
}

/// An entry that is written and isn't there yet. Its file leaves with it.
struct New(Option<PathBuf>);

impl New {
    fn write(at: &At, bytes: &[u8], until: u64) -> io::Result<Self> {
        let number = RandomState::new().hash_one(std::process::id());
        let path = at.place.folder.join(format!("{number:016x}.{NEW}"));
        let mut file = at.folder.in_made(&path, || File::create_new(&path))?;
        let new = Self(Some(path));
        entry::write(&mut file, &at.name, until, bytes)?;
        Ok(new)
    }

    fn take_place(mut self, at: &At) -> io::Result<()> {
        if let Some(path) = &self.0 {
            fs::rename(path, &at.place.entry)?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for New {
    fn drop(&mut self) {
        // What can't be removed now is swept later.
        let _ = self.0.take().map(fs::remove_file);
    }
}

impl ByteStore for FileStore {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn get<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Vec<u8>>> {
        self.at(key, |_, at| at.get())
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        bytes: &'a [u8],
        life: Option<Duration>,
        lease: Option<LeaseToken>,
    ) -> StoreFuture<'a, bool> {
        let bytes = bytes.to_vec();
        self.at(key, move |asker, at| at.put(&bytes, life, lease, asker))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        self.at(key, |asker, at| at.remove(asker))
    }

    fn clear<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, ()> {
        let (folder, scope) = (Arc::clone(&self.folder), scope.clone());
        run(move |_| upkeep::clear(&folder, &scope))
    }

    fn lease<'a>(&'a self, key: &'a StoreKey, token: LeaseToken, term: Duration) -> StoreFuture<'a, Leased> {
        self.at(key, move |asker, at| at.lease(token, term, asker))
    }

    fn release<'a>(&'a self, key: &'a StoreKey, token: LeaseToken) -> StoreFuture<'a, ()> {
        self.at(key, move |asker, at| at.release(token, asker))
    }

    /// Exact, by all of the scope's files: about 4 microseconds each.
    fn size<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, StoreSize> {
        let (folder, scope) = (Arc::clone(&self.folder), scope.clone());
        run(move |asker| upkeep::size(&folder, &scope, asker))
    }

    /// Reads the beginning of all of the scope's files: about 10 microseconds each.
    fn sweep<'a>(&'a self, scope: &'a Scope) -> StoreFuture<'a, u64> {
        let (folder, scope) = (Arc::clone(&self.folder), scope.clone());
        run(move |asker| upkeep::sweep(&folder, &scope, asker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_s_folder_is_in_the_user_s_cache_folder() {
        let store = FileStore::for_application("shop").unwrap();
        let folders = directories::BaseDirs::new().unwrap();
        assert!(store.folder.root.starts_with(folders.cache_dir()), "{store:?}");
        assert!(store.folder.root.ends_with("shop") || cfg!(windows));
        for name in ["", ".", "..", "a/b", "../shop", "c:shop"] {
            assert!(FileStore::for_application(name).is_err(), "{name}");
        }
    }

    #[test]
    fn limits_are_each_their_own() {
        let store = FileStore::in_folder("nowhere").size_limit(7).entry_limit(0);
        assert_eq!((store.folder.limits.bytes, store.folder.limits.entries), (Some(7), Some(1)));
        assert!(!FileStore::in_folder("nowhere").folder.limits.any());
    }
}
