//! Child processes: this test binary again, running one of its ignored tests.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Returns the arguments that make this binary run one ignored test.
pub(crate) fn arguments(test: &str) -> [&str; 4] {
    [test, "--exact", "--ignored", "--nocapture"]
}

/// Returns a command that runs `test` in `folder`.
pub(crate) fn command(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(arguments(test)).env("CACHESCOPE_FILE_TEST", folder);
    command
}

/// Returns the folder that the parent process chose.
pub(crate) fn folder() -> PathBuf {
    env::var_os("CACHESCOPE_FILE_TEST").expect("this test is started by another test").into()
}

/// A child process that is killed when its test ends.
pub(crate) struct ChildProcess(pub(crate) Child);

impl ChildProcess {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
