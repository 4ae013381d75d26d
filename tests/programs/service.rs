//! A small service, as a user would write it, with telemetry from the environment.
//!
//! `service RUNTIME LOAD`, where the runtime is `current_thread`, `one_worker` or `multi_thread`, and the load is
//!
//! - `short`: a hundred requests; writes their sum and the number of hits;
//! - `full_speed REQUESTS`: requests as fast as possible, with two spans each; writes the times in a line of JSON;
//! - `ordered`: the number of requests in each line of its input; writes its stats after each line, as JSON.
//!
//! It writes `ending` before it shuts down telemetry. At the end it writes the numbers of spans sent and dropped, and its
//! peak memory in KiB.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use cachescope::{Cached, cached};
use opentelemetry::Context as Active;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer, TracerProvider};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::runtime::{Builder, Runtime};

const KEYS: u64 = 20;

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let mut arguments = std::env::args().skip(1);
    let runtime = runtime(&arguments.next().context("RUNTIME LOAD")?)?;
    let load: Vec<String> = arguments.collect();
    // As a task, so that a worker of the runtime shuts down telemetry, if there are workers.
    runtime.block_on(async { tokio::spawn(serve(load)).await? })?;
    write(&peak_memory()?.to_string())
}

fn runtime(flavour: &str) -> anyhow::Result<Runtime> {
    let mut builder = match flavour {
        "current_thread" => Builder::new_current_thread(),
        "one_worker" => Builder::new_multi_thread(),
        "multi_thread" => Builder::new_multi_thread(),
        other => bail!("no runtime {other}"),
    };
    let workers = if flavour == "one_worker" { 1 } else { 4 };
    Ok(builder.worker_threads(workers).enable_all().build()?)
}

async fn serve(load: Vec<String>) -> anyhow::Result<()> {
    let guard = cachescope::otel::init()?;
    // Exporters of spans come first, if there are any.
    let stats = guard.exporter_stats().first().cloned();
    let squares = cached("outage.squares", |n: u64| async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        n * n
    })
    .build();
    let load: Vec<&str> = load.iter().map(String::as_str).collect();
    match load[..] {
        ["short"] => {
            let mut sum = 0;
            for n in 0..100 {
                sum += squares.call(n % KEYS).await;
            }
            write(&format!("{sum} {}", squares.metrics().stats().hits()))?;
        }
        ["full_speed", requests] => {
            let tracer = guard.tracer_provider().tracer("service");
            let mut longest = Duration::ZERO;
            let begun = Instant::now();
            let requests: u64 = requests.parse()?;
            for n in 0..requests {
                let request = Instant::now();
                let active = Active::current_with_span(tracer.start("request"));
                squares.call(n % KEYS).with_context(active.clone()).await;
                drop(active);
                // The first request of each key waits for its load.
                if n >= KEYS {
                    longest = longest.max(request.elapsed());
                }
            }
            let nanos = begun.elapsed().as_nanos() / u128::from(requests);
            write(&format!(r#"{{"nanos_each":{nanos},"longest_micros":{}}}"#, longest.as_micros()))?;
        }
        ["ordered"] => ordered(&squares).await?,
        _ => bail!("no load {load:?}"),
    }
    write("ending")?;
    drop(guard);
    let (sent, dropped) = stats.map_or((0, 0), |spans| (spans.total_sent(), spans.total_dropped()));
    write(&format!("{sent} {dropped}"))
}

async fn ordered(squares: &Cached<u64, u64>) -> anyhow::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        for n in 0..line.parse()? {
            squares.call(n % KEYS).await;
        }
        write(&serde_json::to_string(&squares.metrics().stats())?)?;
    }
    Ok(())
}

fn write(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// The peak memory in KiB, from the kernel.
fn peak_memory() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
