//! The state of a cache's metrics: the recorder, the history, and the saver.

#[cfg(feature = "persist")]
use std::io;
#[cfg(feature = "persist")]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cachescope_core::Clock;
use cachescope_telemetry::Recorder;
#[cfg(feature = "persist")]
use cachescope_telemetry::Totals;

use crate::metrics::history::{History, PeriodCounts};
#[cfg(feature = "persist")]
use crate::metrics::persistence::{MetricsSaver, Persistence};
use crate::metrics::window::Window;

/// The counters of one cache with their history.
#[derive(Debug)]
pub(crate) struct MetricsState {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) clock: Clock,
    history: Mutex<History>,
    #[cfg(feature = "persist")]
    saver: Option<Mutex<MetricsSaver>>,
    /// Whether telemetry exports restored counts. Stored here because the saver is locked while it saves.
    #[cfg(feature = "persist")]
    exports_restored: bool,
}

impl MetricsState {
    pub(crate) fn new(recorder: Arc<Recorder>, clock: Clock) -> Self {
        Self {
            history: Mutex::new(History::new(clock.now())),
            recorder,
            clock,
            #[cfg(feature = "persist")]
            saver: None,
            #[cfg(feature = "persist")]
            exports_restored: false,
        }
    }

    /// Ends the present slice of time if it is long enough.
    pub(crate) fn end_slice_if_due(&self) {
        self.history().end_slice_if_due(self.clock.now(), &self.recorder);
    }

    pub(crate) fn total(&self) -> PeriodCounts {
        self.history().total(self.clock.now(), &self.recorder)
    }

    #[cfg(feature = "fleet")]
    pub(crate) fn this_process(&self) -> PeriodCounts {
        self.history().this_process(self.clock.now(), &self.recorder)
    }

    pub(crate) fn window(&self, window: Window) -> PeriodCounts {
        self.history().window(window, self.clock.now(), &self.recorder)
    }

    pub(crate) fn restored(&self) -> Option<PeriodCounts> {
        self.history().restored()
    }

    pub(crate) fn reset(&self) {
        self.history().reset(self.clock.now(), &self.recorder);
    }

    fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }
}

#[cfg(feature = "persist")]
impl MetricsState {
    /// Restores what an earlier process saved, and begins to save.
    pub(crate) fn with_persistence(mut self, persistence: Persistence) -> Self {
        self.exports_restored = persistence.exports_restored();
        self.saver = Some(Mutex::new(MetricsSaver::new(&self.recorder.identity().name, persistence)));
        self.save_or_log();
        self
    }

    /// Returns the restored counts that telemetry exports. `None` if the user didn't opt in.
    pub(crate) fn exported_restored(&self) -> Option<Totals> {
        self.exports_restored.then(|| self.restored().map_or_else(Totals::default, |reading| reading.counts.totals))
    }

    /// Saves the numbers for the next process. If the store couldn't be opened before, this tries again, and restores
    /// what the store contains. Logs a failure.
    pub(crate) fn save_or_log(&self) {
        if let Some(saver) = &self.saver {
            let mut saver = lock(saver);
            // The store may be the user's code, and this may run in the caller's request or in a drop.
            let outcome = catch_unwind(AssertUnwindSafe(|| self.try_save(&mut saver)));
            saver.log_outcome(outcome.unwrap_or_else(|_| Err(io::Error::other("the metrics store panicked"))));
        }
    }

    /// Does the same as [`MetricsState::save_or_log`], and returns the error.
    pub(crate) fn save(&self) -> io::Result<()> {
        self.saver.as_ref().map_or(Ok(()), |saver| self.try_save(&mut lock(saver)))
    }

    fn try_save(&self, saver: &mut MetricsSaver) -> io::Result<()> {
        let wall = || self.clock.wall_time(self.clock.now());
        if let Some((saved, gap)) = saver.open(wall())? {
            self.history().restore(saved, gap, self.clock.now(), &self.recorder);
        }
        let saved = self.history().to_saved(self.clock.now(), &self.recorder);
        saver.save(&saved, wall())
    }
}

/// Saves the last counts when the cache is dropped.
#[cfg(feature = "persist")]
impl Drop for MetricsState {
    fn drop(&mut self) {
        self.save_or_log();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
