//! A program ends in time and with one warning, whatever the state of the collector and the runtime.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as the tests do")]

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use cachescope_exporter::testing::captured_logs;
use cachescope_otel::{Guard, Setup};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::{PeriodicReader, Temporality, exporter::PushMetricExporter};
use tokio::runtime::Builder;
use tracing::Level;

/// The longest time an exit may take. The exporters give up by themselves after 10 s, so a shorter exit was ended by
/// the deadline. The exit itself takes 3.25 s; the rest allows for a machine that is busy with other tests.
const EXIT_LIMIT: Duration = Duration::from_secs(9);

fn guard(addr: SocketAddr, protocol: &'static str) -> Guard {
    captured_logs::install();
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

/// Runs `program` outside tokio and inside each kind of runtime, on a thread that the runtime needs.
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

fn assert_ends_with_one_warning(addr: SocketAddr, protocol: &'static str, cause: &str) {
    let started = Instant::now();
    drop(guard(addr, protocol));
    assert!(started.elapsed() < EXIT_LIMIT, "{protocol} took {:?}", started.elapsed());
    let port = format!(":{}", addr.port());
    assert_eq!(captured_logs::levels(&port), [Level::WARN], "{:?}", captured_logs::texts(&port));
    assert!(captured_logs::texts(&port)[0].contains(cause), "{:?}", captured_logs::texts(&port));
    assert!(captured_logs::levels("not delivered within 3s").is_empty(), "the guard repeats the exporter's warning");
}

/// Returns a port without a listener: bound, then released.
fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn on_a_closed_port(protocol: &'static str) {
    assert_ends_with_one_warning(closed_port(), protocol, "Connection refused");
}

fn on_a_silent_collector(protocol: &'static str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    // Runs as long as the test process: accepts and keeps connections, and neither reads nor writes.
    std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    assert_ends_with_one_warning(addr, protocol, "no response before the deadline of the shutdown");
}

#[test]
fn exit_over_http_ends_in_time_when_the_port_is_closed() {
    in_every_runtime(|| on_a_closed_port("http/protobuf"));
}

#[test]
fn exit_over_grpc_ends_in_time_when_the_port_is_closed() {
    in_every_runtime(|| on_a_closed_port("grpc"));
}

#[test]
fn exit_over_http_ends_in_time_when_the_collector_is_silent() {
    in_every_runtime(|| on_a_silent_collector("http/protobuf"));
}

#[test]
fn exit_over_grpc_ends_in_time_when_the_collector_is_silent() {
    in_every_runtime(|| on_a_silent_collector("grpc"));
}

#[test]
fn dropped_guard_delivers_traces_and_metrics_to_an_answering_collector() {
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
        assert!(captured_logs::levels(&format!(":{}", addr.port())).is_empty());
    });
}

#[test]
fn failed_flush_is_an_error_and_a_later_shutdown_adds_no_warning() {
    let addr = closed_port();
    let guard = guard(addr, "grpc");
    assert!(guard.flush().unwrap_err().is_undelivered());
    assert!(guard.shutdown().unwrap_err().is_undelivered());
    assert_eq!(captured_logs::levels(&format!(":{}", addr.port())), [Level::WARN]);
}

/// An exporter of another library that hangs; only the guard can log that.
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
fn guard_warns_once_when_another_exporter_hangs() {
    captured_logs::install();
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
    assert_eq!(captured_logs::levels("not delivered within 123ms"), [Level::WARN]);
    drop(release);
}
