//! Polling until an answer is the expected one.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The pause between two polls: short against a scrape, long against an HTTP call on loopback.
const PAUSE: Duration = Duration::from_millis(50);

/// Calls `ask` until `accept` returns `true` for the answer, and returns that answer. Blocks the thread.
///
/// # Errors
/// After `deadline`, with the last answer or the last error.
pub fn eventually<T: Debug>(
    what: &str,
    deadline: Duration,
    mut ask: impl FnMut() -> Result<T>,
    accept: impl Fn(&T) -> bool,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        let answer = ask();
        match answer {
            Ok(answer) if accept(&answer) => return Ok(answer),
            Ok(answer) if begun.elapsed() >= deadline => {
                bail!("{what}: not as expected after {deadline:?}; the last answer was {answer:#?}")
            }
            Err(error) if begun.elapsed() >= deadline => {
                return Err(error.context(format!("{what}: no answer after {deadline:?}")));
            }
            _ => thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_answer_is_waited_for() {
        let mut asked = 0;
        let ask = || {
            asked += 1;
            if asked == 1 { bail!("not up yet") } else { Ok(asked) }
        };
        assert_eq!(eventually("third", Duration::from_secs(5), ask, |n| *n == 3).unwrap(), 3);
    }

    #[test]
    fn error_has_the_last_answer() {
        let error = eventually("seven", Duration::ZERO, || Ok(6), |n| *n == 7).unwrap_err().to_string();
        assert!(error.contains("seven") && error.contains("last answer was 6"), "{error}");
    }
}
