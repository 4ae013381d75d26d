//! What is tried again, kept, dropped, and counted.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cachescope_core::{DropReason, Exports};
use cachescope_otlp::Otlp;
use futures_executor::block_on;
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::{BatchConfigBuilder, SdkTracerProvider, SpanExporter};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tracing::Level;

use crate::captured;
use crate::collector::{HttpCollector, closed_port};
use crate::grpc::GrpcCollector;
use crate::telemetry::{counter, spans, sums};

const PREFERENCE: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";

fn otlp(addr: SocketAddr, more: &'static [(&str, &str)]) -> Otlp {
    captured::install();
    Otlp::from_lookup(&move |name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{addr}")),
        _ => more.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()),
    })
    .unwrap()
}

/// Sent, dropped for that reason, dropped for whatever reason, tried again.
fn books(exports: &Exports, reason: DropReason) -> [u64; 4] {
    [exports.total_sent(), exports.total_dropped_for(reason), exports.total_dropped(), exports.total_retried()]
}

#[test]
fn a_busy_collector_is_tried_again_and_not_before_it_says() {
    let collector = HttpCollector::anywhere(&["503 Busy", "429 Busy\r\nretry-after: 1", "502 Away", "200 OK"]);
    let otlp = otlp(collector.addr, &[]);
    let started = Instant::now();
    block_on(otlp.span_exporter().unwrap().export(spans(3))).unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(books(otlp.span_exports(), DropReason::Throttled), [3, 0, 0, 3]);
    let bodies: Vec<_> = collector.received().into_iter().map(|request| request.body).collect();
    assert!(bodies.len() == 4 && bodies.iter().all(|body| *body == bodies[0] && !body.is_empty()));
    assert!(captured::levels(&format!(":{}", collector.addr.port())).is_empty(), "nothing was lost");
}

#[test]
fn a_collector_that_hangs_up_gets_spans_again() {
    let collector = HttpCollector::anywhere(&["", "200 OK"]);
    let otlp = otlp(collector.addr, &[]);
    block_on(otlp.span_exporter().unwrap().export(spans(2))).unwrap();
    assert_eq!(books(otlp.span_exports(), DropReason::Unconfirmed), [2, 0, 0, 1]);
}

#[test]
fn what_is_refused_is_not_tried_again_and_counted_by_reason() {
    let long = &[("OTEL_EXPORTER_OTLP_TIMEOUT", "600")];
    for (answers, reason, attempts) in [
        (&["400 Bad"][..], DropReason::Rejected, 1),
        (&["307 Elsewhere\r\nlocation: /"], DropReason::Rejected, 1),
        (&["503 Busy\r\nretry-after: 3600"], DropReason::Throttled, 1),
    ] {
        let collector = HttpCollector::anywhere(answers);
        let otlp = otlp(collector.addr, long);
        assert!(block_on(otlp.span_exporter().unwrap().export(spans(2))).is_err());
        assert_eq!(books(otlp.span_exports(), reason), [0, 2, 2, 0], "{answers:?}");
        assert_eq!(collector.received().len(), attempts, "{answers:?}");
    }
    let nobody = otlp(closed_port(), long);
    assert!(block_on(nobody.span_exporter().unwrap().export(spans(2))).is_err());
    let [sent, unreachable, dropped, retried] = books(nobody.span_exports(), DropReason::Unreachable);
    assert_eq!([sent, unreachable, dropped], [0, 2, 2]);
    assert!(retried > 0);
}

#[test]
fn grpc_tries_again_what_may_succeed() {
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
    assert_eq!(books(otlp.span_exports(), DropReason::Throttled), [3, 0, 0, 2]);

    let refusing =
        GrpcCollector::start("127.0.0.1:0".parse().unwrap(), 0, None, |_| Err(Status::resource_exhausted("too large")));
    let otlp = self::otlp(refusing.addr, grpc);
    assert!(block_on(otlp.span_exporter().unwrap().export(spans(3))).is_err());
    assert_eq!(books(otlp.span_exports(), DropReason::Rejected), [0, 3, 3, 0]);
    assert_eq!(refusing.requests(), 1);
}

