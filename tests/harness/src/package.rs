//! Programs of the operating system: found, or installed by root.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command;
use crate::run;
use crate::user;

/// The folders of servers that users don't start by hand, which may be missing from `PATH`.
const SERVERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// Debian's folder for PostgreSQL, with a folder for each version.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// Returns the path of `program`. If it is missing and this process runs as root, installs Debian's `package` first:
/// that takes about half a minute and needs the package lists. Blocks.
///
/// # Errors
/// When it is missing and this process isn't root (names the package), or when it can't be installed.
pub fn program(package: &str, program: &str) -> Result<PathBuf> {
    if let Some(found) = find(program) {
        return Ok(found);
    }
    ensure!(user::root()?, "{program} is missing, and only root can install it: apt-get install {package}");
    let cache = run::cache_folder()?;
    fs::create_dir_all(&cache)?;
    // Two tests may need the same program at once.
    let lock = File::create(cache.join("install.lock"))?;
    lock.lock().context("cannot lock the installation of packages")?;
    if find(program).is_none() {
        eprintln!("cachescope-harness: {program} is missing: installing {package}");
        for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", package]] {
            let mut command = Command::new("apt-get");
            command.arg("--option=DPkg::Lock::Timeout=300").args(arguments);
            command.env("DEBIAN_FRONTEND", "noninteractive");
            command::succeed(&mut command, "")
                .with_context(|| format!("{program} is missing, and {package} cannot be installed"))?;
        }
    }
    find(program).with_context(|| format!("{package} was installed but there is no {program}"))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::split_paths(&path).chain(SERVERS.map(PathBuf::from)).chain(newest_first(POSTGRESQL.as_ref()));
    path.map(|folder| folder.join(program)).find(|file| executable(file))
}

/// The `bin` folder of each version in `folder`, newest first.
fn newest_first(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut versions: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.iter().map(|version| folder.join(version.to_string()).join("bin")).collect()
}

fn executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn present_program_is_found_without_an_installation() {
        let shell = program("no-such-package", "sh").unwrap();
        assert!(shell.is_absolute() && executable(&shell), "{shell:?}");
        assert_eq!(find("no-such-program"), None);
    }

    #[test]
    fn newest_version_is_searched_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["9", "15", "not-a-version"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        assert_eq!(newest_first(folder.path()), ["15/bin", "9/bin"].map(|bin| folder.path().join(bin)));
    }
}
