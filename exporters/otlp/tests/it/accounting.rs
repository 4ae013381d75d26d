//! Items that are sent, retried, kept or dropped: each is counted once.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cachescope_exporter::testing::captured_logs;
use cachescope_exporter::{DropReason, ExporterStats};
use cachescope_otlp::Otlp;
use futures_executor::block_on;
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::{BatchConfigBuilder, SdkTracerProvider, SpanExporter};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tracing::Level;

use crate::grpc_collector::GrpcCollector;
use crate::http_collector::{HttpCollector, closed_port};
use crate::telemetry::{counter, spans, sums};

const PREFERENCE: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";

fn otlp(addr: SocketAddr, more: &'static [(&str, &str)]) -> Otlp {
    captured_logs::install();
    Otlp::from_lookup(&move |name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{addr}")),
        _ => more.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()),
    })
    .unwrap()
}

/// Returns the items sent, dropped for `reason`, dropped for any reason, and the requests retried.
fn counts(stats: &ExporterStats, reason: DropReason) -> [u64; 4] {
    [stats.total_sent(), stats.total_dropped_for(reason), stats.total_dropped(), stats.total_retried()]
}

#[test]
fn busy_collector_is_retried_not_before_the_delay_it_asks_for() {
    let collector = HttpCollector::anywhere(&["503 Busy", "429 Busy\r\nretry-after: 1", "502 Away", "200 OK"]);
    let otlp = otlp(collector.addr, &[]);
    let started = Instant::now();
    block_on(otlp.span_exporter().unwrap().export(spans(3))).unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(counts(otlp.span_stats(), DropReason::Throttled), [3, 0, 0, 3]);
    let bodies: Vec<_> = collector.received().into_iter().map(|request| request.body).collect();
    assert!(bodies.len() == 4 && bodies.iter().all(|body| *body == bodies[0] && !body.is_empty()));
    assert!(captured_logs::levels(&format!(":{}", collector.addr.port())).is_empty(), "nothing was lost");
}

#[test]
fn spans_are_resent_when_the_collector_hangs_up() {
    let collector = HttpCollector::anywhere(&["", "200 OK"]);
    let otlp = otlp(collector.addr, &[]);
    block_on(otlp.span_exporter().unwrap().export(spans(2))).unwrap();
    assert_eq!(counts(otlp.span_stats(), DropReason::Unconfirmed), [2, 0, 0, 1]);
}

#[test]
fn refused_spans_are_not_retried_and_are_counted_by_reason() {
    let long = &[("OTEL_EXPORTER_OTLP_TIMEOUT", "600")];
    for (answers, reason, attempts) in [
        (&["400 Bad"][..], DropReason::Rejected, 1),
        (&["307 Elsewhere\r\nlocation: /"], DropReason::Rejected, 1),
        (&["503 Busy\r\nretry-after: 3600"], DropReason::Throttled, 1),
    ] {
        let collector = HttpCollector::anywhere(answers);
        let otlp = otlp(collector.addr, long);
        assert!(block_on(otlp.span_exporter().unwrap().export(spans(2))).is_err());
        assert_eq!(counts(otlp.span_stats(), reason), [0, 2, 2, 0], "{answers:?}");
        assert_eq!(collector.received().len(), attempts, "{answers:?}");
    }
    let unreachable_otlp = otlp(closed_port(), long);
    assert!(block_on(unreachable_otlp.span_exporter().unwrap().export(spans(2))).is_err());
    let [sent, unreachable, dropped, retried] = counts(unreachable_otlp.span_stats(), DropReason::Unreachable);
    assert_eq!([sent, unreachable, dropped], [0, 2, 2]);
    assert!(retried > 0);
}

#[test]
fn grpc_retries_statuses_that_may_succeed_later() {
    let wait = || ErrorDetails::with_retry_info(Some(Duration::from_millis(300)));
    let grpc = &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let collector = GrpcCollector::start("127.0.0.1:0".parse().unwrap(), 0, None, move |before| match before {
        0 => Err(Status::unavailable("full")),
        1 => Err(Status::with_error_details(Code::ResourceExhausted, "", wait())),
        _ => Ok(()),
    });
    let otlp_of = || otlp(collector.addr, grpc);
    let otlp = otlp_of();
    let started = Instant::now();
    block_on(otlp.span_exporter().unwrap().export(spans(3))).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(counts(otlp.span_stats(), DropReason::Throttled), [3, 0, 0, 2]);

    let refusing =
        GrpcCollector::start("127.0.0.1:0".parse().unwrap(), 0, None, |_| Err(Status::resource_exhausted("too large")));
    let otlp = self::otlp(refusing.addr, grpc);
    assert!(block_on(otlp.span_exporter().unwrap().export(spans(3))).is_err());
    assert_eq!(counts(otlp.span_stats(), DropReason::Rejected), [0, 3, 3, 0]);
    assert_eq!(refusing.requests(), 1);
}

