//! The users that programs run as.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A user other than the user of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    /// Looks up the user of that name.
    ///
    /// # Errors
    /// When there is no such user.
    pub(crate) fn named(name: &str) -> Result<Self> {
        Ok(Self { uid: id(&["-u", name])?, gid: id(&["-g", name])? })
    }

    /// Makes `command` run as this user, without the groups of the present user. Needs root.
    pub(crate) fn run(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }
}

/// Whether this process runs as root.
pub(crate) fn root() -> Result<bool> {
    Ok(id(&["-u"])? == 0)
}

fn id(arguments: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(arguments).output().context("cannot run `id`")?;
    ensure!(output.status.success(), "`id {}`: {}", arguments.join(" "), output.status);
    String::from_utf8_lossy(&output.stdout).trim().parse().context("`id` answers no number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn root_is_the_user_zero() {
        assert_eq!(User::named("root").unwrap(), User { uid: 0, gid: 0 });
        let ours = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(root().unwrap(), ours.as_file().metadata().unwrap().uid() == 0);
        assert!(User::named("no-such-user").is_err());
    }
}
