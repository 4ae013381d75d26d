//! Caches, stores and exporters against real parts: servers, collectors and processes of the harness.

/// Defines tests that call one function with a new server each: `name => Server constructor`.
macro_rules! test_on_servers {
    ($run:path: $($name:ident => $server:path,)*) => {
        $(
            #[test]
            fn $name() -> anyhow::Result<()> {
                $run($server()?)
            }
        )*
    };
}

mod exporters;
mod fleet;
mod leases;
mod nesting;
mod publication;
mod stores;

use std::process::Command;

use cachescope_tests::program::Program;

/// Starts a program of this crate and waits until it is ready.
fn start(program: &str, arguments: &[&str]) -> anyhow::Result<Program> {
    let program = Program::start(Command::new(program).args(arguments))?;
    let line = program.line()?;
    anyhow::ensure!(line == "ready", "expected `ready`, got {line:?}");
    Ok(program)
}
