//! A small service as a user would write it, with telemetry from the environment.
//!
//! `service RUNTIME LOAD`, where the runtime is `current_thread`, `one_worker` or `multi_thread`, and the load is
//!
//! - `short`: a hundred requests; says their sum and how many were hits;
//! - `full_speed REQUESTS`: as fast as it can, two spans each; says what that took, in a line of JSON;
//! - `told`: as many requests as each line of its input says; says its stats after each, in a line of JSON.
//!
//! Before it ends telemetry it says `ending`; at its very end, how many spans were sent and how many dropped, and what
//! memory it took at most, in KiB.

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
    // As a task, so that it is a worker which ends telemetry, where there are workers.
    runtime.block_on(async { tokio::spawn(serve(load)).await? })?;
    say(&peak_memory()?.to_string())
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
    // Of spans first, where there are any.
    let exports = guard.exports().first().cloned();
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
            say(&format!("{sum} {}", squares.metrics().stats().hits()))?;
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
                // The first of each key waits for its load.
                if n >= KEYS {
                    longest = longest.max(request.elapsed());
                }
            }
            let nanos = begun.elapsed().as_nanos() / u128::from(requests);
            say(&format!(r#"{{"nanos_each":{nanos},"longest_micros":{}}}"#, longest.as_micros()))?;
        }
        ["told"] => told(&squares).await?,
        _ => bail!("no load {load:?}"),
    }
    say("ending")?;
    drop(guard);
    let (sent, dropped) = exports.map_or((0, 0), |spans| (spans.total_sent(), spans.total_dropped()));
    say(&format!("{sent} {dropped}"))
}

async fn told(squares: &Cached<u64, u64>) -> anyhow::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        for n in 0..line.parse()? {
            squares.call(n % KEYS).await;
        }
        say(&serde_json::to_string(&squares.metrics().stats())?)?;
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// In KiB, as the kernel has it.
fn peak_memory() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
