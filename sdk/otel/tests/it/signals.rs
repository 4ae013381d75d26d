//! Processes that receive a signal: their telemetry is delivered, and the signal ends them as usual.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use cachescope_otel::{Setup, Signal};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};

/// The role of a child process, and the address of its collector. Without them the child's test passes at once.
const ROLE: &str = "CACHESCOPE_TEST_ROLE";
const COLLECTOR: &str = "CACHESCOPE_TEST_COLLECTOR";

/// Bounds a failure, not a success.
const PATIENCE: Duration = Duration::from_secs(60);

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// The child process: sets up, records, prints that it is ready, then blocks.
#[test]
fn program() {
    let (Ok(role), Ok(collector)) = (std::env::var(ROLE), std::env::var(COLLECTOR)) else { return };
    let run = || {
        let guard = Setup::from_lookup(move |name| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{collector}")),
            "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("http/protobuf".to_owned()),
            // Nothing is sent before the shutdown.
            "OTEL_BSP_SCHEDULE_DELAY" | "OTEL_METRIC_EXPORT_INTERVAL" => Some("3600000".to_owned()),
            _ => None,
        })
        .shutdown_on([Signal::Terminate, Signal::Interrupt])
        .install_globals(false)
        .init()
        .unwrap();
        guard.tracer_provider().tracer("shop").start("order");
        guard.meter_provider().meter("shop").u64_counter("orders").build().add(1, &[]);
        let guard = (role != "ended").then_some(guard);
        println!("ready");
        loop {
            std::thread::park();
            let _ = &guard;
        }
    };
    if role == "async" {
        // The runtime's only thread is blocked.
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async { run() });
    } else {
        run();
    }
}

/// A child process that is killed at the end of the test.
struct Program(Child);

impl Program {
    fn start(role: &str, collector: SocketAddr) -> std::io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--exact", "signals::program", "--nocapture"])
            .env(ROLE, role)
            .env(COLLECTOR, collector.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = child.stdout.take();
        let program = Self(child);
        // The test harness may print something before, on the same line.
        let ready = output.into_iter().flat_map(|output| BufReader::new(output).lines().map_while(Result::ok));
        if ready.into_iter().any(|line| line.ends_with("ready")) {
            Ok(program)
        } else {
            Err(std::io::Error::other("the program ended before it was ready"))
        }
    }

    fn send(&self, signal: i32) -> std::io::Result<()> {
        let kill = Command::new("kill").args([format!("-{signal}"), self.0.id().to_string()]).status()?;
        if kill.success() { Ok(()) } else { Err(std::io::Error::other("kill failed")) }
    }

    fn end(&mut self) -> std::io::Result<ExitStatus> {
        let started = Instant::now();
        loop {
            match self.0.try_wait()? {
                Some(status) => return Ok(status),
                None if started.elapsed() > PATIENCE => return Err(std::io::Error::other("the program doesn't end")),
                None => std::thread::yield_now(),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Usually it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A collector that answers, and a channel of the paths and bodies that it receives.
fn collector() -> std::io::Result<(SocketAddr, Receiver<(String, String)>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let Ok(clone) = connection.try_clone() else { continue };
            let mut reader = BufReader::new(clone);
            let head: Vec<String> =
                reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let length =
                head.iter().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            if reader.read_exact(&mut body).is_ok() {
                let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
                let _ = sender.send((path, String::from_utf8_lossy(&body).into_owned()));
            }
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    Ok((addr, received))
}

/// A collector that accepts connections and never answers, and a channel with one message per connection.
fn silent_collector() -> std::io::Result<(SocketAddr, Receiver<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let (sender, connected) = channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for connection in listener.incoming() {
            kept.push(connection);
            // Some tests drop the receiver.
            let _ = sender.send(());
        }
    });
    Ok((addr, connected))
}

#[test]
fn signal_delivers_traces_and_metrics_and_then_ends_the_process() {
    for (role, signal) in [("plain", SIGTERM), ("plain", SIGINT), ("async", SIGTERM)] {
        let (addr, received) = collector().unwrap();
        let mut program = Program::start(role, addr).unwrap();
        assert!(
            received.try_recv().is_err(),
            "something was sent before the signal, so the rest of the test proves nothing"
        );
        program.send(signal).unwrap();
        assert_eq!(program.end().unwrap().signal(), Some(signal), "{role}");
        let mut requests: Vec<_> = received.try_iter().collect();
        requests.sort();
        let [(metrics, counter), (traces, span)] = &requests[..] else { panic!("{role}: {requests:?}") };
        assert!(metrics == "/v1/metrics" && counter.contains("orders"), "{requests:?}");
        assert!(traces == "/v1/traces" && span.contains("order"), "{requests:?}");
    }
}

#[test]
fn signal_after_the_guards_drop_ends_the_process() {
    let (addr, received) = collector().unwrap();
    let mut program = Program::start("ended", addr).unwrap();
    assert_eq!(received.try_iter().count(), 2, "the guard delivered");
    program.send(SIGTERM).unwrap();
    assert_eq!(program.end().unwrap().signal(), Some(SIGTERM));
    assert_eq!(received.try_iter().count(), 0);
}

#[test]
fn signal_ends_the_process_by_the_deadline_when_the_collector_is_silent() {
    let (addr, _connected) = silent_collector().unwrap();
    let mut program = Program::start("plain", addr).unwrap();
    let started = Instant::now();
    program.send(SIGTERM).unwrap();
    assert_eq!(program.end().unwrap().signal(), Some(SIGTERM));
    // The exit takes 3.25 s; the exporters would give up by themselves after 10 s.
    assert!(started.elapsed() < Duration::from_secs(9), "took {:?}", started.elapsed());
}

#[test]
fn second_signal_ends_the_process_at_once() {
    let (addr, connected) = silent_collector().unwrap();
    let mut program = Program::start("plain", addr).unwrap();
    program.send(SIGTERM).unwrap();
    // The shutdown runs: an exporter has connected to the collector.
    connected.recv_timeout(PATIENCE).unwrap();
    let started = Instant::now();
    program.send(SIGTERM).unwrap();
    assert_eq!(program.end().unwrap().signal(), Some(SIGTERM));
    assert!(started.elapsed() < Duration::from_secs(3), "waited for the deadline: {:?}", started.elapsed());
}
