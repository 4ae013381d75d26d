use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

use crate::Error;

/// Work under way on threads of its own, to be waited for up to a deadline.
///
/// The SDK's flush and shutdown block, some of their waits have no bound, and a caller may be the only thread of a
/// runtime: so they never run on the caller's. What is not done in time goes on until the process ends.
pub(crate) struct Work {
    results: Receiver<OTelSdkResult>,
    failure: Option<OTelSdkError>,
}

impl Work {
    /// Starts every job at once, so that one that hangs does not cost the others their time.
    pub(crate) fn start(jobs: Vec<Box<dyn FnOnce() -> OTelSdkResult + Send>>) -> Result<Self, Error> {
        let (sender, results) = channel();
        for job in jobs {
            let sender = sender.clone();
            std::thread::Builder::new()
                .name("cachescope-flush".to_owned())
                // Nobody receives once the deadline has passed.
                .spawn(move || drop(sender.send(job())))
                .map_err(Error::thread)?;
        }
        Ok(Self { results, failure: None })
    }

    /// Waits until all jobs are done, then gives the first failure; `None` if `deadline` passes before.
    /// May be called again to go on waiting.
    pub(crate) fn wait(&mut self, deadline: Duration) -> Option<OTelSdkResult> {
        let started = Instant::now();
        loop {
            match self.results.recv_timeout(deadline.saturating_sub(started.elapsed())) {
                Ok(Ok(()) | Err(OTelSdkError::AlreadyShutdown)) => {}
                Ok(Err(failure)) => {
                    self.failure.get_or_insert(failure);
                }
                // Every sender is gone: all jobs are done, or have panicked.
                Err(RecvTimeoutError::Disconnected) => return Some(self.failure.take().map_or(Ok(()), Err)),
                Err(RecvTimeoutError::Timeout) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_given_and_a_second_shutdown_is_none() {
        let jobs: Vec<Box<dyn FnOnce() -> OTelSdkResult + Send>> = vec![
            Box::new(|| Err(OTelSdkError::AlreadyShutdown)),
            Box::new(|| Err(OTelSdkError::InternalFailure("lost".into()))),
        ];
        let result = Work::start(jobs).unwrap().wait(Duration::MAX).unwrap();
        assert!(result.unwrap_err().to_string().contains("lost"));
    }

    #[test]
    fn a_hanging_job_is_left_behind_and_may_be_waited_for_again() {
        let (release, released) = channel::<()>();
        let mut work = Work::start(vec![Box::new(move || {
            let _ = released.recv();
            Ok(())
        })])
        .unwrap();
        assert!(work.wait(Duration::from_millis(1)).is_none());
        drop(release);
        work.wait(Duration::MAX).unwrap().unwrap();
    }
}
