use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

use crate::Error;
use crate::environment::Environment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagator {
    TraceContext,
    Baggage,
}

/// `OTEL_PROPAGATORS`, by default `tracecontext,baggage`.
pub(crate) fn propagators(environment: &Environment) -> Result<Vec<Propagator>, Error> {
    let accepted = "none, or one or both of tracecontext and baggage, parted by a comma";
    let chosen = environment.list("OTEL_PROPAGATORS", accepted, |item| match item {
        "tracecontext" => Some(Propagator::TraceContext),
        "baggage" => Some(Propagator::Baggage),
        _ => None,
    })?;
    Ok(chosen.unwrap_or_else(|| vec![Propagator::TraceContext, Propagator::Baggage]))
}

pub(crate) fn composed(propagators: &[Propagator]) -> TextMapCompositePropagator {
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
    fn every_value() {
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
        let both = composed(&[TraceContext, Baggage]);
        assert_eq!(both.fields().collect::<Vec<_>>().len(), 3);
    }
}
