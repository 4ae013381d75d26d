//! Sends the numbers of all caches to a sink at an interval, besides OpenTelemetry.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cachescope_core::Clock;
use tokio_util::sync::CancellationToken;

use crate::metrics::Snapshot;
use crate::process::maintenance;
use crate::process::registry::{LiveCache, caches};

/// Receives the numbers of all caches at an interval. Use it for a backend without an OpenTelemetry exporter.
///
/// Closures implement it. It is called on the maintenance thread that all caches of the process share, so it may block,
/// but not for long. A panic is caught and logged.
#[doc(alias = "reporter")]
#[doc(alias = "exporter")]
pub trait MetricsSink: Send + 'static {
    /// Receives the numbers of each live cache, counted since the cache was built.
    /// [`Stats::since`](crate::Stats::since) returns the difference to an earlier call.
    fn send(&mut self, caches: &[Snapshot]);
}

impl<F: FnMut(&[Snapshot]) + Send + 'static> MetricsSink for F {
    fn send(&mut self, caches: &[Snapshot]) {
        self(caches);
    }
}

/// Sends the numbers of all caches to `sink` every `interval` (at least a millisecond), until the returned guard is
/// dropped.
///
/// ```
/// use std::time::Duration;
///
/// let sending = cachescope::metrics::send_metrics_to(
///     |caches: &[cachescope::metrics::Snapshot]| {
///         for cache in caches {
///             println!("{} {:?}", cache.cache, cache.stats.hit_rate());
///         }
///     },
///     Duration::from_secs(10),
/// );
/// # drop(sending);
/// ```
pub fn send_metrics_to(sink: impl MetricsSink, interval: Duration) -> SinkGuard {
    let sending = SinkGuard { sink: Arc::new(Mutex::new(sink)), end: CancellationToken::new() };
    let (sink, end) = (Arc::clone(&sending.sink), sending.end.clone());
    maintenance::repeat(interval.max(Duration::from_millis(1)), Clock::system(), end, move || send(&sink));
    sending
}

/// Keeps a sink active. Dropping the guard sends the numbers once more, and stops.
#[must_use = "nothing is sent once it is dropped"]
pub struct SinkGuard {
    sink: Arc<Mutex<dyn MetricsSink>>,
    end: CancellationToken,
}

impl SinkGuard {
    /// Sends the numbers now, on this thread.
    pub fn flush(&self) {
        send(&self.sink);
    }
}

impl Drop for SinkGuard {
    fn drop(&mut self) {
        self.end.cancel();
        self.flush();
    }
}

impl fmt::Debug for SinkGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkGuard").finish_non_exhaustive()
    }
}

fn send(sink: &Mutex<dyn MetricsSink>) {
    // The last handle of a user's cache may be dropped here, with all that the cache holds.
    let sent = catch_unwind(AssertUnwindSafe(|| {
        let snapshots: Vec<Snapshot> = caches().iter().map(LiveCache::snapshot).collect();
        sink.lock().unwrap_or_else(PoisonError::into_inner).send(&snapshots);
    }));
    if sent.is_err() {
        tracing::error!("metrics sink panicked: it is called again after the interval");
    }
}
