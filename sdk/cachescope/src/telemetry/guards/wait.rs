//! The guard of a wait.

use cachescope_core::{Timestamp, WaitOutcome, WaitScope};

use super::GuardContext;
use crate::telemetry::trace_scope::TraceScope;
use crate::telemetry::verbose;

/// The guard of a wait, for another's load or for a free load slot. Dropped without an outcome, the wait was cancelled.
pub(crate) struct WaitGuard<'a> {
    pub(super) guards: GuardContext<'a>,
    pub(super) scope: WaitScope,
    pub(super) start: Timestamp,
    pub(super) outcome: WaitOutcome,
    pub(super) trace_scope: Option<TraceScope>,
    pub(super) verbose: bool,
}

impl WaitGuard<'_> {
    pub(crate) fn end(mut self, outcome: WaitOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        let waited = self.guards.clock.now().since(self.start);
        self.guards.recorder.wait_ended(self.scope, self.outcome, waited);
        if let Some(trace_scope) = self.trace_scope {
            trace_scope.waited(waited);
        }
        if self.verbose {
            verbose::wait(self.guards.recorder.identity(), self.outcome, waited);
        }
    }
}
