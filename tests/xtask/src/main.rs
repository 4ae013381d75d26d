//! The commands of this project: `cargo xtask stack`, `cargo xtask test`, `cargo xtask bench`.

mod bench;
mod binaries;
mod callgrind;
mod cargo;
mod features;
mod models;
mod stack;
mod steps;
mod table;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The commands of this project", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts, shows or stops the real parts that tests and examples run against.
    Stack {
        #[command(subcommand)]
        action: stack::Action,
    },
    /// Runs every test against real parts, the models of concurrent code, and a check of each feature of each library.
    Test {
        /// Only what needs no real part: no models, no checks of features.
        #[arg(long)]
        fast: bool,
        /// Runs only `cargo test` with these arguments, with the parts.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Measures the cost of a hit: as a ratio to a bare look-up, and in instructions.
    Bench {
        /// Runs only this measurement.
        only: Option<bench::Measurement>,
    },
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::Stack { action } => stack::run(action),
        Command::Test { fast, arguments } => test::run(fast, &arguments),
        Command::Bench { only } => bench::run(only),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_sound() {
        Arguments::command().debug_assert();
        let parsed = Arguments::parse_from(["xtask", "test", "--", "-p", "x"]);
        assert!(matches!(parsed.command, Command::Test { fast: false, arguments } if arguments == ["-p", "x"]));
    }
}
