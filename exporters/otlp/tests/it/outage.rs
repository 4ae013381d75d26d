//! Logs and durations of exports when a collector is lost and recovers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cachescope_exporter::testing::captured_logs;
use cachescope_otlp::Otlp;
use futures_executor::block_on;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::SpanExporter;
use tracing::Level;

use crate::grpc_collector::GrpcCollector;
use crate::http_collector::{HttpCollector, closed_port};

/// A limit that detects hanging, not a claim about speed.
const HANGS: Duration = Duration::from_secs(20);

fn otlp(addr: SocketAddr, protocol: &'static str, timeout: &'static str) -> Otlp {
    captured_logs::install();
    Otlp::from_lookup(&move |name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://user:hunter2@{addr}")),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some(protocol.to_owned()),
        "OTEL_EXPORTER_OTLP_HEADERS" => Some("authorization=hunter2".to_owned()),
        // The duration of an export to an unreachable collector.
        "OTEL_EXPORTER_OTLP_TIMEOUT" => Some(timeout.to_owned()),
        _ => None,
    })
    .unwrap()
}

#[test]
fn loss_and_recovery_are_logged_once_for_both_signals() {
    let addr = closed_port();
    let otlp = otlp(addr, "http/protobuf", "500");
    let spans = otlp.span_exporter().unwrap();
    let metrics = otlp.metric_exporter().unwrap();
    let port = format!(":{}", addr.port());

    assert!(block_on(spans.export(vec![])).is_err());
    assert!(block_on(metrics.export(&ResourceMetrics::default())).is_err());
    assert_eq!(captured_logs::levels(&port), [Level::WARN]);

    let collector = HttpCollector::start(addr, &["200 OK"]);
    block_on(metrics.export(&ResourceMetrics::default())).unwrap();
    block_on(spans.export(vec![])).unwrap();
    assert_eq!(captured_logs::levels(&port), [Level::WARN, Level::INFO]);

    drop(collector);
    assert!(block_on(spans.export(vec![])).is_err());
    assert!(block_on(spans.export(vec![])).is_err());
    assert_eq!(captured_logs::levels(&port), [Level::WARN, Level::INFO, Level::WARN]);

    let logged = captured_logs::texts(&port);
    assert!(logged[0].contains("Connection refused"), "{logged:?}");
    assert!(logged.iter().all(|text| !text.contains("hunter2")), "{logged:?}");
}

#[test]
fn refusal_is_logged_with_its_http_status() {
    let collector = HttpCollector::anywhere(&["401 Unauthorized"]);
    let exporter = otlp(collector.addr, "http/protobuf", "10000").span_exporter().unwrap();
    assert!(block_on(exporter.export(vec![])).is_err());
    let logged = captured_logs::texts(&format!(":{}", collector.addr.port()));
    assert_eq!(logged.len(), 1);
    assert!(logged[0].contains("HTTP status 401 Unauthorized"), "{logged:?}");
}

#[test]
fn grpc_delivers_outside_a_runtime_and_logs_a_loss() {
    let addr = closed_port();
    let otlp = otlp(addr, "grpc", "500");
    let spans = otlp.span_exporter().unwrap();
    let metrics = otlp.metric_exporter().unwrap();
    let port = format!(":{}", addr.port());
    assert!(block_on(metrics.export(&ResourceMetrics::default())).is_err());
    assert!(block_on(spans.export(vec![])).is_err());
    let logged = captured_logs::texts(&port);
    assert_eq!(captured_logs::levels(&port), [Level::WARN], "{logged:?}");
    assert!(logged[0].contains("Connection refused"), "{logged:?}");

    let _collector = GrpcCollector::start(addr, 0, None, |_| Ok(()));
    block_on(metrics.export(&ResourceMetrics::default())).unwrap();
    block_on(spans.export(vec![])).unwrap();
    assert_eq!(captured_logs::levels(&port), [Level::WARN, Level::INFO]);
}

#[test]
fn signals_with_different_destinations_are_logged_separately() {
    captured_logs::install();
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
        assert_eq!(captured_logs::levels(&format!(":{}", addr.port())), [Level::WARN]);
    }
}

#[test]
fn giving_up_ends_an_export_without_a_response() {
    for protocol in ["http/protobuf", "grpc"] {
        // The system's backlog accepts connections, and nothing reads from them.
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
        assert_eq!(captured_logs::levels(&port), [Level::WARN]);
        drop(connection);
    }
}

#[test]
fn exporters_work_in_any_runtime() {
    use tokio::runtime::Builder;
    let collector = HttpCollector::anywhere(&["200 OK"]);
    let addr = collector.addr;
    for protocol in ["http/protobuf", "grpc"] {
        for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
            let runtime = builder.worker_threads(1).build().unwrap();
            runtime.block_on(async {
                let otlp = otlp(addr, protocol, "500");
                let (spans, metrics) = (otlp.span_exporter().unwrap(), otlp.metric_exporter().unwrap());
                // A flush in `Drop` blocks a program's runtime in the same way.
                let sent = block_on(spans.export(vec![]));
                assert_eq!(sent.is_ok(), protocol != "grpc", "{sent:?}");
                drop((spans, metrics));
            });
        }
    }
}
