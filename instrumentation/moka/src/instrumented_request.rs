//! Guards that end a request and its load exactly once.

use std::time::Instant;

use cachescope_core::{Failure, LoadOutcome, LoadTrigger, MissReason, RequestOutcome};
use cachescope_telemetry::Recorder;

/// A request in progress. Dropped without [`end`](Self::end) only when the load panics.
pub(crate) struct InstrumentedRequest<'a> {
    recorder: &'a Recorder,
    start: Instant,
    ended: bool,
}

impl<'a> InstrumentedRequest<'a> {
    pub(crate) fn start(recorder: &'a Recorder) -> Self {
        recorder.request_started();
        Self { recorder, start: Instant::now(), ended: false }
    }

    pub(crate) fn end(mut self, ending: RequestOutcome) {
        self.ended = true;
        self.recorder.request_ended(ending, self.start.elapsed());
    }

    pub(crate) fn load<V>(&self, init: impl FnOnce() -> V) -> V {
        let Ok(value) = self.try_load(|| Ok::<V, std::convert::Infallible>(init()));
        value
    }

    pub(crate) fn try_load<V, E>(&self, init: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        let mut load =
            InstrumentedLoad { recorder: self.recorder, start: Instant::now(), outcome: LoadOutcome::Panicked };
        self.recorder.load_started();
        let loaded = init();
        load.outcome = if loaded.is_ok() { LoadOutcome::Loaded } else { LoadOutcome::Failed };
        loaded
    }
}

impl Drop for InstrumentedRequest<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let ending = RequestOutcome::miss(MissReason::Unknown).with_failure(Failure::Panic);
            self.recorder.request_ended(ending, self.start.elapsed());
        }
    }
}

/// A load in progress. Its outcome is `Panicked` until the load returns.
struct InstrumentedLoad<'a> {
    recorder: &'a Recorder,
    start: Instant,
    outcome: LoadOutcome,
}

impl Drop for InstrumentedLoad<'_> {
    fn drop(&mut self) {
        self.recorder.load_ended(LoadTrigger::Miss, self.outcome, self.start.elapsed());
    }
}
