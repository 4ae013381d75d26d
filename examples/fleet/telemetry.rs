//! An instance's telemetry: all of it by OTLP, as the `OTEL_*` variables have it.

use std::time::Duration;

use anyhow::Context as _;
use cachescope::otel::{Guard, Setup};
use opentelemetry::trace::TracerProvider as _;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// For a machine on which many instances want to deliver their last numbers at once.
const DEADLINE: Duration = Duration::from_secs(15);

/// Sets up OpenTelemetry and `tracing`.
pub(crate) fn start() -> anyhow::Result<Guard> {
    let guard = Setup::from_env()
        .service_name("cachescope-fleet")
        // Something to see soon, and a tenth of the traces.
        .default_variable("OTEL_METRIC_EXPORT_INTERVAL", "1000")
        .default_variable("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        .default_variable("OTEL_TRACES_SAMPLER_ARG", "0.1")
        .deadline(DEADLINE)
        .init()
        .context("can't set up telemetry")?;

    let warnings = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    // A request's own spans; those of the libraries, exporters among them, are no part of it.
    let traced = std::env::var("OTEL_TRACES_EXPORTER").map_or(true, |exporters| exporters != "none");
    let spans = traced.then(|| {
        let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::INFO);
        let tracer = guard.tracer_provider().tracer(env!("CARGO_CRATE_NAME"));
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours)
    });
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(warnings))
        .with(spans)
        .init();
    Ok(guard)
}
