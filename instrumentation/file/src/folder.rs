//! The folder of a store, and its limits.

use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of files with its limits.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) root: PathBuf,
    pub(crate) limits: Limits,
}

/// The limits of a folder. `None` means no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) entries: Option<u64>,
    pub(crate) bytes: Option<u64>,
}

impl Folder {
    /// Runs `work`, which creates or opens the file at `path`. If the parent folder is missing, creates the folder and
    /// runs `work` again.
    pub(crate) fn create_parent_and_retry<T>(&self, path: &Path, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match work() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = path.parent().unwrap_or(&self.root);
                let mut builder = DirBuilder::new();
                builder.recursive(true);
                // Only the owner may read cached data.
                #[cfg(unix)]
                std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
                builder.create(parent)?;
                work()
            }
            done => done,
        }
    }
}

impl Limits {
    pub(crate) const fn is_limited(self) -> bool {
        self.entries.is_some() || self.bytes.is_some()
    }
}
