use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;

use opentelemetry::Context;
use tokio::runtime::{Builder, Handle, Runtime};

/// A tokio runtime with one worker thread, which drives the sockets and timers of exporters.
///
/// Exporters have a runtime of their own because the program's may be blocked: `Drop` on a current-thread runtime waits
/// for a flush that the same runtime would have to drive.
///
/// Dropping it doesn't wait for its tasks. It may be dropped on any thread, whereas a `Runtime` panics when it is dropped
/// inside another one.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let runtime = cachescope_exporter::BackgroundRuntime::start("my-exporter")?;
/// let pause = async { tokio::time::sleep(std::time::Duration::from_millis(1)).await };
/// futures_executor::block_on(runtime.drive(pause));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct BackgroundRuntime {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl BackgroundRuntime {
    /// Starts the runtime and its worker thread, which gets this name.
    ///
    /// # Errors
    ///
    /// The operating system refuses the thread or the event queue.
    pub fn start(thread_name: &str) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(thread_name)
            // Spans that HTTP clients create while they send spans must not become spans to send. The scope is left
            // open on purpose: it lasts as long as the thread.
            .on_thread_start(|| std::mem::forget(Context::enter_telemetry_suppressed_scope()))
            .enable_all()
            .build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Calls `build` with this runtime as the current one, for clients that look for a runtime when they are built.
    pub fn enter<T>(&self, build: impl FnOnce() -> T) -> T {
        let _entered = self.handle.enter();
        build()
    }

    /// Polls `future` on the caller's thread, with the sockets and timers of this runtime.
    pub async fn drive<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let _entered = self.handle.enter();
            future.as_mut().poll(cx)
        })
        .await
    }
}

impl Drop for BackgroundRuntime {
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
        let runtime = BackgroundRuntime::start("test").unwrap();
        Handle::try_current().expect_err("no runtime on this thread");
        futures_executor::block_on(runtime.drive(async { tokio::time::sleep(Duration::from_millis(1)).await }));
    }

    #[tokio::test]
    async fn dropping_inside_a_runtime_does_not_panic() {
        drop(BackgroundRuntime::start("test").unwrap());
    }
}
