//! Having valgrind.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cargo;

/// Makes sure that valgrind can be run: installs it where we may, says what to do where we may not.
pub(crate) fn ensure() -> Result<()> {
    if present() {
        return Ok(());
    }
    if !root() {
        bail!("valgrind is missing, and only root can install it: apt-get install valgrind");
    }
    eprintln!("valgrind is missing: installing it");
    for arguments in [&["update"][..], &["install", "--yes", "valgrind"]] {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        cargo::succeed(&mut command).context("valgrind is missing and cannot be installed")?;
    }
    if present() { Ok(()) } else { bail!("valgrind was installed but does not run") }
}

fn present() -> bool {
    let status = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}
