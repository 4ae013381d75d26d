//! Guards of requests, loads and waits. Each guard is ended exactly once; a dropped guard counts as cancelled.

use std::time::Duration;

use cachescope_core::{
    Clock, LoadOutcome, LoadTrigger, MissReason, RequestOutcome, RequestResult, Timestamp, WaitOutcome, WaitScope,
};
use cachescope_telemetry::Recorder;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use crate::engine::freshness::RequestOptions;
use crate::telemetry::spans::{RequestSummary, Spans};
use crate::telemetry::trace_scope::TraceScope;
use crate::telemetry::verbose;

/// The recorder, spans and clock that guards use.
#[derive(Clone, Copy)]
pub(crate) struct GuardContext<'a> {
    pub(crate) recorder: &'a Recorder,
    pub(crate) spans: &'a Spans,
    pub(crate) clock: &'a Clock,
}

/// The guard of a request that isn't a plain hit. Dropped without an outcome, the request was cancelled.
pub(crate) struct RequestGuard<'a> {
    guards: GuardContext<'a>,
    start: Timestamp,
    verbose: bool,
    /// The context of the caller. `None` if the thread was ending, so that the context couldn't be read.
    parent: Option<Context>,
    /// The trace that the request is part of, if the trace is recorded.
    trace_scope: Option<TraceScope>,
    /// The request's own span, opened as soon as something nests in it.
    span_context: Option<Context>,
    /// Whether that span has had the miss reason since its start.
    reason_recorded: bool,
    summary: RequestSummary,
    /// The cost of the load that stored the answering entry.
    saved_load_time: Duration,
}

impl<'a> RequestGuard<'a> {
    pub(crate) fn start(guards: GuardContext<'a>, start: Timestamp, options: RequestOptions) -> Self {
        guards.recorder.request_started();
        let parent = Recorder::can_access_context().then(Context::current);
        let trace_scope = parent.as_ref().and_then(TraceScope::current);
        Self {
            guards,
            start,
            verbose: options.verbose,
            parent,
            trace_scope,
            span_context: None,
            reason_recorded: false,
            summary: RequestSummary::new(RequestOutcome::new(RequestResult::Cancelled)),
            saved_load_time: Duration::ZERO,
        }
    }

    /// Starts a load of this request: of a miss with its reason, or of a request that bypasses the cache.
    pub(crate) fn load(&mut self, miss: Option<MissReason>) -> LoadGuard<'a> {
        let GuardContext { recorder, spans, clock } = self.guards;
        let start = clock.now();
        self.open(miss);
        recorder.load_started();
        let trigger = if miss.is_some() { LoadTrigger::Miss } else { LoadTrigger::Bypass };
        let context = self.span_context.as_ref().map(|span_context| {
            let context = spans.load(span_context, clock, trigger, start);
            self.trace_scope.map_or_else(|| context.clone(), |trace_scope| trace_scope.load(&context))
        });
        LoadGuard::resume(
            self.guards,
            RunningLoad { trigger, start, context, trace_scope: self.trace_scope, verbose: self.verbose },
        )
    }

    /// Opens the request's span if it isn't open, because something is going to nest in it. Returns the context of the
    /// span.
    pub(crate) fn open(&mut self, miss: Option<MissReason>) -> Option<Context> {
        if self.span_context.is_none() {
            let GuardContext { spans, clock, .. } = self.guards;
            self.span_context = self.parent.as_ref().map(|parent| spans.open(parent, clock, miss, self.start));
            self.reason_recorded = miss.is_some();
        }
        self.span_context.clone()
    }

    /// Returns the caller's span, for a load that the request starts in the background.
    pub(crate) fn requester(&self) -> Option<SpanContext> {
        self.parent.as_ref().map(|parent| parent.span().span_context().clone())
    }

    /// Starts a wait of this request, which began at `start`.
    pub(crate) fn wait(&self, scope: WaitScope, start: Timestamp) -> WaitGuard<'a> {
        self.guards.recorder.wait_started();
        let (trace_scope, verbose) = (self.trace_scope, self.verbose);
        WaitGuard { guards: self.guards, scope, start, outcome: WaitOutcome::Cancelled, trace_scope, verbose }
    }

    /// Sets the age of the entry that answers.
    pub(crate) fn record_entry_age(&mut self, age: Duration) {
        self.summary.age = Some(age);
    }

    /// Sets the cost of the load that stored the answering entry.
    pub(crate) fn record_load_cost(&mut self, cost: Duration) {
        self.saved_load_time = cost;
    }

    /// Sets the span of the load that answers.
    pub(crate) fn record_leader(&mut self, leader: Option<SpanContext>) {
        self.summary.leader = leader;
    }

    pub(crate) fn end(mut self, outcome: RequestOutcome) {
        self.summary.outcome = outcome;
    }
}

impl Drop for RequestGuard<'_> {
    fn drop(&mut self) {
        let GuardContext { recorder, spans, clock } = self.guards;
        let end = clock.now();
        let took = end.since(self.start);
        recorder.request_ended(self.summary.outcome, took);
        if let Some(trace_scope) = self.trace_scope {
            // Before the request's span ends: the trace scope may be that span.
            trace_scope.request_ended(self.summary.is_hit().then(|| self.saved_load_time.saturating_sub(took)));
        }
        if self.verbose {
            verbose::request(recorder.identity(), &self.summary, took);
        }
        if !Recorder::can_access_context() {
            return;
        }
        match (&self.span_context, &self.parent) {
            (Some(span_context), _) => spans.close(span_context, clock, &self.summary, self.reason_recorded, end),
            (None, Some(parent)) => spans.record_completed(parent, clock, &self.summary, self.start, end),
            (None, None) => {}
        }
    }
}

/// The guard of a load. Dropped without an outcome, the load was cancelled.
pub(crate) struct LoadGuard<'a> {
    guards: GuardContext<'a>,
    /// `None` once the load was detached.
    running: Option<RunningLoad>,
    outcome: LoadOutcome,
}

/// The state of a running load.
pub(crate) struct RunningLoad {
    trigger: LoadTrigger,
    start: Timestamp,
    context: Option<Context>,
    /// The trace whose request waits for the load.
    trace_scope: Option<TraceScope>,
    verbose: bool,
}

impl<'a> LoadGuard<'a> {
    /// Resumes a load that was started here or by another.
    pub(crate) fn resume(guards: GuardContext<'a>, running: RunningLoad) -> Self {
        Self { guards, running: Some(running), outcome: LoadOutcome::Cancelled }
    }

    /// Starts a load that no request waits for. `requester` is the span that requested it.
    pub(crate) fn refresh(guards: GuardContext<'a>, requester: Option<SpanContext>) -> Self {
        let start = guards.clock.now();
        guards.recorder.load_started();
        let context = Recorder::can_access_context().then(|| guards.spans.refresh(guards.clock, requester, start));
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

/// The guard of a wait, for another's load or for a free load slot. Dropped without an outcome, the wait was cancelled.
pub(crate) struct WaitGuard<'a> {
    guards: GuardContext<'a>,
    scope: WaitScope,
    start: Timestamp,
    outcome: WaitOutcome,
    trace_scope: Option<TraceScope>,
    verbose: bool,
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