#[test]
fn partial_success_is_counted_and_logged_once() {
    let collector = GrpcCollector::start("127.0.0.1:0".parse().unwrap(), 2, None, |_| Ok(()));
    let otlp = otlp(collector.addr, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    let exporter = otlp.span_exporter().unwrap();
    for _ in 0..2 {
        block_on(exporter.export(spans(5))).unwrap();
    }
    assert_eq!(counts(otlp.span_stats(), DropReason::Rejected), [6, 4, 4, 0]);
    let logged = captured_logs::texts(&format!(":{}", collector.addr.port()));
    assert!(logged.len() == 1 && logged[0].contains("only some") && logged[0].contains("old"), "{logged:?}");
    assert_eq!(captured_logs::levels(&format!(":{}", collector.addr.port())), [Level::WARN]);
}

#[test]
fn deltas_wait_for_the_collector_and_none_is_sent_twice() {
    let addr = closed_port();
    let otlp = otlp(addr, &[(PREFERENCE, "delta"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "300")]);
    let (meters, counter) = counter(otlp.metric_exporter().unwrap());
    for count in [1, 2] {
        counter.add(count, &[]);
        assert!(meters.force_flush().is_err());
    }
    assert_eq!(counts(otlp.metric_stats(), DropReason::Unreachable)[..3], [0, 0, 0], "they wait");

    // The collector accepts one, and hangs up during the next: that one may have arrived.
    let collector = HttpCollector::start(addr, &["200 OK", "", "200 OK"]);
    counter.add(4, &[]);
    assert!(meters.force_flush().is_err());
    assert_eq!(counts(otlp.metric_stats(), DropReason::Unconfirmed)[..3], [1, 1, 1]);
    counter.add(8, &[]);
    meters.force_flush().unwrap();
    assert_eq!(counts(otlp.metric_stats(), DropReason::Unconfirmed)[..3], [3, 1, 1]);
    let sums: Vec<_> = collector.received().iter().map(|request| sums(&request.body)).collect();
    assert_eq!(sums, [[1], [2], [4], [8]], "in order, each once");
}

#[test]
fn deltas_that_wait_at_shutdown_are_counted_as_dropped() {
    let otlp = otlp(closed_port(), &[(PREFERENCE, "delta"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "200")]);
    let (meters, counter) = counter(otlp.metric_exporter().unwrap());
    counter.add(1, &[]);
    assert!(meters.shutdown().is_err());
    assert_eq!(counts(otlp.metric_stats(), DropReason::Shutdown)[..3], [0, 1, 1]);
}

#[test]
fn cumulative_totals_that_were_lost_are_included_in_the_next_export() {
    let addr = closed_port();
    let otlp = otlp(addr, &[("OTEL_EXPORTER_OTLP_TIMEOUT", "200")]);
    let (meters, counter) = counter(otlp.metric_exporter().unwrap());
    counter.add(1, &[]);
    assert!(meters.force_flush().is_err());
    assert_eq!(counts(otlp.metric_stats(), DropReason::Unreachable)[..3], [0, 1, 1]);
    let collector = HttpCollector::start(addr, &["200 OK"]);
    counter.add(2, &[]);
    meters.force_flush().unwrap();
    let sums: Vec<_> = collector.received().iter().map(|request| sums(&request.body)).collect();
    assert_eq!(sums, [[3]]);
}

#[test]
fn spans_are_counted_as_dropped_when_the_queue_is_full() {
    const CAPACITY: usize = 20;
    // The system's backlog accepts connections, and nothing reads from them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let otlp = otlp(silent.local_addr().unwrap(), &[("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")]);
    let batch = BatchConfigBuilder::default().with_max_export_batch_size(5);
    let queue = otlp.span_queue(batch, CAPACITY).unwrap();
    let tracers = SdkTracerProvider::builder().with_span_processor(queue).build();
    let tracer = tracers.tracer("test");
    (0..1_000).for_each(|_| drop(tracer.start("span")));
    let stats = otlp.span_stats();
    let full = stats.total_dropped_for(DropReason::QueueFull);
    // At most one batch is with the exporter.
    assert!((1_000 - 25..=1_000 - 20).contains(&(full as usize)), "{full}");
    otlp.delivery().give_up();
    // The shutdown drains the queue into an exporter that has given up.
    assert!(tracers.shutdown().is_err(), "spans were dropped");
    assert!(stats.total_dropped_for(DropReason::Shutdown) >= 15, "spans that waited were never sent: {stats:?}");
    drop(tracer.start("late"));
    assert_eq!(stats.total_sent(), 0);
    assert_eq!(stats.total_dropped(), 1_000, "each is counted once, and the late one never was a span");
}

#[test]
fn shutdown_ends_the_retries_of_an_unreachable_collector() {
    let otlp = otlp(closed_port(), &[("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")]);
    let exporter = otlp.span_exporter().unwrap();
    let delivery = otlp.delivery();
    let export = std::thread::spawn(move || block_on(exporter.export(spans(1))));
    while otlp.span_stats().total_retried() == 0 {
        assert!(!export.is_finished(), "the export isn't retried");
        std::thread::yield_now();
    }
    delivery.begin_shutdown();
    assert!(export.join().unwrap().is_err());
    assert_eq!(counts(otlp.span_stats(), DropReason::Unreachable)[..3], [0, 1, 1]);
}
