//! Guards for what must be paired: a read that missed, and the load it may run, each end exactly once.

use std::time::Instant;

use cachescope_core::{Ending, Failure, LoadOutcome, LoadTrigger, MissReason, Recorder};

/// A request under way. Left without an end only by a panic of the load.
pub(crate) struct Request<'a> {
    recorder: &'a Recorder,
    start: Instant,
    ended: bool,
}

impl<'a> Request<'a> {
    pub(crate) fn start(recorder: &'a Recorder) -> Self {
        recorder.request_started();
        Self { recorder, start: Instant::now(), ended: false }
    }

    pub(crate) fn end(mut self, ending: Ending) {
        self.ended = true;
        self.recorder.request_ended(ending, self.start.elapsed());
    }

    pub(crate) fn load<V>(&self, init: impl FnOnce() -> V) -> V {
        let Ok(value) = self.try_load(|| Ok::<V, std::convert::Infallible>(init()));
        value
    }

    pub(crate) fn try_load<V, E>(&self, init: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        let mut load = Load { recorder: self.recorder, start: Instant::now(), outcome: LoadOutcome::Panicked };
        self.recorder.load_started();
        let loaded = init();
        load.outcome = if loaded.is_ok() { LoadOutcome::Loaded } else { LoadOutcome::Failed };
        loaded
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let ending = Ending::miss(MissReason::Unknown).with_failure(Failure::Panic);
            self.recorder.request_ended(ending, self.start.elapsed());
        }
    }
}

/// A load under way: panicked, unless it gets to say otherwise.
struct Load<'a> {
    recorder: &'a Recorder,
    start: Instant,
    outcome: LoadOutcome,
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.recorder.load_ended(LoadTrigger::Miss, self.outcome, self.start.elapsed());
    }
}
