use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::Value;

use crate::encoding::Format;
use crate::signal::Signal;

/// The part of a collector's message that is logged, in characters.
const LONGEST_MESSAGE: usize = 200;

/// The items that a collector rejected of a request that it accepted otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartialSuccess {
    pub(crate) rejected_items: u64,
    pub(crate) message: String,
}

impl PartialSuccess {
    /// Reads the body of a successful response. A body that can't be read counts as one that rejects nothing.
    pub(crate) fn read(signal: Signal, format: Format, body: &Bytes) -> Self {
        let (items, message) = match format {
            Format::Protobuf => protobuf(signal, body),
            Format::Json => json(signal, body),
        }
        .unwrap_or_default();
        Self {
            rejected_items: u64::try_from(items).unwrap_or(0),
            message: message.chars().take(LONGEST_MESSAGE).collect(),
        }
    }
}

fn protobuf(signal: Signal, body: &Bytes) -> Option<(i64, String)> {
    match signal {
        Signal::Traces => {
            let partial = ExportTraceServiceResponse::decode(body.clone()).ok()?.partial_success?;
            Some((partial.rejected_spans, partial.error_message))
        }
        Signal::Metrics => {
            let partial = ExportMetricsServiceResponse::decode(body.clone()).ok()?.partial_success?;
            Some((partial.rejected_data_points, partial.error_message))
        }
    }
}

/// Reads JSON by hand: the messages' own deserializers expect 64-bit numbers as numbers, and protobuf's JSON writes them
/// as strings.
fn json(signal: Signal, body: &Bytes) -> Option<(i64, String)> {
    let response: Value = serde_json::from_slice(body).ok()?;
    let partial = response.get("partialSuccess")?;
    let rejected = partial.get(match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Metrics => "rejectedDataPoints",
    });
    let items = rejected.and_then(|items| items.as_i64().or_else(|| items.as_str()?.parse().ok())).unwrap_or(0);
    Some((items, partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsPartialSuccess;

    use super::*;

    #[test]
    fn rejected_items_are_read_in_both_formats() {
        let partial = ExportMetricsPartialSuccess { rejected_data_points: 3, error_message: "x".repeat(1_000) };
        let response = ExportMetricsServiceResponse { partial_success: Some(partial) };
        let expected = PartialSuccess { rejected_items: 3, message: "x".repeat(LONGEST_MESSAGE) };
        let body = response.encode_to_vec().into();
        assert_eq!(PartialSuccess::read(Signal::Metrics, Format::Protobuf, &body), expected);
        for body in [
            r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}"#,
            r#"{"partialSuccess":{"rejectedSpans":2,"errorMessage":"too old"}}"#,
        ] {
            let expected = PartialSuccess { rejected_items: 2, message: "too old".into() };
            assert_eq!(PartialSuccess::read(Signal::Traces, Format::Json, &body.into()), expected);
        }
    }

    #[test]
    fn body_that_cannot_be_read_rejects_nothing() {
        for (format, body) in [
            (Format::Protobuf, ""),
            (Format::Json, "{}"),
            (Format::Json, "<html>"),
            (Format::Json, r#"{"partialSuccess":{}}"#),
            (Format::Protobuf, "\u{7f}\u{7f}"),
        ] {
            let partial = PartialSuccess::read(Signal::Traces, format, &Bytes::from(body));
            assert_eq!(partial, PartialSuccess::default(), "{body}");
        }
    }
}
