//! Samplers: chosen by variables, or by code where no variable is set.

use opentelemetry_sdk::trace::{ParentBasedSampler, Sampler, ShouldSample};

use crate::Error;
use crate::environment::Environment;

mod cache_sampler;
mod probability;
mod rules;
mod threshold;
mod trace_state;

pub use cache_sampler::CacheSampler;
pub use probability::ProbabilitySampler;
pub use rules::SamplingRules;

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const RULES: &str = "CACHESCOPE_TRACES_SAMPLER_RULES";

/// Returns the sampler of traces, wrapped in the rules for caches if there are any.
pub(crate) fn sampler(
    environment: &Environment,
    default_sampler: Option<Box<dyn ShouldSample>>,
    default_rules: Option<SamplingRules>,
) -> Result<Option<Box<dyn ShouldSample>>, Error> {
    let chosen = choice(environment)?;
    let Some(rules) = rules(environment)?.or(default_rules) else {
        return Ok(chosen.map(SamplerChoice::into_sdk_sampler).transpose()?.or(default_sampler));
    };
    let sampler = CacheSampler::new(&rules)?;
    let base = chosen.map(SamplerChoice::into_consistent_sampler).transpose()?.or(default_sampler);
    Ok(Some(match base {
        Some(base) => Box::new(sampler.with_base_sampler(base)),
        None => Box::new(sampler),
    }))
}

fn rules(environment: &Environment) -> Result<Option<SamplingRules>, Error> {
    let Some(value) = environment.get(RULES) else { return Ok(None) };
    SamplingRules::read(&value).map(Some).ok_or_else(|| Error::variable(RULES, &value, rules::ACCEPTED))
}

/// The value of `OTEL_TRACES_SAMPLER`.
struct SamplerChoice {
    parent_based: bool,
    root: RootSampler,
}

enum RootSampler {
    AlwaysOn,
    AlwaysOff,
    Ratio(f64),
}

impl SamplerChoice {
    fn into_sdk_sampler(self) -> Result<Box<dyn ShouldSample>, Error> {
        let root = match self.root {
            RootSampler::AlwaysOn => Sampler::AlwaysOn,
            RootSampler::AlwaysOff => Sampler::AlwaysOff,
            RootSampler::Ratio(ratio) => Sampler::TraceIdRatioBased(ratio),
        };
        Ok(Box::new(if self.parent_based { Sampler::ParentBased(Box::new(root)) } else { root }))
    }

    /// Returns a sampler that also records its threshold in tracestate: the rules for caches, which sample further,
    /// need it.
    fn into_consistent_sampler(self) -> Result<Box<dyn ShouldSample>, Error> {
        let root: Box<dyn ShouldSample> = match self.root {
            RootSampler::AlwaysOn => Box::new(ProbabilitySampler::all()),
            RootSampler::AlwaysOff => Box::new(Sampler::AlwaysOff),
            RootSampler::Ratio(ratio) => Box::new(ProbabilitySampler::new(ratio)?),
        };
        Ok(if self.parent_based { Box::new(ParentBasedSampler::new(root)) } else { root })
    }
}

/// Returns the environment's sampler, if it names one. The SDK reads the same variables, but replaces a wrong value by
/// "sample everything" and reports that only if its internal logs are on.
fn choice(environment: &Environment) -> Result<Option<SamplerChoice>, Error> {
    let Some(value) = environment.get(SAMPLER) else { return Ok(None) };
    let lower = value.to_ascii_lowercase();
    let (parent_based, root) = lower.strip_prefix("parentbased_").map_or((false, lower.as_str()), |root| (true, root));
    let root = match root {
        "always_on" => RootSampler::AlwaysOn,
        "always_off" => RootSampler::AlwaysOff,
        "traceidratio" => RootSampler::Ratio(ratio(environment)?),
        _ => {
            return Err(Error::variable(
                SAMPLER,
                &value,
                "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or \
                 parentbased_traceidratio",
            ));
        }
    };
    Ok(Some(SamplerChoice { parent_based, root }))
}

fn ratio(environment: &Environment) -> Result<f64, Error> {
    let Some(value) = environment.get(ARG) else { return Ok(1.0) };
    match value.parse() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err(Error::variable(ARG, &value, "a ratio of traces from 0.0 to 1.0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::{assert_names, environment};

    fn sampler_for(
        variables: &[(&str, &str)],
        rules: Option<SamplingRules>,
    ) -> Result<Option<Box<dyn ShouldSample>>, Error> {
        sampler(&environment(variables), None, rules)
    }

    #[test]
    fn sampler_variable_accepts_every_value_of_the_specification() {
        for (value, arg, expected) in [
            ("always_on", "", "AlwaysOn"),
            ("always_off", "", "AlwaysOff"),
            ("traceidratio", "0.25", "TraceIdRatioBased(0.25)"),
            ("traceidratio", "", "TraceIdRatioBased(1.0)"),
            ("parentbased_always_on", "", "ParentBased(AlwaysOn)"),
            ("parentbased_always_off", "", "ParentBased(AlwaysOff)"),
            ("ParentBased_TraceIdRatio", "1", "ParentBased(TraceIdRatioBased(1.0))"),
        ] {
            let sampler = sampler_for(&[(SAMPLER, value), (ARG, arg)], None).unwrap().unwrap();
            assert_eq!(format!("{sampler:?}"), expected);
        }
        assert!(sampler_for(&[], None).unwrap().is_none());
    }

    #[test]
    fn rules_wrap_the_sampler_and_the_environment_overrides_code() {
        let shown = |variables: &[(&str, &str)], rules: Option<&str>| {
            let rules = rules.map(|rules| rules.parse().unwrap());
            format!("{:?}", sampler_for(variables, rules).unwrap().unwrap())
        };
        let code = shown(&[], Some("hit=0.5"));
        assert!(
            code.starts_with("CacheSampler") && code.contains("ParentBasedSampler { root: ProbabilitySampler"),
            "{code}"
        );
        assert_eq!(shown(&[(RULES, "hit=0.5")], None), code);
        assert_eq!(shown(&[(RULES, "hit=0.5")], Some("hit=0.1")), code);
        assert_ne!(shown(&[], Some("hit=0.1")), code);

        let set = |sampler: &'static str| shown(&[(RULES, "hit=0.5"), (SAMPLER, sampler), (ARG, "0.25")], None);
        assert_eq!(set("parentbased_always_on"), code);
        assert!(set("always_on").contains("base: ProbabilitySampler { threshold: Threshold(0) }"));
        assert!(set("always_off").contains("base: AlwaysOff"));
        assert!(set("traceidratio").contains("base: ProbabilitySampler"));
        assert!(set("parentbased_traceidratio").contains("base: ParentBasedSampler { root: ProbabilitySampler"));
        assert_ne!(set("parentbased_traceidratio"), code);
    }

    #[test]
    fn wrong_sampler_variables_are_rejected() {
        for value in ["jaeger_remote", "parentbased_jaeger_remote", "xray", "parentbased_", "on"] {
            assert_names(sampler_for(&[(SAMPLER, value)], None), &[SAMPLER, value, "parentbased_traceidratio"]);
        }
        for arg in ["1.5", "-0.1", "10%", "NaN"] {
            assert_names(sampler_for(&[(SAMPLER, "traceidratio"), (ARG, arg)], None), &[ARG, arg, "0.0 to 1.0"]);
        }
        for rules in ["hit", "hit=2", "hits=1", "hit=1;miss=1"] {
            assert_names(sampler_for(&[(RULES, rules)], None), &[RULES, rules, "hit=0.01,error=1,slow>10ms=1"]);
        }
    }
}
