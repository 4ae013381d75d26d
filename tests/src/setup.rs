//! Telemetry set up from a table of variables instead of the environment.

use std::future::Future;

use cachescope::Telemetry;
use cachescope::otel::{Guard, Setup};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry_sdk::trace::SdkTracer;

/// A set-up that reads only these variables and leaves the global providers alone.
pub fn setup(variables: &[(&str, &str)]) -> Setup {
    let variables: Vec<(String, String)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // As in an environment, the last value of a variable counts.
    let lookup = move |wanted: &str| variables.iter().rfind(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    Setup::from_lookup(lookup).install_globals(false)
}

/// The telemetry of caches that report to the providers of `guard`.
#[must_use]
pub fn telemetry(guard: &Guard) -> Telemetry {
    Telemetry::new(guard.meter_provider().clone(), guard.tracer_provider().clone())
}

/// Runs a request in a trace of its own, below a span called `request`.
pub async fn in_a_trace<T>(tracer: &SdkTracer, request: impl Future<Output = T>) -> T {
    let root = tracer.start_with_context("request", &Context::new());
    request.with_context(Context::new().with_span(root)).await
}
