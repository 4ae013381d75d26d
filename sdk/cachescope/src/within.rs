//! Which trace a request is part of, for what the trace's first span tells of all its requests.

use std::time::Duration;

use cachescope_core::roll_up::{self, SpanKey, Tally};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

/// The span that a request was made within.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Within {
    span: SpanKey,
    /// Whether the current span records, and not only one that it is below.
    pub(crate) records: bool,
    /// Whether a load of the same trace waits for this request, and its time is counted there.
    in_load: bool,
}

/// In a load's context: the span that its request was made within. A sampler may drop the spans between.
struct LoadWithin(SpanKey);

impl Within {
    /// `None` where no span records. Costs a lock of the span's where one is active, else nothing.
    pub(crate) fn current(context: &Context) -> Option<Self> {
        // `is_recording` takes the lock.
        if !context.has_active_span() {
            return None;
        }
        let active = context.span();
        let span = SpanKey::from(active.span_context());
        let load = context.get::<LoadWithin>().filter(|load| load.0.trace == span.trace);
        if active.is_recording() {
            return Some(Self { span, records: true, in_load: load.is_some() });
        }
        load.map(|load| Self { span: load.0, records: false, in_load: true })
    }

    /// The context of a load that a request runs, for requests in the load to find their trace by.
    pub(crate) fn load(self, context: &Context) -> Context {
        context.with_value(LoadWithin(self.span))
    }

    /// A request ended; one that an entry answered saved so much.
    pub(crate) fn request_ended(self, saved: Option<Duration>) {
        let (hits, saved) = (u64::from(saved.is_some()), saved.unwrap_or_default());
        roll_up::add(self.span, Tally { requests: 1, hits, saved, ..Tally::default() });
    }

    /// A load ended, or its request left it behind.
    pub(crate) fn load_ended(self, took: Duration) {
        roll_up::add(self.span, Tally { loads: 1, waited: self.own(took), ..Tally::default() });
    }

    /// A wait ended.
    pub(crate) fn waited(self, took: Duration) {
        roll_up::add(self.span, Tally { waited: self.own(took), ..Tally::default() });
    }

    fn own(self, took: Duration) -> Duration {
        if self.in_load { Duration::ZERO } else { took }
    }
}
