//! The folder, and what may be in it.

use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of files, and how much they may take.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) root: PathBuf,
    pub(crate) limits: Limits,
}

/// `None`: no such limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) entries: Option<u64>,
    pub(crate) bytes: Option<u64>,
}

impl Folder {
    /// Does `work`, which makes or opens a file at `path`; where its folder isn't there, makes that first.
    pub(crate) fn in_made<T>(&self, path: &Path, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match work() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = path.parent().unwrap_or(&self.root);
                let mut builder = DirBuilder::new();
                builder.recursive(true);
                // What is cached is the user's, and nobody else's to read.
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
    pub(crate) const fn any(self) -> bool {
        self.entries.is_some() || self.bytes.is_some()
    }
}
