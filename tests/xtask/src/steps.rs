//! Steps of a run, each timed, none keeping the next from being tried.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::table;

#[derive(Debug, Default)]
pub(crate) struct Steps(Vec<(String, Duration, bool)>);

impl Steps {
    /// Runs one step and tells of its failure at once; the run goes on, so that one run shows all there is to mend.
    pub(crate) fn run<T>(&mut self, name: impl Into<String>, step: impl FnOnce() -> Result<T>) -> Option<T> {
        let name = name.into();
        let begun = Instant::now();
        let outcome = step();
        if let Err(error) = &outcome {
            eprintln!("{name}: {error:#}");
        }
        self.0.push((name, begun.elapsed(), outcome.is_ok()));
        outcome.ok()
    }

    /// Whether every step so far went well.
    pub(crate) fn all_well(&self) -> bool {
        self.0.iter().all(|(_, _, well)| *well)
    }

    /// Prints what each step took; the exit code of the whole.
    pub(crate) fn finish(self) -> ExitCode {
        let mut table = table::plain(["step", "seconds", ""]);
        for (name, time, well) in &self.0 {
            let word = if *well { "" } else { "FAILED" };
            table.add_row([name, &format!("{:.1}", time.as_secs_f64()), word]);
        }
        println!("\n{table}");
        if self.all_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_the_run_but_not_the_next_step() {
        let mut steps = Steps::default();
        assert_eq!(steps.run("first", || Ok(1)), Some(1));
        assert!(steps.all_well());
        assert_eq!(steps.run("second", || -> Result<()> { anyhow::bail!("no") }), None);
        assert_eq!(steps.run("third", || Ok(3)), Some(3));
        assert!(!steps.all_well());
        assert_eq!(steps.finish(), ExitCode::FAILURE);
    }
}
