//! Guards of requests, loads and waits. Each guard is ended exactly once; a dropped guard counts as cancelled.

mod load;
mod wait;

use std::time::Duration;

use cachescope_core::{
    Clock, LoadTrigger, MissReason, RequestOutcome, RequestResult, Timestamp, WaitOutcome, WaitScope,
};
use cachescope_telemetry::Recorder;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

pub(crate) use self::load::{LoadGuard, RunningLoad};
pub(crate) use self::wait::WaitGuard;
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

    /// Returns the caller's context, for a load that the request starts in the background. Has the identity of the
    /// caller's span, but doesn't hold the span: a span ends at the latest when nothing holds it.
    pub(crate) fn caller(&self) -> Option<Context> {
        let parent = self.parent.as_ref()?;
        Some(parent.with_remote_span_context(parent.span().span_context().clone()))
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
