//! The telemetry of an instance: OTLP, configured by the `OTEL_*` variables.

use std::time::Duration;

use anyhow::Context as _;
use cachescope::otel::{Guard, Setup};
use opentelemetry::trace::TracerProvider as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// The deadline of the last delivery: long enough for many instances that deliver at once on one machine.
const DEADLINE: Duration = Duration::from_secs(15);

/// Sets up OpenTelemetry and `tracing`.
pub(crate) fn start() -> anyhow::Result<Guard> {
    let guard = Setup::from_env()
        .service_name("cachescope-fleet")
        // An export every second shows something soon. One trace in ten is enough.
        .default_variable("OTEL_METRIC_EXPORT_INTERVAL", "1000")
        .default_variable("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        .default_variable("OTEL_TRACES_SAMPLER_ARG", "0.1")
        .deadline(DEADLINE)
        .init()
        .context("failed to set up telemetry")?;

    // `RUST_LOG`, such as `info` or `cachescope=debug`; warnings and errors without it.
    let filter = std::env::var("RUST_LOG").ok().and_then(|filter| filter.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    // Only this program's spans: spans of the libraries, exporters among them, aren't part of a request.
    let traced = std::env::var("OTEL_TRACES_EXPORTER").map_or(true, |exporters| exporters != "none");
    let spans = traced.then(|| {
        let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::INFO);
        let tracer = guard.tracer_provider().tracer(env!("CARGO_CRATE_NAME"));
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours)
    });
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter))
        .with(spans)
        .init();
    Ok(guard)
}
