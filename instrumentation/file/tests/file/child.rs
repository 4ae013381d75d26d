//! Other processes: this test binary again, as one of its ignored tests.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The arguments with which this binary runs one test, an ignored one.
pub(crate) fn arguments(test: &str) -> [&str; 4] {
    [test, "--exact", "--ignored", "--nocapture"]
}

/// A process that runs `test` in `folder`.
pub(crate) fn command(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(arguments(test)).env("CACHESCOPE_FILE_TEST", folder);
    command
}

/// The folder that the process which started this one names.
pub(crate) fn folder() -> PathBuf {
    env::var_os("CACHESCOPE_FILE_TEST").expect("another test starts this one").into()
}

/// A child that doesn't outlive its test.
pub(crate) struct Killed(pub(crate) Child);

impl Killed {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
