//! The trace that a request is part of, for the summary of all requests on the trace's first span.

use std::time::Duration;

use cachescope_telemetry::trace_summary::{self, SpanKey, TraceTotals};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

/// The recorded span that a request was made in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceScope {
    span: SpanKey,
    /// Whether the current span itself records, and not only a span above it.
    pub(crate) records: bool,
    /// Whether a load of the same trace waits for this request. The time is then counted by that load.
    in_load: bool,
}

/// The span that a load's request was made in, stored in the context of the load. A sampler may drop the spans between
/// them.
struct LoadScope(SpanKey);

impl TraceScope {
    /// Returns the scope of the current context. `None` if no span records. Takes the lock of the active span, if there
    /// is one.
    pub(crate) fn current(context: &Context) -> Option<Self> {
        // `is_recording` takes the lock, so check for a span first.
        if !context.has_active_span() {
            return None;
        }
        let active = context.span();
        let span = SpanKey::from(active.span_context());
        let load = context.get::<LoadScope>().filter(|load| load.0.trace == span.trace);
        if active.is_recording() {
            return Some(Self { span, records: true, in_load: load.is_some() });
        }
        load.map(|load| Self { span: load.0, records: false, in_load: true })
    }

    /// Returns the context of a load, in which nested requests find their trace.
    pub(crate) fn load(self, context: &Context) -> Context {
        context.with_value(LoadScope(self.span))
    }

    /// Records the end of a request, and the time it saved if an entry answered.
    pub(crate) fn request_ended(self, saved: Option<Duration>) {
        let (hits, saved) = (u64::from(saved.is_some()), saved.unwrap_or_default());
        trace_summary::add(self.span, TraceTotals { requests: 1, hits, saved, ..TraceTotals::default() });
    }

    /// Records the end of a load, or that its request no longer waits for it.
    pub(crate) fn load_ended(self, took: Duration) {
        trace_summary::add(self.span, TraceTotals { loads: 1, waited: self.own(took), ..TraceTotals::default() });
    }

    /// Records the end of a wait.
    pub(crate) fn waited(self, took: Duration) {
        trace_summary::add(self.span, TraceTotals { waited: self.own(took), ..TraceTotals::default() });
    }

    fn own(self, took: Duration) -> Duration {
        if self.in_load { Duration::ZERO } else { took }
    }
}
