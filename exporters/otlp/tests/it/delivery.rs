//! What is said, and how long it takes, when a collector is lost and found.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cachescope_otlp::Otlp;
use futures_executor::block_on;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::SpanExporter;
use tracing::Level;

use crate::captured;
use crate::collector::{HttpCollector, closed_port};
use crate::grpc::GrpcCollector;

/// A bound against hanging, not a claim about speed.
const HANGS: Duration = Duration::from_secs(20);

fn otlp(addr: SocketAddr, protocol: &'static str, timeout: &'static str) -> Otlp {
    captured::install();
    Otlp::from_lookup(&move |name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://user:hunter2@{addr}")),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some(protocol.to_owned()),
        "OTEL_EXPORTER_OTLP_HEADERS" => Some("authorization=hunter2".to_owned()),
        // Where nobody listens, it is how long that is tried.
        "OTEL_EXPORTER_OTLP_TIMEOUT" => Some(timeout.to_owned()),
        _ => None,
    })
    .unwrap()
}

#[test]
fn a_lost_and_found_collector_is_said_once_each_for_both_signals() {
    let addr = closed_port();
    let otlp = otlp(addr, "http/protobuf", "500");
    let spans = otlp.span_exporter().unwrap();
    let metrics = otlp.metric_exporter().unwrap();
    let port = format!(":{}", addr.port());

    assert!(block_on(spans.export(vec![])).is_err());
    assert!(block_on(metrics.export(&ResourceMetrics::default())).is_err());
    assert_eq!(captured::levels(&port), [Level::WARN]);

    let collector = HttpCollector::start(addr, &["200 OK"]);
    block_on(metrics.export(&ResourceMetrics::default())).unwrap();
    block_on(spans.export(vec![])).unwrap();
    assert_eq!(captured::levels(&port), [Level::WARN, Level::INFO]);

    drop(collector);
    assert!(block_on(spans.export(vec![])).is_err());
    assert!(block_on(spans.export(vec![])).is_err());
    assert_eq!(captured::levels(&port), [Level::WARN, Level::INFO, Level::WARN]);

    let said = captured::texts(&port);
    assert!(said[0].contains("Connection refused"), "{said:?}");
    assert!(said.iter().all(|text| !text.contains("hunter2")), "{said:?}");
}

#[test]
fn an_answer_that_refuses_names_its_status() {
    let collector = HttpCollector::anywhere(&["401 Unauthorized"]);
    let exporter = otlp(collector.addr, "http/protobuf", "10000").span_exporter().unwrap();
    assert!(block_on(exporter.export(vec![])).is_err());
    let said = captured::texts(&format!(":{}", collector.addr.port()));
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("HTTP status 401 Unauthorized"), "{said:?}");
}

#[test]
fn grpc_delivers_outside_a_runtime_and_says_when_it_can_t() {
    let addr = closed_port();
    let otlp = otlp(addr, "grpc", "500");
    let spans = otlp.span_exporter().unwrap();
    let metrics = otlp.metric_exporter().unwrap();
    let port = format!(":{}", addr.port());
    assert!(block_on(metrics.export(&ResourceMetrics::default())).is_err());
    assert!(block_on(spans.export(vec![])).is_err());
    let said = captured::texts(&port);
    assert_eq!(captured::levels(&port), [Level::WARN], "{said:?}");
    assert!(said[0].contains("Connection refused"), "{said:?}");

    let _collector = GrpcCollector::start(addr, 0, None, |_| Ok(()));
    block_on(metrics.export(&ResourceMetrics::default())).unwrap();
    block_on(spans.export(vec![])).unwrap();
    assert_eq!(captured::levels(&port), [Level::WARN, Level::INFO]);
}

#[test]
fn signals_that_go_to_two_places_are_told_apart() {
    captured::install();
    let (traces, metrics) = (closed_port(), closed_port());
    let otlp = Otlp::from_lookup(&move |name| match name {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => Some(format!("http://{traces}/v1/traces")),
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" => Some(format!("http://{metrics}/v1/metrics")),
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE" => Some("delta".to_owned()),
        "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("300".to_owned()),
        _ => None,
    })
    .unwrap();
    let metric_exporter = otlp.metric_exporter().unwrap();
    assert_eq!(metric_exporter.temporality(), Temporality::Delta);
    assert!(block_on(metric_exporter.export(&ResourceMetrics::default())).is_err());
    assert!(block_on(otlp.span_exporter().unwrap().export(vec![])).is_err());
    for addr in [traces, metrics] {
        assert_eq!(captured::levels(&format!(":{}", addr.port())), [Level::WARN]);
    }
}

#[test]
fn giving_up_ends_an_export_that_nobody_answers() {
    for protocol in ["http/protobuf", "grpc"] {
        // Connections are accepted by the system's backlog; nobody reads from them.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let otlp = otlp(silent.local_addr().unwrap(), protocol, "60000");
        let exporter = otlp.span_exporter().unwrap();
        let delivery = otlp.delivery();
        let started = Instant::now();
        let export = std::thread::spawn(move || block_on(exporter.export(vec![])));
        let (connection, _) = silent.accept().unwrap();
        delivery.give_up();
        assert!(export.join().unwrap().is_err());
        assert!(started.elapsed() < HANGS);
        let port = format!(":{}", silent.local_addr().unwrap().port());
        assert_eq!(captured::levels(&port), [Level::WARN]);
        drop(connection);
    }
}

#[test]
fn exporters_are_built_used_and_dropped_in_any_runtime() {
    use tokio::runtime::Builder;
    let collector = HttpCollector::anywhere(&["200 OK"]);
    let addr = collector.addr;
    for protocol in ["http/protobuf", "grpc"] {
        for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
            let runtime = builder.worker_threads(1).build().unwrap();
            runtime.block_on(async {
                let otlp = otlp(addr, protocol, "500");
                let (spans, metrics) = (otlp.span_exporter().unwrap(), otlp.metric_exporter().unwrap());
                // Blocking here is what a flush in `Drop` does to a program's runtime.
                let sent = block_on(spans.export(vec![]));
                assert_eq!(sent.is_ok(), protocol != "grpc", "{sent:?}");
                drop((spans, metrics));
            });
        }
    }
}
