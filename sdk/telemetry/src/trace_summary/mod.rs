//! Totals of the cache requests of each trace in this process, which the trace's first span in this process reports.
//!
//! A span processor (`cachescope_otel::TraceSummaryProcessor`) reports which spans start and end, and caches add to the
//! open traces. For a trace that isn't open, this costs an atomic load or a look-up, and stores nothing.
//!
//! **Each local root has its own totals**, even if several roots of one trace are open at a time. That happens when one
//! request of another service calls this service twice. A span's context doesn't contain its root. So once a second
//! root has started, the spans below later roots are remembered; all other spans belong to the first root.

mod open_trace;
mod open_traces;
mod trace_totals;

use std::sync::LazyLock;

use opentelemetry::trace::{SpanContext, SpanId, TraceId};

use self::open_traces::OpenTraces;
pub use self::trace_totals::TraceTotals;

/// The maximum number of open traces. If there are more, the oldest are dropped. A trace takes about 200 B.
const MAX_TRACES: usize = 10_000;

static OPEN_TRACES: LazyLock<OpenTraces> = LazyLock::new(|| OpenTraces::with_limit(MAX_TRACES));

/// The ids of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanKey {
    /// The id of the trace.
    pub trace: TraceId,
    /// The id of the span.
    pub span: SpanId,
}

impl From<&SpanContext> for SpanKey {
    fn from(context: &SpanContext) -> Self {
        Self { trace: context.trace_id(), span: context.span_id() }
    }
}

/// Reports the start of a root span: its parent isn't in this process, or it has none. Each call needs a call of
/// [`root_ended`].
pub fn root_started(root: SpanKey) {
    OPEN_TRACES.root_started(root);
}

/// Reports the start of a span below another span of this process. Costs an atomic load, unless a trace has several
/// roots in this process.
pub fn child_started(parent: SpanKey, span: SpanKey) {
    OPEN_TRACES.child_started(parent, span);
}

/// Adds totals to the trace of a span. Costs a lock that few traces share, or an atomic load if no trace is open.
#[inline]
pub fn add(within: SpanKey, more: TraceTotals) {
    OPEN_TRACES.add(within, more);
}

/// Reports the end of a root span, and returns the totals below it. Returns `None` if [`root_started`] wasn't called
/// for the span, or if too many traces have started since.
pub fn root_ended(root: SpanKey) -> Option<TraceTotals> {
    OPEN_TRACES.root_ended(root)
}

/// Returns the number of open traces.
#[must_use]
pub fn open_traces() -> usize {
    OPEN_TRACES.live()
}
