//! The interface of a part.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::ports::Ports;
use crate::process::StopSignal;
use crate::user::User;

/// One program of the stack.
pub(crate) trait Part: Debug + Sync {
    /// The name in errors, logs and addresses.
    fn name(&self) -> &'static str;

    /// Every port that it opens, by its name in [`Ports`]. A port that isn't listed could be open to all addresses, or
    /// clash with another stack.
    fn ports(&self) -> &'static [&'static str];

    /// Returns the path of its program, which is built or installed first if this machine lacks it. Called before any
    /// part is started, one part after the other.
    fn program(&self, cache: &Path) -> Result<PathBuf>;

    /// The parts, earlier in the list of parts, that have to be ready before this part starts.
    fn needs(&self) -> &'static [&'static str] {
        &[]
    }

    /// The user it runs as, if another. That user owns its folder, which is in the system's temporary folder: the cache
    /// folder may be closed to other users.
    fn user(&self) -> Result<Option<User>> {
        Ok(None)
    }

    /// Creates the files in `folder` that it needs before the first start. Not called before a restart.
    fn prepare(&self, _cache: &Path, _program: &Path, _ports: &Ports, _folder: &Path) -> Result<()> {
        Ok(())
    }

    /// Frees resources outside of `folder` that outlive a kill.
    fn clear(&self, _folder: &Path) {}

    /// The signal that asks it to end.
    fn ending(&self) -> StopSignal {
        StopSignal::default()
    }

    /// The command that runs it in the foreground, with its files in `folder`.
    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command>;

    /// Whether it is ready. An error counts as "not yet", and is shown when the deadline passes.
    fn ready(&self, ports: &Ports) -> Result<bool>;
}
