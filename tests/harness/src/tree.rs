//! Folders with all of their content.

use std::fs;
use std::os::unix::fs::lchown;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::user::User;

/// Copies the folder `from` to `to`, which must not exist, with all permissions.
///
/// # Errors
/// When a file can't be copied, or an entry is neither a file nor a folder.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (kind, source, target) = (entry.file_type()?, entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
        } else {
            bail!("{} is neither file nor folder", source.display());
        }
    }
    // Last: the permissions may forbid writing into it.
    Ok(fs::set_permissions(to, fs::metadata(from)?.permissions())?)
}

/// Makes `user` the owner of `path` and of its content.
pub(crate) fn give(path: &Path, user: User) -> Result<()> {
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), user)?;
        }
    }
    lchown(path, Some(user.uid), Some(user.gid))
        .with_context(|| format!("cannot change the owner of {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[test]
    fn copy_has_the_same_files_and_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        fs::create_dir_all(from.join("deep/er")).unwrap();
        fs::write(from.join("deep/file"), "content").unwrap();
        fs::set_permissions(from.join("deep"), fs::Permissions::from_mode(0o750)).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("deep/file")).unwrap(), "content");
        assert!(to.join("deep/er").is_dir());
        assert_eq!(to.join("deep").metadata().unwrap().mode() & 0o777, 0o750);
        assert!(copy(&from, &to).is_err(), "over what is there");
        symlink("file", from.join("link")).unwrap();
        assert!(copy(&from, &folder.path().join("other")).is_err());
    }

    #[test]
    fn owner_of_a_folder_and_its_content_changes() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let data = folder.path().metadata().unwrap();
        // To the present user, which every user may do.
        give(folder.path(), User { uid: data.uid(), gid: data.gid() }).unwrap();
        if data.uid() == 0 {
            give(folder.path(), User { uid: 7, gid: 8 }).unwrap();
            let owner = folder.path().join("file").metadata().unwrap();
            assert_eq!((owner.uid(), owner.gid()), (7, 8));
        }
    }
}
