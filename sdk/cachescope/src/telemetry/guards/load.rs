//! The guard of a load.

use std::time::Duration;

use cachescope_core::{LoadOutcome, LoadTrigger, Timestamp};
use cachescope_telemetry::Recorder;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use super::GuardContext;
use crate::telemetry::trace_scope::TraceScope;
use crate::telemetry::verbose;

/// The guard of a load. Dropped without an outcome, the load was cancelled.
pub(crate) struct LoadGuard<'a> {
    guards: GuardContext<'a>,
    /// `None` once the load was detached.
    running: Option<RunningLoad>,
    outcome: LoadOutcome,
}

/// The state of a running load.
pub(crate) struct RunningLoad {
    pub(super) trigger: LoadTrigger,
    pub(super) start: Timestamp,
    pub(super) context: Option<Context>,
    /// The trace whose request waits for the load.
    pub(super) trace_scope: Option<TraceScope>,
    pub(super) verbose: bool,
}

impl<'a> LoadGuard<'a> {
    /// Resumes a load that was started here or by another.
    pub(crate) fn resume(guards: GuardContext<'a>, running: RunningLoad) -> Self {
        Self { guards, running: Some(running), outcome: LoadOutcome::Cancelled }
    }

    /// Starts a load that no request waits for. `caller` is the context of the request that started it.
    pub(crate) fn refresh(guards: GuardContext<'a>, caller: Option<Context>) -> Self {
        let start = guards.clock.now();
        guards.recorder.load_started();
        let context = Recorder::can_access_context()
            .then(|| guards.spans.refresh(guards.clock, caller.unwrap_or_default(), start));
        Self::resume(
            guards,
            RunningLoad { trigger: LoadTrigger::Refresh, start, context, trace_scope: None, verbose: false },
        )
    }

    /// Detaches the load from its request, which no longer waits. Another guard resumes and ends it.
    pub(crate) fn detach(mut self) -> Option<RunningLoad> {
        let took = self.cost();
        let mut running = self.running.take()?;
        if let Some(trace_scope) = running.trace_scope.take() {
            trace_scope.load_ended(took);
        }
        Some(running)
    }

    /// Returns the context in which the function runs. The load's span is active there.
    pub(crate) fn context(&self) -> Option<Context> {
        self.running.as_ref().and_then(|running| running.context.clone())
    }

    /// Returns the load's span, for links.
    pub(crate) fn span(&self) -> Option<SpanContext> {
        let context = self.running.as_ref()?.context.as_ref()?;
        Some(context.span().span_context().clone())
    }

    /// Returns the time since the load started.
    pub(crate) fn cost(&self) -> Duration {
        self.running.as_ref().map_or(Duration::ZERO, |running| self.guards.clock.now().since(running.start))
    }

    pub(crate) fn end(mut self, outcome: LoadOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for LoadGuard<'_> {
    fn drop(&mut self) {
        let Some(RunningLoad { trigger, start, context, trace_scope, verbose }) = self.running.take() else { return };
        let GuardContext { recorder, spans, clock } = self.guards;
        let end = clock.now();
        let took = end.since(start);
        recorder.load_ended(trigger, self.outcome, took);
        if let Some(trace_scope) = trace_scope {
            trace_scope.load_ended(took);
        }
        if verbose {
            verbose::load(recorder.identity(), trigger, self.outcome, took);
        }
        if let Some(context) = context.filter(|_| Recorder::can_access_context()) {
            spans.load_ended(&context, clock, self.outcome, end);
        }
    }
}
