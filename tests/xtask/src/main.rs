//! The commands of this project: `cargo xtask stack`, `cargo xtask test`, `cargo xtask bench`.

mod bench;
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
    /// The real parts tests and examples run against, kept running between them.
    Stack {
        #[command(subcommand)]
        action: stack::Action,
    },
    /// Every test against real parts, the models of concurrent code, and every feature of every published crate by itself.
    Test {
        /// Passed on to `cargo test`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// What a hit costs: the ratio to a bare look-up, and the instructions it takes.
    Bench {
        /// Only this measurement.
        only: Option<bench::Measurement>,
    },
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::Stack { action } => stack::run(action),
        Command::Test { arguments } => test::run(&arguments),
        Command::Bench { only } => bench::run(only),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        let parsed = Arguments::parse_from(["xtask", "test", "--", "-p", "x"]);
        assert!(matches!(parsed.command, Command::Test { arguments } if arguments == ["-p", "x"]));
    }
}
