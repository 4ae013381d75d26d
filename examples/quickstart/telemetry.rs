//! Telemetry: metrics to be fetched always, and everything over OTLP where a collector is named.

use anyhow::Context as _;
use cachescope::otel::{Guard, MetricExporter, Setup, TraceExporter};
use opentelemetry::trace::TracerProvider as _;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// The variable that names the collector.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Where OTLP goes, if it goes anywhere.
pub(crate) fn collector() -> Option<String> {
    std::env::var(ENDPOINT).ok().filter(|endpoint| !endpoint.trim().is_empty())
}

/// Sets up OpenTelemetry and `tracing`. What is recorded last is delivered when the guard goes.
pub(crate) fn start() -> anyhow::Result<Guard> {
    let otlp = collector().is_some();
    let metrics = [MetricExporter::Prometheus].into_iter().chain(otlp.then_some(MetricExporter::Otlp));
    let guard = Setup::from_env()
        .service_name("cachescope-quickstart")
        .metric_exporters(metrics)
        .trace_exporters(otlp.then_some(TraceExporter::Otlp))
        // The service serves them itself.
        .serve_prometheus(false)
        // Something to see soon, and a tenth of the traces: this load would fill a collector with all of them.
        .default_variable("OTEL_METRIC_EXPORT_INTERVAL", "5000")
        .default_variable("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        .default_variable("OTEL_TRACES_SAMPLER_ARG", "0.1")
        .init()
        .context("can't set up telemetry")?;

    let warnings = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    // Only spans of our own: those of the libraries, exporters among them, are no part of a request.
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::INFO);
    let spans = otlp.then(|| {
        let tracer = guard.tracer_provider().tracer(env!("CARGO_CRATE_NAME"));
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours)
    });
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(warnings))
        .with(spans)
        .init();
    Ok(guard)
}
