//! `OTEL_PROPAGATORS`, as seen in the headers that the propagator of the process writes.
//!
//! In a binary of its own: it sets the process's global providers and propagator.

use std::collections::HashMap;

use cachescope::otel::Setup;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue, global};

#[test]
fn propagators_write_the_headers_of_their_formats() -> anyhow::Result<()> {
    // Each value, with the headers that it writes.
    for (value, expected) in [
        ("", vec!["baggage", "traceparent", "tracestate"]),
        ("tracecontext", vec!["traceparent", "tracestate"]),
        ("Baggage", vec!["baggage"]),
        ("baggage,tracecontext", vec!["baggage", "traceparent", "tracestate"]),
        ("none", vec![]),
    ] {
        let guard = Setup::from_lookup(move |name| (name == "OTEL_PROPAGATORS").then(|| value.to_owned()))
            .trace_exporters([])
            .metric_exporters([])
            .init()?;
        let (trace, span) = (TraceId::from(7), SpanId::from(7));
        let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE);
        let context = Context::new().with_remote_span_context(context).with_baggage([KeyValue::new("tenant", "seven")]);
        let mut carrier = HashMap::<String, String>::new();
        global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut carrier));
        let mut names: Vec<&str> = carrier.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{value}");
        guard.shutdown()?;
    }
    Ok(())
}
