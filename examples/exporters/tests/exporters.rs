//! Runs each exporter's example against its backend: the four requests of the cache arrive.

#[path = "../../program.rs"]
mod program;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cachescope_harness::{Cloudwatch, Server, Stack, StatsdServer, eventually};
use program::program;
use serde_json::Value;

/// The timeout of a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);

fn command(example: &str, variables: &[(&str, &str)]) -> Result<Command> {
    let mut command = Command::new(program(example)?);
    // Without the OTEL_* variables of the environment that runs the tests.
    command.env_clear().envs(variables.iter().copied());
    Ok(command)
}

/// Runs an example. Returns its output, and fails if it writes to stderr.
fn run(example: &str, variables: &[(&str, &str)]) -> Result<String> {
    let output = command(example, variables)?.output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && stderr.is_empty(), "{example}: {stderr}");
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn otlp_example_delivers_requests() -> Result<()> {
    let stack = Stack::shared()?;
    let collector = stack.collector();
    run("to_otlp", &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.otlp_http()), ("OTEL_SERVICE_NAME", "example-otlp")])?;
    let requests = "sum by (cachescope_result) (cachescope_requests_total{job=\"example-otlp\"}) > 0";
    let samples = stack.prometheus().eventually(requests, PATIENCE, |samples| samples.len() == 2)?;
    assert!(samples.iter().all(|sample| sample.value == 2.0), "{samples:?}");
    Ok(())
}

#[test]
fn prometheus_example_serves_requests() -> Result<()> {
    let mut child = command("to_prometheus", &[])?.stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
    let page = ureq::get(line.trim()).call();
    // End the program, even if the request failed.
    child.kill()?;
    child.wait()?;
    let page = page?.body_mut().read_to_string()?;
    let hits =
        |line: &&str| line.starts_with("cachescope_requests_total{") && line.contains("cachescope_result=\"hit\"");
    let hits: f64 = page.lines().filter(hits).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
    assert_eq!(hits, 2.0, "{page}");
    Ok(())
}

#[test]
fn cloudwatch_example_delivers_requests() -> Result<()> {
    let server = Server::cloudwatch()?;
    let variables = [
        ("AWS_ENDPOINT_URL", server.url()),
        ("AWS_ACCESS_KEY_ID", "example"),
        ("AWS_SECRET_ACCESS_KEY", "example"),
        ("AWS_REGION", "eu-central-1"),
    ];
    run("to_cloudwatch", &variables)?;
    let datums = Cloudwatch::of(&server).datums()?;
    let requests = datums.iter().filter(|datum| datum.metric_name == "cachescope.requests");
    assert_eq!(requests.map(|datum| datum.sum()).sum::<f64>(), 4.0);
    Ok(())
}

#[test]
fn emf_example_prints_requests() -> Result<()> {
    let printed = run("to_emf", &[])?;
    let lines: Vec<Value> = printed.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let requests = lines.iter().filter_map(|line| line["cachescope.requests"].as_f64());
    assert_eq!(requests.sum::<f64>(), 4.0, "{printed}");
    Ok(())
}

#[test]
fn statsd_example_delivers_requests() -> Result<()> {
    let server = StatsdServer::start()?;
    run("to_statsd", &[("CACHESCOPE_STATSD_ADDRESS", &server.address())])?;
    let requests = |counters: &std::collections::BTreeMap<String, f64>| {
        counters.iter().filter(|(name, _)| name.starts_with("cachescope.requests")).map(|(_, count)| count).sum::<f64>()
    };
    let totals = eventually("four requests", PATIENCE, || server.totals(), |totals| requests(&totals.counters) >= 4.0)?;
    assert_eq!(requests(&totals.counters), 4.0);
    Ok(())
}

#[test]
fn console_example_prints_requests() -> Result<()> {
    let printed = run("to_console", &[])?;
    let line = |result: &str| printed.lines().any(|line| line.contains("cachescope.requests") && line.contains(result));
    assert!(line("hit") && line("miss"), "{printed}");
    assert!(printed.contains("cache.load shop.price"), "{printed}");
    Ok(())
}

#[test]
fn custom_exporter_and_sink_receive_requests() -> Result<()> {
    assert!(run("custom_exporter", &[])?.lines().any(|line| line == "cachescope.requests"));
    assert_eq!(run("custom_sink", &[])?, "cache=shop.price hits=2 misses=2\n");
    Ok(())
}
