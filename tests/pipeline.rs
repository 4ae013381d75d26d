//! What Prometheus shows behind the real collector, what `/metrics` shows, and what the process counted
//! are the same numbers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use cachescope::Telemetry;
use cachescope::otel::{MetricExporter, Setup};
use cachescope_stack::{Stack, eventually};
use cachescope_tests::numbers::{Numbers, collected, counted};
use cachescope_tests::workload::{self, Refused};

/// Bounds a failure: a scrape comes twice a second.
const PATIENCE: Duration = Duration::from_secs(30);

fn prove(stack: &Stack, name: &'static str, protocol: &'static str, endpoint: String) -> anyhow::Result<()> {
    let guard = Setup::from_lookup(move |variable| match variable {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.clone()),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some(protocol.to_owned()),
        "OTEL_EXPORTER_PROMETHEUS_PORT" => Some("0".to_owned()),
        _ => None,
    })
    .service_name(name)
    .metric_exporters([MetricExporter::Otlp, MetricExporter::Prometheus])
    .trace_exporters([])
    .install_globals(false)
    .init()?;
    let telemetry = Telemetry::new(guard.meter_provider().clone(), guard.tracer_provider().clone());
    let cache = workload::cache(name).telemetry(telemetry).build();

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build()?;
    runtime.block_on(workload::run(&cache))?;
    cache.invalidate(&0);
    cache.clear();
    let stats = cache.metrics().stats();
    workload::check(&stats)?;
    assert!(stats.requests() >= 10_000, "{} requests", stats.requests());
    let truth = counted(&stats, std::any::type_name::<Refused>());

    guard.flush()?;
    let scraped = scrape(&guard.prometheus_addr().context("no Prometheus server")?.to_string(), name)?;
    assert_eq!(scraped, truth, "/metrics");
    let queried = eventually("Prometheus", PATIENCE, || query(stack, name), |numbers| *numbers == truth)?;
    assert_eq!(queried, truth, "Prometheus");
    Ok(())
}

fn scrape(address: &str, cache: &str) -> anyhow::Result<Numbers> {
    let text = ureq::get(format!("http://{address}/metrics")).call()?.body_mut().read_to_string()?;
    let scrape = prometheus_parse::Scrape::parse(text.lines().map(|line| Ok(line.to_owned())))?;
    let samples = scrape.samples.iter().filter_map(|sample| {
        use prometheus_parse::Value::{Counter, Untyped};
        match sample.value {
            Counter(value) | Untyped(value) => Some((sample.metric.as_str(), &*sample.labels, value)),
            _ => None,
        }
    });
    Ok(collected(samples, cache))
}

fn query(stack: &Stack, cache: &str) -> anyhow::Result<Numbers> {
    let samples = stack.prometheus().query(&format!("{{cachescope_cache_name=\"{cache}\"}}"))?;
    let samples = samples.iter().filter_map(|s| Some((s.labels.get("__name__")?.as_str(), &s.labels, s.value)));
    Ok(collected(samples, cache))
}

#[test]
fn counts_over_http_agree_in_all_three_places() -> anyhow::Result<()> {
    let stack: Arc<Stack> = Stack::shared()?;
    prove(&stack, "pipeline.http", "http/protobuf", stack.collector().otlp_http().to_owned())
}

#[test]
fn counts_over_grpc_agree_in_all_three_places() -> anyhow::Result<()> {
    let stack: Arc<Stack> = Stack::shared()?;
    prove(&stack, "pipeline.grpc", "grpc", stack.collector().otlp_grpc().to_owned())
}
