//! What the cache requests of each trace came to in this process, for its first span here to tell.
//!
//! Whoever sees spans start and end (a span processor: `cachescope_otel::RollUp`) says which traces are open here; caches
//! add to those. A trace that nobody began costs an atomic load or a look-up, and leaves nothing.
//!
//! **Each local root has its own numbers**, also where several of one trace are open at a time, as when a service is
//! called twice by one request of another's. A span's context doesn't say which root it is below, so spans are told apart
//! once a second root has begun, and only those below the later ones; the first has the rest.

mod tally;
mod trace;
mod traces;

use std::sync::LazyLock;

use opentelemetry::trace::{SpanContext, SpanId, TraceId};

pub use self::tally::Tally;
use self::traces::Traces;

/// The most traces that are open at a time; of more the oldest go. About 200 B each.
const TRACES: usize = 10_000;

static HERE: LazyLock<Traces> = LazyLock::new(|| Traces::up_to(TRACES));

/// A span, by its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanKey {
    /// Its trace's.
    pub trace: TraceId,
    /// Its own.
    pub span: SpanId,
}

impl From<&SpanContext> for SpanKey {
    fn from(context: &SpanContext) -> Self {
        Self { trace: context.trace_id(), span: context.span_id() }
    }
}

/// A span began whose parent isn't of this process, or that has none. Each call needs one of [`end`].
pub fn begin(root: SpanKey) {
    HERE.begin(root);
}

/// A span began below another of this process. Costs an atomic load unless a trace has several roots here.
pub fn started(parent: SpanKey, span: SpanKey) {
    HERE.started(parent, span);
}

/// Adds to what came about within a span. Costs a lock of the trace's, or an atomic load where no trace is open.
#[inline]
pub fn add(within: SpanKey, more: Tally) {
    HERE.add(within, more);
}

/// A span ended that [`begin`] was told of: what came about within it. `None` if nobody told, or if too many traces have
/// begun since.
pub fn end(root: SpanKey) -> Option<Tally> {
    HERE.end(root)
}

/// How many traces are open.
#[must_use]
pub fn open() -> usize {
    HERE.live()
}
