//! Where the numbers of all caches are sent at intervals, besides OpenTelemetry.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cachescope_core::Clock;
use tokio_util::sync::CancellationToken;

use crate::housekeeping;
use crate::live::{LiveCache, caches};
use crate::metrics::Snapshot;

/// Takes the numbers of all caches, at intervals: for a back end that OpenTelemetry has no exporter for.
///
/// A closure is one as well. It is called on a thread that does what all caches of the process have done now and then,
/// so it may block, but not for long. A panic of it ends there, and is said.
pub trait MetricsSink: Send + 'static {
    /// Takes the numbers of each live cache, since it was built; [`Stats::since`](crate::Stats::since) gives those since
    /// the last time.
    fn send(&mut self, caches: &[Snapshot]);
}

impl<F: FnMut(&[Snapshot]) + Send + 'static> MetricsSink for F {
    fn send(&mut self, caches: &[Snapshot]) {
        self(caches);
    }
}

/// Sends the numbers of all caches to `sink` at each `interval` of at least a millisecond, for as long as what it
/// returns is held.
///
/// ```
/// use std::time::Duration;
///
/// let sending = cachescope::send_metrics_to(
///     |caches: &[cachescope::Snapshot]| {
///         for cache in caches {
///             println!("{} {:?}", cache.cache, cache.stats.hit_rate());
///         }
///     },
///     Duration::from_secs(10),
/// );
/// # drop(sending);
/// ```
pub fn send_metrics_to(sink: impl MetricsSink, interval: Duration) -> Sending {
    let sending = Sending { sink: Arc::new(Mutex::new(sink)), end: CancellationToken::new() };
    let (sink, end) = (Arc::clone(&sending.sink), sending.end.clone());
    housekeeping::repeat(interval.max(Duration::from_millis(1)), Clock::system(), end, move || send(&sink));
    sending
}

/// Numbers are sent for as long as this is held; once more when it is dropped.
#[must_use = "nothing is sent once it is dropped"]
pub struct Sending {
    sink: Arc<Mutex<dyn MetricsSink>>,
    end: CancellationToken,
}

impl Sending {
    /// Sends them now, on this thread.
    pub fn flush(&self) {
        send(&self.sink);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.end.cancel();
        self.flush();
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

fn send(sink: &Mutex<dyn MetricsSink>) {
    // The caches may be the user's to drop, and what they hold.
    let sent = catch_unwind(AssertUnwindSafe(|| {
        let snapshots: Vec<Snapshot> = caches().iter().map(LiveCache::snapshot).collect();
        sink.lock().unwrap_or_else(PoisonError::into_inner).send(&snapshots);
    }));
    if sent.is_err() {
        tracing::error!("sending the metrics of caches panicked; it is tried again");
    }
}
