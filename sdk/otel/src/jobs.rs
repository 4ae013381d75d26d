//! Blocking jobs on their own threads, awaited up to a deadline.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

use crate::Error;

/// Jobs that run on their own threads, and that the caller waits for up to a deadline.
///
/// The SDK's flush and shutdown block, and some of their waits have no bound. The caller's thread may be the only
/// thread of a runtime, so the SDK's calls never run on it. A job that misses the deadline runs on until the process
/// ends.
pub(crate) struct Jobs {
    results: Receiver<OTelSdkResult>,
    failure: Option<OTelSdkError>,
}

impl Jobs {
    /// Starts all jobs at once, so that a job that hangs takes no time from the others.
    pub(crate) fn start(jobs: Vec<Box<dyn FnOnce() -> OTelSdkResult + Send>>) -> Result<Self, Error> {
        let (sender, results) = channel();
        for job in jobs {
            let sender = sender.clone();
            std::thread::Builder::new()
                .name("cachescope-flush".to_owned())
                // The send fails if the deadline has passed: the receiver is gone.
                .spawn(move || drop(sender.send(job())))
                .map_err(Error::thread)?;
        }
        Ok(Self { results, failure: None })
    }

    /// Waits until all jobs are done, then returns the first failure. Returns `None` if `deadline` passes first.
    /// A further call continues the wait.
    pub(crate) fn wait(&mut self, deadline: Duration) -> Option<OTelSdkResult> {
        let started = Instant::now();
        loop {
            match self.results.recv_timeout(deadline.saturating_sub(started.elapsed())) {
                Ok(Ok(()) | Err(OTelSdkError::AlreadyShutdown)) => {}
                Ok(Err(failure)) => {
                    self.failure.get_or_insert(failure);
                }
                // Every sender is gone: each job has ended or panicked.
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
    fn wait_returns_the_first_failure_and_ignores_a_repeated_shutdown() {
        let jobs: Vec<Box<dyn FnOnce() -> OTelSdkResult + Send>> = vec![
            Box::new(|| Err(OTelSdkError::AlreadyShutdown)),
            Box::new(|| Err(OTelSdkError::InternalFailure("lost".into()))),
        ];
        let result = Jobs::start(jobs).unwrap().wait(Duration::MAX).unwrap();
        assert!(result.unwrap_err().to_string().contains("lost"));
    }

    #[test]
    fn wait_returns_none_when_a_job_hangs_and_can_be_called_again() {
        let (release, released) = channel::<()>();
        let mut jobs = Jobs::start(vec![Box::new(move || {
            let _ = released.recv();
            Ok(())
        })])
        .unwrap();
        assert!(jobs.wait(Duration::from_millis(1)).is_none());
        drop(release);
        jobs.wait(Duration::MAX).unwrap().unwrap();
    }
}
