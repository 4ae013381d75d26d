//! Telemetry that is set up from a table of variables.

use cachescope::otel::{Error, Guard};
use cachescope_tests::receiver::Receiver;
use cachescope_tests::setup::setup;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};

pub(crate) const TRACES: &str = "/v1/traces";
pub(crate) const METRICS: &str = "/v1/metrics";

/// Sets up telemetry from only these variables, without the global providers.
pub(crate) fn set_up(variables: &[(&str, &str)]) -> Result<Guard, Error> {
    setup(variables).init()
}

/// Sets up telemetry that is sent to a new receiver.
pub(crate) fn sending(variables: &[(&str, &str)]) -> anyhow::Result<(Receiver, Guard)> {
    let receiver = Receiver::start()?;
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint.as_str());
    let guard = set_up(&[variables, &[endpoint]].concat())?;
    Ok((receiver, guard))
}

/// Records one span and one count.
pub(crate) fn something(guard: &Guard) {
    guard.tracer_provider().tracer("test").start("span");
    guard.meter_provider().meter("test").u64_counter("things").build().add(1, &[]);
}

/// Sends one span and one count to a new receiver.
pub(crate) fn sent(variables: &[(&str, &str)]) -> anyhow::Result<Receiver> {
    let (receiver, guard) = sending(variables)?;
    something(&guard);
    guard.shutdown()?;
    Ok(receiver)
}
