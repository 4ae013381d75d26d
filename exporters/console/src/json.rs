//! Metrics and spans as JSON lines.

use std::time::SystemTime;

use opentelemetry::trace::{SpanId, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use serde::Serialize;
use serde_json::Map;

use crate::series::{SeriesValue, TimeSeries};

#[derive(Serialize)]
struct MetricLine<'a> {
    time: String,
    metric: &'a str,
    unit: &'a str,
    attributes: Map<String, serde_json::Value>,
    #[serde(flatten)]
    value: SeriesValue,
}

#[derive(Serialize)]
struct SpanLine<'a> {
    time: String,
    span: &'a str,
    seconds: f64,
    kind: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    trace_id: String,
    span_id: String,
    parent_span_id: Option<String>,
    attributes: Map<String, serde_json::Value>,
    events: Vec<&'a str>,
}

/// Returns a JSON line for each series.
pub(crate) fn metrics(all: &[TimeSeries<'_>], now: SystemTime) -> String {
    let time = time(now);
    let lines = all.iter().map(|series| {
        line(&MetricLine {
            time: time.clone(),
            metric: series.metric,
            unit: series.unit,
            attributes: attributes(series.attributes.iter().copied()),
            value: series.value,
        })
    });
    lines.collect()
}

/// Returns the JSON line of a span.
pub(crate) fn span(span: &SpanData) -> String {
    let (status, message) = status(&span.status);
    line(&SpanLine {
        time: time(span.start_time),
        span: &span.name,
        seconds: span.end_time.duration_since(span.start_time).unwrap_or_default().as_secs_f64(),
        kind: format!("{:?}", span.span_kind).to_lowercase(),
        status,
        message,
        trace_id: span.span_context.trace_id().to_string(),
        span_id: span.span_context.span_id().to_string(),
        parent_span_id: (span.parent_span_id != SpanId::INVALID).then(|| span.parent_span_id.to_string()),
        attributes: attributes(&span.attributes),
        events: span.events.iter().map(|event| &*event.name).collect(),
    })
}

pub(crate) fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_micros(at).to_string()
}

pub(crate) fn status(status: &Status) -> (&'static str, Option<&str>) {
    match status {
        Status::Unset => ("unset", None),
        Status::Ok => ("ok", None),
        Status::Error { description } => {
            ("error", Some(description).filter(|text| !text.is_empty()).map(|text| &**text))
        }
    }
}

/// Serializes one line. Numbers that JSON can't represent become null.
fn line(line: &impl Serialize) -> String {
    serde_json::to_string(line).unwrap_or_default() + "\n"
}

fn attributes<'a>(attributes: impl IntoIterator<Item = &'a KeyValue>) -> Map<String, serde_json::Value> {
    let value = |value: &Value| match value {
        Value::Bool(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::F64(value) => (*value).into(),
        other => other.as_str().into(),
    };
    attributes.into_iter().map(|attribute| (attribute.key.to_string(), value(&attribute.value))).collect()
}
