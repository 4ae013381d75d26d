//! `cargo xtask test`.

use std::process::ExitCode;

use anyhow::Result;
use cachescope_stack::Stack;

use crate::cargo;
use crate::features;
use crate::models;
use crate::steps::Steps;

/// The variable by which a test finds a stack that runs already.
const VARIABLE: &str = "CACHESCOPE_STACK";

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let mut steps = Steps::default();
    let running = std::env::var_os(VARIABLE);
    let own = match running {
        Some(_) => None,
        None => steps.run("start the stack", Stack::start),
    };
    // Tests without their parts would each fail with the same story.
    if running.is_some() || own.is_some() {
        steps.run("test", || {
            let mut command = cargo::command(["test", "--workspace", "--all-features"]);
            command.args(arguments);
            if let Some(stack) = &own {
                command.env(VARIABLE, stack.state_file());
            }
            cargo::succeed(&mut command)
        });
    }
    steps.run("models", || cargo::succeed(&mut models::command()?));
    if let Some(alone) = steps.run("list the features", features::alone) {
        for check in alone {
            steps.run(check.to_string(), || cargo::succeed(&mut cargo::command(check.arguments())));
        }
    }
    if let Some(stack) = own {
        steps.run("stop the stack", || stack.stop());
    }
    Ok(steps.finish())
}
