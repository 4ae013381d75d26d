//! Which spans are kept: the variables' word, and code's where they have none.

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

/// The sampler of traces and, around it, the rules for caches, if there are any.
pub(crate) fn sampler(
    environment: &Environment,
    of_code: Option<Box<dyn ShouldSample>>,
    rules_of_code: Option<SamplingRules>,
) -> Result<Option<Box<dyn ShouldSample>>, Error> {
    let chosen = choice(environment)?;
    let Some(rules) = rules(environment)?.or(rules_of_code) else {
        return Ok(chosen.map(Choice::of_the_sdk).transpose()?.or(of_code));
    };
    let sampler = CacheSampler::new(&rules)?;
    let base = chosen.map(Choice::that_tells).transpose()?.or(of_code);
    Ok(Some(match base {
        Some(base) => Box::new(sampler.around(base)),
        None => Box::new(sampler),
    }))
}

fn rules(environment: &Environment) -> Result<Option<SamplingRules>, Error> {
    let Some(value) = environment.get(RULES) else { return Ok(None) };
    SamplingRules::read(&value).map(Some).ok_or_else(|| Error::variable(RULES, &value, rules::ACCEPTED))
}

/// What `OTEL_TRACES_SAMPLER` asks for.
struct Choice {
    parent_based: bool,
    share: Share,
}

enum Share {
    All,
    None,
    Part(f64),
}

impl Choice {
    fn of_the_sdk(self) -> Result<Box<dyn ShouldSample>, Error> {
        let root = match self.share {
            Share::All => Sampler::AlwaysOn,
            Share::None => Sampler::AlwaysOff,
            Share::Part(share) => Sampler::TraceIdRatioBased(share),
        };
        Ok(Box::new(if self.parent_based { Sampler::ParentBased(Box::new(root)) } else { root }))
    }

    /// The same, but saying in tracestate what it samples by: what is sampled further has to know.
    fn that_tells(self) -> Result<Box<dyn ShouldSample>, Error> {
        let root: Box<dyn ShouldSample> = match self.share {
            Share::All => Box::new(ProbabilitySampler::all()),
            Share::None => Box::new(Sampler::AlwaysOff),
            Share::Part(share) => Box::new(ProbabilitySampler::new(share)?),
        };
        Ok(if self.parent_based { Box::new(ParentBasedSampler::new(root)) } else { root })
    }
}

/// The environment's sampler, if it names one. The SDK reads the same variables, but takes a wrong value for "sample
/// everything", in silence unless its internal logs are on.
fn choice(environment: &Environment) -> Result<Option<Choice>, Error> {
    let Some(value) = environment.get(SAMPLER) else { return Ok(None) };
    let lower = value.to_ascii_lowercase();
    let (parent_based, root) = lower.strip_prefix("parentbased_").map_or((false, lower.as_str()), |root| (true, root));
    let share = match root {
        "always_on" => Share::All,
        "always_off" => Share::None,
        "traceidratio" => Share::Part(ratio(environment)?),
        _ => {
            return Err(Error::variable(
                SAMPLER,
                &value,
                "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or \
                 parentbased_traceidratio",
            ));
        }
    };
    Ok(Some(Choice { parent_based, share }))
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

    fn of(variables: &[(&str, &str)], rules: Option<SamplingRules>) -> Result<Option<Box<dyn ShouldSample>>, Error> {
        sampler(&environment(variables), None, rules)
    }

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
            let sampler = of(&[(SAMPLER, value), (ARG, arg)], None).unwrap().unwrap();
            assert_eq!(format!("{sampler:?}"), expected);
        }
        assert!(of(&[], None).unwrap().is_none());
    }

    #[test]
    fn rules_go_around_whatever_samples_and_the_environment_s_win() {
        let shown = |variables: &[(&str, &str)], rules: Option<&str>| {
            let rules = rules.map(|rules| rules.parse().unwrap());
            format!("{:?}", of(variables, rules).unwrap().unwrap())
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
    fn wrong_values() {
        for value in ["jaeger_remote", "parentbased_jaeger_remote", "xray", "parentbased_", "on"] {
            assert_names(of(&[(SAMPLER, value)], None), &[SAMPLER, value, "parentbased_traceidratio"]);
        }
        for arg in ["1.5", "-0.1", "10%", "NaN"] {
            assert_names(of(&[(SAMPLER, "traceidratio"), (ARG, arg)], None), &[ARG, arg, "0.0 to 1.0"]);
        }
        for rules in ["hit", "hit=2", "hits=1", "hit=1;miss=1"] {
            assert_names(of(&[(RULES, rules)], None), &[RULES, rules, "hit=0.01,error=1,slow>10ms=1"]);
        }
    }
}
