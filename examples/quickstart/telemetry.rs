//! Telemetry: a Prometheus page always, and metrics and traces over OTLP if a collector is configured.

use anyhow::Context as _;
use cachescope::otel::{Guard, MetricExporter, Setup, TraceExporter};
use opentelemetry::trace::TracerProvider as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// The variable with the URL of the collector.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Returns the URL of the collector, if one is configured.
pub(crate) fn collector() -> Option<String> {
    std::env::var(ENDPOINT).ok().filter(|endpoint| !endpoint.trim().is_empty())
}

/// Sets up OpenTelemetry and `tracing`. Dropping the guard delivers the last metrics and spans.
pub(crate) fn start() -> anyhow::Result<Guard> {
    let otlp = collector().is_some();
    let metrics = [MetricExporter::Prometheus].into_iter().chain(otlp.then_some(MetricExporter::Otlp));
    let guard = Setup::from_env()
        .service_name("cachescope-quickstart")
        .metric_exporters(metrics)
        .trace_exporters(otlp.then_some(TraceExporter::Otlp))
        // The service has the page among its own routes.
        .serve_prometheus(false)
        // An export every five seconds shows something soon. One trace in ten keeps this load from filling a collector.
        .default_variable("OTEL_METRIC_EXPORT_INTERVAL", "5000")
        .default_variable("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        .default_variable("OTEL_TRACES_SAMPLER_ARG", "0.1")
        .init()
        .context("failed to set up telemetry")?;

    // `RUST_LOG`, such as `info` or `cachescope=debug`; warnings and errors without it.
    let filter = std::env::var("RUST_LOG").ok().and_then(|filter| filter.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    // Only this program's spans: spans of the libraries, exporters among them, aren't part of a request.
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::INFO);
    let spans = otlp.then(|| {
        let tracer = guard.tracer_provider().tracer(env!("CARGO_CRATE_NAME"));
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours)
    });
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter))
        .with(spans)
        .init();
    Ok(guard)
}
