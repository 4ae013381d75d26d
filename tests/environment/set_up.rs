//! Telemetry set up by a table of variables.

use cachescope::otel::{Error, Guard, Setup};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};

use crate::receiver::Receiver;

pub(crate) const TRACES: &str = "/v1/traces";
pub(crate) const METRICS: &str = "/v1/metrics";

/// Set up by these variables alone, without the globals.
pub(crate) fn set_up(variables: &[(&str, &str)]) -> Result<Guard, Error> {
    let variables: Vec<(String, String)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Setup::from_lookup(move |name| variables.iter().find(|(set, _)| set == name).map(|(_, value)| value.clone()))
        .install_globals(false)
        .init()
}

/// Set up to send to a receiver of its own.
pub(crate) fn sending(variables: &[(&str, &str)]) -> anyhow::Result<(Receiver, Guard)> {
    let receiver = Receiver::start()?;
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint.as_str());
    let guard = set_up(&[variables, &[endpoint]].concat())?;
    Ok((receiver, guard))
}

/// One span, and one count.
pub(crate) fn something(guard: &Guard) {
    guard.tracer_provider().tracer("test").start("span");
    guard.meter_provider().meter("test").u64_counter("things").build().add(1, &[]);
}

/// What came of one span and one count.
pub(crate) fn sent(variables: &[(&str, &str)]) -> anyhow::Result<Receiver> {
    let (receiver, guard) = sending(variables)?;
    something(&guard);
    guard.shutdown()?;
    Ok(receiver)
}
