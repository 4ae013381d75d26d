//! Without a collector the program runs, answers and ends in time, and says once what is wrong.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a user may be made to wait for the end of a program whose collector is away.
const LIMIT: Duration = Duration::from_secs(5);

fn run(endpoint: &str, protocol: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_service"))
        .env_clear()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        // Several exports fail within the run, so that a warning a failure would show.
        .env("OTEL_METRIC_EXPORT_INTERVAL", "20")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    while child.try_wait()?.is_none() {
        if started.elapsed() > 2 * LIMIT {
            child.kill()?;
            anyhow::bail!("{protocol} to {endpoint}: still running after {:?}", started.elapsed());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let elapsed = started.elapsed();
    let output = child.wait_with_output()?;
    let said = String::from_utf8(output.stderr)?;
    println!("{protocol} to {endpoint}: {elapsed:?}\n{said}");
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8(output.stdout)?, "12350 80\n");
    assert!(elapsed < LIMIT, "{protocol} to {endpoint}: {elapsed:?}");
    let complaints: Vec<&str> = said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    assert_eq!(complaints.len(), 1, "{said}");
    assert!(complaints[0].contains(endpoint), "it doesn't say where: {said}");
    Ok(())
}

#[test]
fn a_collector_that_refuses() -> anyhow::Result<()> {
    // Bound and dropped: a port where nobody listens.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    run(&format!("http://{address}"), "http/protobuf")?;
    run(&format!("http://{address}"), "grpc")
}

#[test]
fn a_collector_that_accepts_and_never_answers() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Reads for ever and says nothing.
            std::thread::spawn(move || std::io::copy(&mut stream.take(u64::MAX), &mut std::io::sink()));
        }
    });
    run(&format!("http://{address}"), "http/protobuf")?;
    run(&format!("http://{address}"), "grpc")
}
