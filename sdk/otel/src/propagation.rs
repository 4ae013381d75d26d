//! Propagators of trace context and baggage.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

use crate::Error;
use crate::environment::Environment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagator {
    TraceContext,
    Baggage,
}

/// Reads `OTEL_PROPAGATORS`. Default: `tracecontext,baggage`.
pub(crate) fn propagators(environment: &Environment) -> Result<Vec<Propagator>, Error> {
    let rule = "none, or one or both of tracecontext and baggage, separated by a comma";
    let chosen = environment.list("OTEL_PROPAGATORS", rule, |item| match item {
        "tracecontext" => Some(Propagator::TraceContext),
        "baggage" => Some(Propagator::Baggage),
        _ => None,
    })?;
    Ok(chosen.unwrap_or_else(|| vec![Propagator::TraceContext, Propagator::Baggage]))
}

pub(crate) fn compose(propagators: &[Propagator]) -> TextMapCompositePropagator {
    let boxed = propagators.iter().map(|propagator| -> Box<dyn TextMapPropagator + Send + Sync> {
        match propagator {
            Propagator::TraceContext => Box::new(TraceContextPropagator::new()),
            Propagator::Baggage => Box::new(BaggagePropagator::new()),
        }
    });
    TextMapCompositePropagator::new(boxed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::{assert_names, environment};

    #[test]
    fn propagators_accepts_known_names_and_rejects_others() {
        use Propagator::{Baggage, TraceContext};
        for (value, expected) in [
            ("", vec![TraceContext, Baggage]),
            ("none", vec![]),
            ("baggage", vec![Baggage]),
            ("baggage,TraceContext", vec![Baggage, TraceContext]),
        ] {
            assert_eq!(propagators(&environment(&[("OTEL_PROPAGATORS", value)])).unwrap(), expected);
        }
        for value in ["b3", "jaeger", "tracecontext,xray"] {
            let wrong = propagators(&environment(&[("OTEL_PROPAGATORS", value)]));
            assert_names(wrong, &["OTEL_PROPAGATORS", value, "tracecontext and baggage"]);
        }
        let both = compose(&[TraceContext, Baggage]);
        assert_eq!(both.fields().collect::<Vec<_>>().len(), 3);
    }
}
