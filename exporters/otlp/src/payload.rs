use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::trace::SpanData;

use crate::encoding::Encoding;
use crate::failure::Failure;

/// The body of a request, encoded once for all its attempts. A clone costs one reference count.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) body: Bytes,
    /// The number of spans or data points.
    pub(crate) items: u64,
    /// Whether the destination would count a payload that it gets twice: true for delta metrics, false for spans and
    /// cumulative metrics.
    pub(crate) at_most_once: bool,
}

impl Payload {
    pub(crate) fn spans(
        spans: Vec<SpanData>,
        resource: &ResourceAttributesWithSchema,
        encoding: Encoding,
    ) -> Result<Self, Failure> {
        let items = spans.len() as u64;
        let resource_spans = group_spans_by_resource_and_scope(spans, resource);
        let body = encoding.encode(&ExportTraceServiceRequest { resource_spans })?;
        Ok(Self { body, items, at_most_once: false })
    }

    pub(crate) fn metrics(
        request: &ExportMetricsServiceRequest,
        at_most_once: bool,
        encoding: Encoding,
    ) -> Result<Self, Failure> {
        Ok(Self { body: encoding.encode(request)?, items: points(request), at_most_once })
    }
}

pub(crate) fn request(metrics: &ResourceMetrics) -> ExportMetricsServiceRequest {
    metrics.into()
}

/// Returns the number of data points in a request.
pub(crate) fn points(request: &ExportMetricsServiceRequest) -> u64 {
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let points = scopes.flat_map(|scope| &scope.metrics).map(|metric| match &metric.data {
        None => 0,
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
    });
    points.sum::<usize>() as u64
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
    use prost::Message;

    use super::*;
    use crate::encoding::Format;

    fn span(name: &'static str) -> SpanData {
        let (trace, id) = (TraceId::from(0xab), SpanId::from(0xcd));
        SpanData {
            span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, TraceState::default()),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: std::time::UNIX_EPOCH,
            end_time: std::time::UNIX_EPOCH,
            attributes: vec![],
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Default::default(),
            instrumentation_scope: Default::default(),
        }
    }

    fn body(format: Format, gzip: bool) -> Bytes {
        let payload =
            Payload::spans(vec![span("a"), span("b")], &Default::default(), Encoding { format, gzip }).unwrap();
        assert_eq!((payload.items, payload.at_most_once), (2, false));
        payload.body
    }

    #[test]
    fn protobuf_body_decodes_with_and_without_gzip() {
        let plain = body(Format::Protobuf, false);
        let request = ExportTraceServiceRequest::decode(plain.clone()).unwrap();
        let names: Vec<_> =
            request.resource_spans[0].scope_spans[0].spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&body(Format::Protobuf, true)[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain);
    }

    #[test]
    fn json_body_has_names_in_camel_case_and_ids_in_hex() {
        let body: serde_json::Value = serde_json::from_slice(&body(Format::Json, false)).unwrap();
        let span = &body["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["traceId"], "000000000000000000000000000000ab");
        assert_eq!(span["spanId"], "00000000000000cd");
        assert_eq!(span["startTimeUnixNano"], "0");
    }
}
