//! However the collector and the runtime are, a program ends in time and with one warning.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as the tests do")]

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use cachescope_otel::{Guard, Setup};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::{PeriodicReader, Temporality, exporter::PushMetricExporter};
use tokio::runtime::Builder;
use tracing::Level;

use crate::captured;

/// Below the 10 s after which the exporters give up by themselves: what ends in less was ended by the deadline. Far
/// above the 3.25 s it takes, for a machine that is busy with other tests.
const HANGS: Duration = Duration::from_secs(9);

fn guard(addr: SocketAddr, protocol: &'static str) -> Guard {
    captured::install();
    let guard = Setup::from_lookup(move |name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{addr}")),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some(protocol.to_owned()),
        _ => None,
    })
    .install_globals(false)
    .init()
    .unwrap();
    guard.tracer_provider().tracer("shop").start("order");
    guard.meter_provider().meter("shop").u64_counter("orders").build().add(1, &[]);
    guard
}

/// Runs `program` outside of tokio and inside each kind of runtime, on a thread that the runtime needs.
fn in_every_runtime(program: impl Fn() + Copy + Send + Sync + 'static) {
    std::thread::scope(|scope| {
        scope.spawn(program);
        scope.spawn(move || Builder::new_current_thread().enable_all().build().unwrap().block_on(async { program() }));
        for workers in [1, 2] {
            scope.spawn(move || {
                let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap();
                runtime.block_on(runtime.spawn(async move { program() })).unwrap();
            });
        }
    });
}

fn ends_with_one_warning(addr: SocketAddr, protocol: &'static str, why: &str) {
    let started = Instant::now();
    drop(guard(addr, protocol));
    assert!(started.elapsed() < HANGS, "{protocol} took {:?}", started.elapsed());
    let port = format!(":{}", addr.port());
    assert_eq!(captured::levels(&port), [Level::WARN], "{:?}", captured::texts(&port));
    assert!(captured::texts(&port)[0].contains(why), "{:?}", captured::texts(&port));
    assert!(captured::levels("not delivered within 3s").is_empty(), "the guard repeats what the exporter said");
}

/// A port nobody listens on: taken from the system, then given back.
fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn on_a_closed_port(protocol: &'static str) {
    ends_with_one_warning(closed_port(), protocol, "Connection refused");
}

fn on_a_silent_collector(protocol: &'static str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    // Lives as long as the test process: connections are taken and kept, nothing is ever read or written.
    std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    ends_with_one_warning(addr, protocol, "no answer until the deadline");
}

#[test]
fn http_to_a_closed_port() {
    in_every_runtime(|| on_a_closed_port("http/protobuf"));
}

#[test]
fn grpc_to_a_closed_port() {
    in_every_runtime(|| on_a_closed_port("grpc"));
}

#[test]
fn http_to_a_silent_collector() {
    in_every_runtime(|| on_a_silent_collector("http/protobuf"));
}

#[test]
fn grpc_to_a_silent_collector() {
    in_every_runtime(|| on_a_silent_collector("grpc"));
}

#[test]
fn a_collector_that_answers_gets_both_signals_before_the_guard_is_gone() {
    use std::io::{BufRead, BufReader, Read, Write};

    in_every_runtime(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (sender, received) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let mut reader = BufReader::new(connection.try_clone().unwrap());
                let head: Vec<String> =
                    reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let length =
                    head.iter().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                let mut body = vec![0; length.unwrap_or(0)];
                reader.read_exact(&mut body).unwrap();
                sender.send((head[0].clone(), String::from_utf8_lossy(&body).into_owned())).unwrap();
                let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        drop(guard(addr, "http/protobuf"));
        let mut requests: Vec<_> = received.try_iter().collect();
        requests.sort();
        let [(metrics, counter), (traces, span)] = &requests[..] else { panic!("{requests:?}") };
        assert!(metrics.starts_with("POST /v1/metrics ") && counter.contains("orders"), "{requests:?}");
        assert!(traces.starts_with("POST /v1/traces ") && span.contains("order"), "{requests:?}");
        assert!(counter.contains("service.instance.id") && span.contains("service.instance.id"));
        assert!(captured::levels(&format!(":{}", addr.port())).is_empty());
    });
}

#[test]
fn a_flush_that_fails_says_so_and_a_shutdown_after_it_adds_no_warning() {
    let addr = closed_port();
    let guard = guard(addr, "grpc");
    assert!(guard.flush().unwrap_err().is_undelivered());
    assert!(guard.shutdown().unwrap_err().is_undelivered());
    assert_eq!(captured::levels(&format!(":{}", addr.port())), [Level::WARN]);
}

/// Someone else's exporter, that no one but the guard can speak for.
struct Stuck(std::sync::mpsc::Receiver<()>);

#[derive(Debug)]
struct StuckExporter(std::sync::Mutex<Option<Stuck>>);

impl std::fmt::Debug for Stuck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stuck")
    }
}

impl PushMetricExporter for StuckExporter {
    async fn export(&self, _: &ResourceMetrics) -> OTelSdkResult {
        if let Some(Stuck(released)) = self.0.lock().unwrap().take() {
            let _ = released.recv();
        }
        Err(OTelSdkError::InternalFailure("stuck".into()))
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

#[test]
fn what_hangs_elsewhere_the_guard_says_itself_once() {
    captured::install();
    let (release, released) = std::sync::mpsc::channel();
    let exporter = StuckExporter(std::sync::Mutex::new(Some(Stuck(released))));
    let guard = Setup::from_lookup(|_| None)
        .trace_exporters([])
        .metric_exporters([])
        .metric_reader(PeriodicReader::builder(exporter).build())
        .deadline(Duration::from_millis(123))
        .install_globals(false)
        .init()
        .unwrap();
    guard.meter_provider().meter("shop").u64_counter("orders").build().add(1, &[]);
    drop(guard);
    assert_eq!(captured::levels("not delivered within 123ms"), [Level::WARN]);
    drop(release);
}
