//! The background tasks of a cache: where they run, and how they end.

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one cache that no request waits for.
#[derive(Debug)]
pub(crate) struct Background {
    runs: Runs,
    dropped: CancellationToken,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// Where tasks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// In the tokio runtime of the request that starts them; without a runtime they don't run.
    InItsRuntime,
    /// On a pool of threads that all such caches of the process share, and that end when idle.
    #[cfg(feature = "sync")]
    OnThreads,
}

impl Background {
    pub(crate) fn new(runs: Runs) -> Self {
        let dropped = CancellationToken::new();
        Self { runs, closing: dropped.child_token(), dropped, tasks: TaskTracker::new() }
    }

    /// Returns a spawner, if tasks can run here.
    pub(crate) fn spawner(&self) -> Option<Spawner<'_>> {
        if self.closing.is_cancelled() {
            return None;
        }
        let spot = match self.runs {
            Runs::InItsRuntime => Spot::Runtime(Handle::try_current().ok()?),
            #[cfg(feature = "sync")]
            Runs::OnThreads => Spot::Thread,
        };
        Some(Spawner { background: self, spot })
    }

    /// Returns a token that is cancelled when the cache is dropped.
    pub(crate) fn dropped(&self) -> CancellationToken {
        self.dropped.clone()
    }

    /// Returns a token that is cancelled when the cache is closed.
    pub(crate) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// Cancels all tasks and waits for their end. No task starts afterwards.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.dropped.cancel();
    }
}

/// Spawns one task.
pub(crate) struct Spawner<'a> {
    background: &'a Background,
    spot: Spot,
}

enum Spot {
    Runtime(Handle),
    #[cfg(feature = "sync")]
    Thread,
}

impl Spawner<'_> {
    pub(crate) fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_boxed(Box::pin(task));
    }

    /// Spawns a task of a type that all caches share. With a type for each cache, the executors would be a sixth of
    /// what a program compiles for a cache.
    fn spawn_boxed(self, task: BoxFuture<'static, ()>) {
        let Background { closing, tasks, .. } = self.background;
        let closing = closing.clone();
        let task = tasks.track_future(async move {
            closing.run_until_cancelled(task).await;
        });
        match self.spot {
            Spot::Runtime(runtime) => drop(runtime.spawn(task)),
            #[cfg(feature = "sync")]
            Spot::Thread => blocking::unblock(move || pollster::block_on(task)).detach(),
        }
    }
}
