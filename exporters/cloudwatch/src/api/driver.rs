//! The runtime that drives sockets and timers.

use std::future::{Future, poll_fn};
use std::pin::pin;

use opentelemetry::Context;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::Error;

/// The tokio runtime that drives the exporters' sockets and timers.
///
/// It is ours because the program's may be blocked: `Drop` on a current-thread runtime waits for a flush that this very
/// runtime would have to drive. Goes without waiting when its last exporter does, which is allowed on any thread,
/// where dropping a `Runtime` inside another one panics.
#[derive(Debug)]
pub(crate) struct Driver {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Driver {
    pub(crate) fn start() -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("cachescope-cloudwatch")
            // What the AWS SDK says through `tracing` about sending must not become spans to send. The scope
            // is left open on purpose: it is the thread's for as long as the thread lives.
            .on_thread_start(|| std::mem::forget(Context::enter_telemetry_suppressed_scope()))
            .enable_all()
            .build()
            .map_err(Error::thread)?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Polls `future` on the caller's thread with the sockets and timers of this runtime.
    pub(crate) async fn drive<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let _entered = self.handle.enter();
            future.as_mut().poll(cx)
        })
        .await
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn timers_run_for_a_thread_without_a_runtime() {
        let driver = Driver::start().unwrap();
        Handle::try_current().expect_err("no runtime on this thread");
        futures_executor::block_on(driver.drive(async { tokio::time::sleep(Duration::from_millis(1)).await }));
    }

    #[tokio::test]
    async fn dropping_inside_a_runtime_does_not_panic() {
        drop(Driver::start().unwrap());
    }
}
