//! Folders in the cache that take long to make and are made once, named by a hash of all of their inputs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// The name of a folder that is made from `texts`. Other texts give another name.
pub(crate) fn id<'a>(name: &str, texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{name}-{hash}")
}

/// The folder `id` in `parent`. If it doesn't exist, `make` fills a temporary folder, which is renamed at the end: a
/// folder with the final name is always complete.
pub(crate) fn folder(parent: &Path, id: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let made = parent.join(id);
    if made.exists() {
        return Ok(made);
    }
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    // Two processes may get here at once: the second waits for the lock, and then finds the folder.
    let lock = File::create(parent.join(format!("{id}.lock")))?;
    lock.lock().with_context(|| format!("cannot lock {id} while it is made"))?;
    if !made.exists() {
        let making = parent.join(format!("{id}.building"));
        if making.exists() {
            fs::remove_dir_all(&making)?;
        }
        fs::create_dir(&making)?;
        make(&making)?;
        fs::rename(&making, &made)?;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_made_again_after_a_failure() {
        let parent = tempfile::tempdir().unwrap();
        let failed = folder(parent.path(), "a", |making| {
            fs::write(making.join("half"), "")?;
            anyhow::bail!("no")
        });
        assert!(failed.is_err());
        let made = folder(parent.path(), "a", |making| Ok(fs::write(making.join("whole"), "")?)).unwrap();
        assert!(made.join("whole").exists() && !made.join("half").exists());
        let again = folder(parent.path(), "a", |_| anyhow::bail!("made twice")).unwrap();
        assert_eq!(again, made);
    }

    #[test]
    fn id_depends_on_the_boundaries_of_the_texts() {
        assert_ne!(id("a", ["bc", "d"]), id("a", ["b", "cd"]));
        assert_eq!(id("a", ["bc", "d"]), id("a", ["bc", "d"]));
    }
}
