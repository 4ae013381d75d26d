//! A span as a line for eyes.

use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;

use crate::clean::clean;
use crate::json;
use crate::quantity::quantity;
use crate::series;

/// When it began, how long it took, its name, how it ended, its attributes, and who it is.
pub(crate) fn line(span: &SpanData) -> String {
    let took = span.end_time.duration_since(span.start_time).unwrap_or_default();
    let mut words =
        vec![json::time(span.start_time), format!("{:>9}", quantity(took.as_secs_f64(), "s")), clean(&span.name)];
    match json::status(&span.status) {
        ("error", Some(message)) => words.push(format!("error ({})", clean(message))),
        ("unset", _) => {}
        (status, _) => words.push(status.to_owned()),
    }
    let attributes: Vec<_> = span.attributes.iter().collect();
    if !attributes.is_empty() {
        words.push(clean(&series::text(&attributes, " ")));
    }
    words.push(format!("trace={} span={}", span.span_context.trace_id(), span.span_context.span_id()));
    if span.parent_span_id != SpanId::INVALID {
        words.push(format!("parent={}", span.parent_span_id));
    }
    words.join("  ") + "\n"
}
