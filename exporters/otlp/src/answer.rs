//! What a collector says of a request it took.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::Value;

use crate::payload::Format;
use crate::settings::Signal;

/// Somebody else's words go into a log only so far.
const LONGEST_WORDS: usize = 200;

/// What was not taken of a request that was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) items: u64,
    pub(crate) words: String,
}

impl Rejection {
    /// An answer that can't be read counts as one that says nothing: it came with a success.
    pub(crate) fn read(signal: Signal, format: Format, body: &Bytes) -> Self {
        let (items, words) = match format {
            Format::Protobuf => protobuf(signal, body),
            Format::Json => json(signal, body),
        }
        .unwrap_or_default();
        Self { items: u64::try_from(items).unwrap_or(0), words: words.chars().take(LONGEST_WORDS).collect() }
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

/// By hand: the messages' own reading knows 64-bit numbers only as numbers, and JSON of protobuf has them as text.
fn json(signal: Signal, body: &Bytes) -> Option<(i64, String)> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let partial = answer.get("partialSuccess")?;
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
    fn what_was_rejected_is_read_in_both_formats() {
        let partial = ExportMetricsPartialSuccess { rejected_data_points: 3, error_message: "x".repeat(1_000) };
        let answer = ExportMetricsServiceResponse { partial_success: Some(partial) };
        let expected = Rejection { items: 3, words: "x".repeat(LONGEST_WORDS) };
        let body = answer.encode_to_vec().into();
        assert_eq!(Rejection::read(Signal::Metrics, Format::Protobuf, &body), expected);
        for body in [
            r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}"#,
            r#"{"partialSuccess":{"rejectedSpans":2,"errorMessage":"too old"}}"#,
        ] {
            let expected = Rejection { items: 2, words: "too old".into() };
            assert_eq!(Rejection::read(Signal::Traces, Format::Json, &body.into()), expected);
        }
    }

    #[test]
    fn an_answer_that_says_nothing_rejects_nothing() {
        for (format, body) in [
            (Format::Protobuf, ""),
            (Format::Json, "{}"),
            (Format::Json, "<html>"),
            (Format::Json, r#"{"partialSuccess":{}}"#),
            (Format::Protobuf, "\u{7f}\u{7f}"),
        ] {
            let rejection = Rejection::read(Signal::Traces, format, &Bytes::from(body));
            assert_eq!(rejection, Rejection::default(), "{body}");
        }
    }
}