#[test]
fn what_a_collector_takes_only_in_part_is_counted_and_said_once() {
    let collector = GrpcCollector::start("127.0.0.1:0".parse().unwrap(), 2, None, |_| Ok(()));
    let otlp = otlp(collector.addr, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    let exporter = otlp.span_exporter().unwrap();
    for _ in 0..2 {
        block_on(exporter.export(spans(5))).unwrap();
    }
    assert_eq!(books(otlp.span_exports(), DropReason::Rejected), [6, 4, 4, 0]);
    let said = captured::texts(&format!(":{}", collector.addr.port()));
    assert!(said.len() == 1 && said[0].contains("only some") && said[0].contains("old"), "{said:?}");
    assert_eq!(captured::levels(&format!(":{}", collector.addr.port())), [Level::WARN]);
}

#[test]
fn differences_wait_for_the_collector_and_none_is_counted_twice() {
    let addr = closed_port();
    let otlp = otlp(addr, &[(PREFERENCE, "delta"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "300")]);
    let (meters, counter) = counter(otlp.metric_exporter().unwrap());
    for count in [1, 2] {
        counter.add(count, &[]);
        assert!(meters.force_flush().is_err());
    }
    assert_eq!(books(otlp.metric_exports(), DropReason::Unreachable)[..3], [0, 0, 0], "they wait");

    // It takes one, and hangs up in the middle of another: that one may have arrived.
    let collector = HttpCollector::start(addr, &["200 OK", "", "200 OK"]);
    counter.add(4, &[]);
    assert!(meters.force_flush().is_err());
    assert_eq!(books(otlp.metric_exports(), DropReason::Unconfirmed)[..3], [1, 1, 1]);
    counter.add(8, &[]);
    meters.force_flush().unwrap();
    assert_eq!(books(otlp.metric_exports(), DropReason::Unconfirmed)[..3], [3, 1, 1]);
    let sums: Vec<_> = collector.received().iter().map(|request| sums(&request.body)).collect();
    assert_eq!(sums, [[1], [2], [4], [8]], "in order, each once");
}

#[test]
fn differences_that_wait_at_the_end_are_counted() {
    let otlp = otlp(closed_port(), &[(PREFERENCE, "delta"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "200")]);
    let (meters, counter) = counter(otlp.metric_exporter().unwrap());
    counter.add(1, &[]);
    assert!(meters.shutdown().is_err());
    assert_eq!(books(otlp.metric_exports(), DropReason::Shutdown)[..3], [0, 1, 1]);
}

#[test]
fn totals_that_did_not_arrive_are_in_the_next_one() {
    let addr = closed_port();
    let otlp = otlp(addr, &[("OTEL_EXPORTER_OTLP_TIMEOUT", "200")]);
    let (meters, counter) = counter(otlp.metric_exporter().unwrap());
    counter.add(1, &[]);
    assert!(meters.force_flush().is_err());
    assert_eq!(books(otlp.metric_exports(), DropReason::Unreachable)[..3], [0, 1, 1]);
    let collector = HttpCollector::start(addr, &["200 OK"]);
    counter.add(2, &[]);
    meters.force_flush().unwrap();
    let sums: Vec<_> = collector.received().iter().map(|request| sums(&request.body)).collect();
    assert_eq!(sums, [[3]]);
}

#[test]
fn spans_that_find_no_room_are_counted_and_all_are_accounted_for() {
    const PLACES: usize = 20;
    // Connections are accepted by the system's backlog; nobody reads from them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let otlp = otlp(silent.local_addr().unwrap(), &[("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")]);
    let batch = BatchConfigBuilder::default().with_max_export_batch_size(5);
    let queue = otlp.span_queue(batch, PLACES).unwrap();
    let tracers = SdkTracerProvider::builder().with_span_processor(queue).build();
    let tracer = tracers.tracer("test");
    (0..1_000).for_each(|_| drop(tracer.start("span")));
    let exports = otlp.span_exports();
    let full = exports.total_dropped_for(DropReason::QueueFull);
    // At most one batch is with the exporter.
    assert!((1_000 - 25..=1_000 - 20).contains(&(full as usize)), "{full}");
    otlp.delivery().give_up();
    // It drains the queue, into an exporter that has given up.
    assert!(tracers.shutdown().is_err(), "spans were dropped");
    assert!(exports.total_dropped_for(DropReason::Shutdown) >= 15, "what waited was never begun: {exports:?}");
    drop(tracer.start("late"));
    assert_eq!(exports.total_sent(), 0);
    assert_eq!(exports.total_dropped(), 1_000, "each once, and the late one never was a span");
}

#[test]
fn at_the_end_where_nobody_listens_is_not_waited_for() {
    let otlp = otlp(closed_port(), &[("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")]);
    let exporter = otlp.span_exporter().unwrap();
    let delivery = otlp.delivery();
    let export = std::thread::spawn(move || block_on(exporter.export(spans(1))));
    while otlp.span_exports().total_retried() == 0 {
        assert!(!export.is_finished(), "it doesn't try again");
        std::thread::yield_now();
    }
    delivery.finish();
    assert!(export.join().unwrap().is_err());
    assert_eq!(books(otlp.span_exports(), DropReason::Unreachable)[..3], [0, 1, 1]);
}
