//! Requests as a collector receives them.

use std::io::Read;

use cachescope_exporter::testing::captured_logs;
use cachescope_otlp::Otlp;
use futures_executor::block_on;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::trace::SpanExporter;
use prost::Message;

use crate::grpc_collector::GrpcCollector;
use crate::http_collector::{HttpCollector, Received};
use crate::telemetry::{counter, spans};

fn unpacked(request: &Received) -> Vec<u8> {
    assert_eq!(request.headers["content-encoding"], "gzip");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&request.body[..]).read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn each_signal_has_its_format_path_headers_and_compression() {
    captured_logs::install();
    let collector = HttpCollector::anywhere(&["200 OK"]);
    let addr = collector.addr;
    let otlp = Otlp::from_lookup(&|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{addr}/base")),
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL" => Some("http/json".to_owned()),
        "OTEL_EXPORTER_OTLP_COMPRESSION" => Some("gzip".to_owned()),
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS" => Some("x-tenant=seven".to_owned()),
        _ => None,
    })
    .unwrap();
    block_on(otlp.span_exporter().unwrap().export(spans(3))).unwrap();
    let (meters, counter) = counter(otlp.metric_exporter().unwrap());
    counter.add(7, &[]);
    meters.force_flush().unwrap();
    let [traces, metrics] = &collector.received()[..] else { panic!("{:?}", collector.received()) };

    assert_eq!(traces.path, "/base/v1/traces");
    assert_eq!(traces.headers["content-type"], "application/x-protobuf");
    assert_eq!(traces.headers["x-tenant"], "seven");
    assert!(traces.headers["user-agent"].starts_with("cachescope-otlp/"));
    let request = ExportTraceServiceRequest::decode(&unpacked(traces)[..]).unwrap();
    assert_eq!(request.resource_spans[0].scope_spans[0].spans.len(), 3);

    assert_eq!(metrics.path, "/base/v1/metrics");
    assert_eq!(metrics.headers["content-type"], "application/json");
    assert!(!metrics.headers.contains_key("x-tenant"));
    let json: serde_json::Value = serde_json::from_slice(&unpacked(metrics)).unwrap();
    let metric = &json["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0];
    assert_eq!(metric["name"], "requests");
    assert_eq!(metric["sum"]["dataPoints"][0]["asInt"], "7", "64-bit numbers are strings in OTLP's JSON");
}

#[test]
fn partial_success_in_json_is_counted() {
    captured_logs::install();
    let body = br#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no"}}"#;
    let collector = HttpCollector::with_body("127.0.0.1:0".parse().unwrap(), &["200 OK"], body);
    let addr = collector.addr;
    let otlp = Otlp::from_lookup(&|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{addr}")),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("http/json".to_owned()),
        _ => None,
    })
    .unwrap();
    block_on(otlp.span_exporter().unwrap().export(spans(3))).unwrap();
    assert_eq!((otlp.span_stats().total_sent(), otlp.span_stats().total_dropped()), (2, 1));
}

#[test]
fn grpc_request_has_metadata_and_compression() {
    captured_logs::install();
    let collector = GrpcCollector::start("127.0.0.1:0".parse().unwrap(), 0, None, |_| Ok(()));
    let addr = collector.addr;
    let otlp = Otlp::from_lookup(&|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(addr.to_string()),
        "OTEL_EXPORTER_OTLP_INSECURE" => Some("true".to_owned()),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("grpc".to_owned()),
        "OTEL_EXPORTER_OTLP_COMPRESSION" => Some("gzip".to_owned()),
        "OTEL_EXPORTER_OTLP_HEADERS" => Some("x-tenant=seven%20eight".to_owned()),
        _ => None,
    })
    .unwrap();
    block_on(otlp.span_exporter().unwrap().export(spans(3))).unwrap();
    let metadata = collector.metadata();
    assert_eq!(metadata[0].get("x-tenant").unwrap(), "seven eight");
    assert_eq!(metadata[0].get("grpc-encoding").unwrap(), "gzip");
    assert_eq!(otlp.span_stats().total_sent(), 3);
}
