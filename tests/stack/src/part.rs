//! What the stack has to know of a part.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::ports::Ports;
use crate::process::Ending;
use crate::user::User;

/// One program of the stack.
pub(crate) trait Part: Debug + Sync {
    /// How errors, logs and addresses call it.
    fn name(&self) -> &'static str;

    /// Every port it opens, by the name [`Ports`] knows it under. A port left out would be open to all addresses or
    /// clash with another stack.
    fn ports(&self) -> &'static [&'static str];

    /// Its program, made available first if this machine lacks it. Called before anything is started, one part after
    /// the other.
    fn program(&self, cache: &Path) -> Result<PathBuf>;

    /// The parts, earlier in the list of parts, that have to be ready before this one is started.
    fn needs(&self) -> &'static [&'static str] {
        &[]
    }

    /// As whom it runs, unless as us. Its folder is then that user's, and in the system's temporary folder: ours may be
    /// where nobody else can go.
    fn user(&self) -> Result<Option<User>> {
        Ok(None)
    }

    /// Puts into `folder` what has to be there before the first start. Not called when it is started there again.
    fn prepare(&self, _cache: &Path, _program: &Path, _ports: &Ports, _folder: &Path) -> Result<()> {
        Ok(())
    }

    /// Frees what would outlive it, killed, outside of `folder`.
    fn clear(&self, _folder: &Path) {}

    /// How it is asked to end.
    fn ending(&self) -> Ending {
        Ending::default()
    }

    /// The command that runs it in the foreground, with its files in `folder`, a folder of its own.
    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command>;

    /// Whether it can be used by now. An error counts as "not yet" and is shown when time is up.
    fn ready(&self, ports: &Ports) -> Result<bool>;
}
