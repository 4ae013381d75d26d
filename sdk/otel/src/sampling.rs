use opentelemetry_sdk::trace::{Sampler, ShouldSample};

use crate::Error;
use crate::environment::Environment;

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

/// The environment's sampler, if it names one. The SDK reads the same variables, but takes a wrong value for "sample
/// everything", in silence unless its internal logs are on.
pub(crate) fn sampler(environment: &Environment) -> Result<Option<Box<dyn ShouldSample>>, Error> {
    let Some(value) = environment.get(SAMPLER) else { return Ok(None) };
    let parent_based = |root: Sampler| Sampler::ParentBased(Box::new(root));
    let sampler = match value.to_ascii_lowercase().as_str() {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => Sampler::TraceIdRatioBased(ratio(environment)?),
        "parentbased_always_on" => parent_based(Sampler::AlwaysOn),
        "parentbased_always_off" => parent_based(Sampler::AlwaysOff),
        "parentbased_traceidratio" => parent_based(Sampler::TraceIdRatioBased(ratio(environment)?)),
        _ => {
            return Err(Error::variable(
                SAMPLER,
                &value,
                "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or \
                 parentbased_traceidratio",
            ));
        }
    };
    Ok(Some(Box::new(sampler)))
}

fn ratio(environment: &Environment) -> Result<f64, Error> {
    let Some(value) = environment.get(ARG) else { return Ok(1.0) };
    match value.parse() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err(Error::variable(ARG, &value, "a share of traces, 0.0 to 1.0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::{assert_names, environment};

    #[test]
    fn every_value() {
        for (value, arg, expected) in [
            ("always_on", "", "AlwaysOn"),
            ("always_off", "", "AlwaysOff"),
            ("traceidratio", "0.25", "TraceIdRatioBased(0.25)"),
            ("traceidratio", "", "TraceIdRatioBased(1.0)"),
            ("parentbased_always_on", "", "ParentBased(AlwaysOn)"),
            ("parentbased_always_off", "", "ParentBased(AlwaysOff)"),
            ("ParentBased_TraceIdRatio", "1", "ParentBased(TraceIdRatioBased(1.0))"),
        ] {
            let sampler = sampler(&environment(&[(SAMPLER, value), (ARG, arg)])).unwrap().unwrap();
            assert_eq!(format!("{sampler:?}"), expected);
        }
        assert!(sampler(&environment(&[])).unwrap().is_none());
    }

    #[test]
    fn wrong_values() {
        for value in ["jaeger_remote", "xray", "on"] {
            assert_names(sampler(&environment(&[(SAMPLER, value)])), &[SAMPLER, value, "parentbased_traceidratio"]);
        }
        for arg in ["1.5", "-0.1", "10%", "NaN"] {
            assert_names(sampler(&environment(&[(SAMPLER, "traceidratio"), (ARG, arg)])), &[ARG, arg, "0.0 to 1.0"]);
        }
    }
}
