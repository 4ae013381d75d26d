//! The steps of a run: each is timed, and a failed step doesn't stop the others.

use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::table;

#[derive(Debug)]
struct Step {
    name: String,
    time: Duration,
    ok: bool,
}

/// The steps of a run, in several threads.
#[derive(Debug, Default)]
pub(crate) struct Steps(Mutex<Vec<Step>>);

impl Steps {
    /// Runs a step. Prints a failure at once and returns `None` then, so that one run shows all failures.
    pub(crate) fn run<T>(&self, name: impl Into<String>, step: impl FnOnce() -> Result<T>) -> Option<T> {
        let name = name.into();
        let begun = Instant::now();
        let outcome = step();
        let (time, ok) = (begun.elapsed(), outcome.is_ok());
        match &outcome {
            Ok(_) => eprintln!("== {name}: ok, {:.1} s", time.as_secs_f64()),
            Err(error) => eprintln!("== {name}: FAILED, {:.1} s\n{error:#}", time.as_secs_f64()),
        }
        self.lock().push(Step { name, time, ok });
        outcome.ok()
    }

    /// Prints the time of each step, in the order of their ends. Returns the exit code of the run.
    pub(crate) fn finish(&self) -> ExitCode {
        let steps = self.lock();
        let mut table = table::plain(["step", "seconds", ""]);
        for Step { name, time, ok } in &*steps {
            table.add_row([name.as_str(), &format!("{:.1}", time.as_secs_f64()), if *ok { "" } else { "FAILED" }]);
        }
        println!("\n{table}");
        if steps.iter().all(|step| step.ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Step>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_step_fails_the_run_but_not_the_next_step() {
        let steps = Steps::default();
        assert_eq!(steps.run("first", || Ok(1)), Some(1));
        assert_eq!(steps.finish(), ExitCode::SUCCESS);
        assert_eq!(steps.run("second", || -> Result<()> { anyhow::bail!("no") }), None);
        assert_eq!(steps.run("third", || Ok(3)), Some(3));
        assert_eq!(steps.finish(), ExitCode::FAILURE);
    }
}
