//! Spans as fast as they come, so that their queue is full: memory stays what it is with a good collector, and no
//! request waits for a bad one.

use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::manner::Manner;
use crate::receiver::Collector;
use crate::service::{Ended, RUNTIMES, Service};

const REQUESTS: u64 = 100_000;

/// Far less than a collector hangs, far more than a busy machine keeps a thread waiting.
const NEVER: Duration = Duration::from_secs(2);

/// What a full queue, batches under way and their encoded bodies may take above a run with a good collector, which has
/// them as well, only fuller.
const MORE_KIB: u64 = 32 * 1024;

struct Run {
    nanos_each: u64,
    longest: Duration,
    ended: Ended,
}

fn run(runtime: &str, more: &[(&str, &str)]) -> anyhow::Result<Run> {
    let variables = [("OTEL_METRIC_EXPORT_INTERVAL", "50"), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let service = Service::start(&[runtime, "full_speed", &REQUESTS.to_string()], &[&variables, more].concat())?;
    let said: Value = serde_json::from_str(&service.line()?)?;
    let number = |name: &str| said[name].as_u64().with_context(|| format!("no {name} in {said}"));
    let (nanos_each, longest) = (number("nanos_each")?, Duration::from_micros(number("longest_micros")?));
    Ok(Run { nanos_each, longest, ended: service.end()? })
}

#[test]
fn memory_is_bounded_and_no_request_waits() -> anyhow::Result<()> {
    let off = run("current_thread", &[("OTEL_SDK_DISABLED", "true")])?;
    println!("without telemetry: {} ns, longest {:?}, peak {} KiB", off.nanos_each, off.longest, off.ended.peak_kib);
    for protocol in ["http/protobuf", "grpc"] {
        let measure = |runtime: &str, manner: Manner| {
            let collector = Collector::start(protocol, manner)?;
            let more = [
                ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ];
            run(runtime, &more)
        };
        for runtime in RUNTIMES {
            let healthy = measure(runtime, Manner::Healthy)?;
            for manner in [Manner::Hanging, Manner::Absent, Manner::Busy, Manner::Refusing, Manner::SLOW] {
                // Each manner once; every runtime where it hangs and where nobody is.
                if runtime != "current_thread" && !matches!(manner, Manner::Hanging | Manner::Absent) {
                    continue;
                }
                let bad = measure(runtime, manner)?;
                println!(
                    "{protocol}, {runtime}, {manner:?}: {} ns a request, {:.2} of healthy, {:.2} of without telemetry; \
                     longest {:?} (healthy {:?}); peak {} KiB (healthy {}); {} spans sent and {} dropped (healthy {} and {})",
                    bad.nanos_each,
                    bad.nanos_each as f64 / healthy.nanos_each as f64,
                    bad.nanos_each as f64 / off.nanos_each as f64,
                    bad.longest,
                    healthy.longest,
                    bad.ended.peak_kib,
                    healthy.ended.peak_kib,
                    bad.ended.sent,
                    bad.ended.dropped,
                    healthy.ended.sent,
                    healthy.ended.dropped,
                );
                // The request's own and the look-up's.
                for run in [&bad, &healthy] {
                    let known = run.ended.sent + run.ended.dropped;
                    assert!(known >= 2 * REQUESTS, "{protocol}, {runtime}, {manner:?}: of {known} spans is known");
                }
                assert_eq!(bad.ended.sent == 0, manner.fails(), "{protocol}, {runtime}, {manner:?}");
                assert!(bad.longest < NEVER, "{protocol}, {runtime}, {manner:?}: a request took {:?}", bad.longest);
                assert!(
                    bad.ended.peak_kib < healthy.ended.peak_kib + MORE_KIB,
                    "{protocol}, {runtime}, {manner:?}: {} KiB, healthy {}",
                    bad.ended.peak_kib,
                    healthy.ended.peak_kib
                );
            }
        }
    }
    Ok(())
}
