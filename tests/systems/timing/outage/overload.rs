//! Spans as fast as possible, with a full queue: a faulty collector takes no more memory than a good one, and no request
//! waits.

use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use super::behaviour::Behaviour;
use super::receiver::Collector;
use super::service::{Ended, RUNTIMES, Service};

const REQUESTS: u64 = 100_000;

/// The limit of a request: far less than a collector hangs, far more than a busy machine delays a thread.
const NEVER: Duration = Duration::from_secs(2);

/// The memory that full queues, batches in flight and encoded bodies may take, compared with a good collector.
const MORE_KIB: u64 = 32 * 1024;

struct Run {
    nanos_each: u64,
    longest: Duration,
    ended: Ended,
}

fn run(runtime: &str, more: &[(&str, &str)]) -> anyhow::Result<Run> {
    let variables = [("OTEL_METRIC_EXPORT_INTERVAL", "50"), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let service = Service::start(&[runtime, "full_speed", &REQUESTS.to_string()], &[&variables, more].concat())?;
    let times: Value = serde_json::from_str(&service.line()?)?;
    let number = |name: &str| times[name].as_u64().with_context(|| format!("no {name} in {times}"));
    let (nanos_each, longest) = (number("nanos_each")?, Duration::from_micros(number("longest_micros")?));
    Ok(Run { nanos_each, longest, ended: service.end()? })
}

#[test]
fn memory_is_bounded_and_no_request_waits_with_a_faulty_collector() -> anyhow::Result<()> {
    let off = run("current_thread", &[("OTEL_SDK_DISABLED", "true")])?;
    println!("without telemetry: {} ns, longest {:?}, peak {} KiB", off.nanos_each, off.longest, off.ended.peak_kib);
    for protocol in ["http/protobuf", "grpc"] {
        let measure = |runtime: &str, behaviour: Behaviour| {
            let collector = Collector::start(protocol, behaviour)?;
            let more = [
                ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ];
            run(runtime, &more)
        };
        for runtime in RUNTIMES {
            let healthy = measure(runtime, Behaviour::Healthy)?;
            for behaviour in
                [Behaviour::Hanging, Behaviour::Absent, Behaviour::Busy, Behaviour::Refusing, Behaviour::SLOW]
            {
                // All behaviours with one runtime; all runtimes with a hanging and with an absent collector.
                if runtime != "current_thread" && !matches!(behaviour, Behaviour::Hanging | Behaviour::Absent) {
                    continue;
                }
                let bad = measure(runtime, behaviour)?;
                println!(
                    "{protocol}, {runtime}, {behaviour:?}: {} ns a request, {:.2} of healthy, {:.2} of without telemetry; \
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
                // The span of the request and the span of the look-up.
                for run in [&bad, &healthy] {
                    let known = run.ended.sent + run.ended.dropped;
                    assert!(known >= 2 * REQUESTS, "{protocol}, {runtime}, {behaviour:?}: of {known} spans is known");
                }
                assert_eq!(bad.ended.sent == 0, behaviour.fails(), "{protocol}, {runtime}, {behaviour:?}");
                assert!(bad.longest < NEVER, "{protocol}, {runtime}, {behaviour:?}: a request took {:?}", bad.longest);
                assert!(
                    bad.ended.peak_kib < healthy.ended.peak_kib + MORE_KIB,
                    "{protocol}, {runtime}, {behaviour:?}: {} KiB, healthy {}",
                    bad.ended.peak_kib,
                    healthy.ended.peak_kib
                );
            }
        }
    }
    Ok(())
}
