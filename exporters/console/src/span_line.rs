//! A span as a line of text.

use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;

use crate::escape::escape_control_chars;
use crate::json;
use crate::quantity::format_quantity;
use crate::series;

/// Formats a span: start time, duration, name, status, attributes and ids.
pub(crate) fn line(span: &SpanData) -> String {
    let took = span.end_time.duration_since(span.start_time).unwrap_or_default();
    let mut words = vec![
        json::time(span.start_time),
        format!("{:>9}", format_quantity(took.as_secs_f64(), "s")),
        escape_control_chars(&span.name),
    ];
    match json::status(&span.status) {
        ("error", Some(message)) => words.push(format!("error ({})", escape_control_chars(message))),
        ("unset", _) => {}
        (status, _) => words.push(status.to_owned()),
    }
    let attributes: Vec<_> = span.attributes.iter().collect();
    if !attributes.is_empty() {
        words.push(escape_control_chars(&series::text(&attributes, " ")));
    }
    words.push(format!("trace={} span={}", span.span_context.trace_id(), span.span_context.span_id()));
    if span.parent_span_id != SpanId::INVALID {
        words.push(format!("parent={}", span.parent_span_id));
    }
    words.join("  ") + "\n"
}
