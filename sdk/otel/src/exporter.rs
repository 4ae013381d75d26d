//! Which exporters there are, and which of them are asked for.

use crate::Error;
use crate::environment::Environment;

const TRACES: &str = "OTEL_TRACES_EXPORTER";
const METRICS: &str = "OTEL_METRICS_EXPORTER";

/// Where spans can go; none of them is an empty list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceExporter {
    /// `otlp`: to a collector over OTLP. Needs the cargo feature `otlp`.
    Otlp,
    /// `console`: to standard output, a line each. Needs the cargo feature `console`.
    Console,
}

/// Where metrics can go; none of them is an empty list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricExporter {
    /// `otlp`: to a collector over OTLP, every `OTEL_METRIC_EXPORT_INTERVAL`. Needs the cargo feature `otlp`.
    Otlp,
    /// `prometheus`: to be fetched from a page. Needs the cargo feature `prometheus`.
    Prometheus,
    /// `console`: to standard output, every interval. Needs the cargo feature `console`.
    Console,
    /// `cloudwatch`: to Amazon CloudWatch, every interval. Needs the cargo feature `cloudwatch`.
    CloudWatch,
    /// `emf`: to Amazon CloudWatch by way of standard output, where Lambda and its agents read it, every interval. Needs
    /// the cargo feature `emf`.
    Emf,
    /// `statsd`: to a StatsD server, every interval. Needs the cargo feature `statsd`.
    StatsD,
}

/// An exporter that a variable can ask for.
trait Named: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    /// As the variable calls it, and the cargo feature.
    fn name(self) -> &'static str;

    fn is_compiled_in(self) -> bool;
}

impl Named for TraceExporter {
    const ALL: &'static [Self] = &[Self::Otlp, Self::Console];

    fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Console => "console",
        }
    }

    fn is_compiled_in(self) -> bool {
        match self {
            Self::Otlp => cfg!(feature = "otlp"),
            Self::Console => cfg!(feature = "console"),
        }
    }
}

impl Named for MetricExporter {
    const ALL: &'static [Self] =
        &[Self::Otlp, Self::Prometheus, Self::Console, Self::CloudWatch, Self::Emf, Self::StatsD];

    fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Prometheus => "prometheus",
            Self::Console => "console",
            Self::CloudWatch => "cloudwatch",
            Self::Emf => "emf",
            Self::StatsD => "statsd",
        }
    }

    fn is_compiled_in(self) -> bool {
        match self {
            Self::Otlp => cfg!(feature = "otlp"),
            Self::Prometheus => cfg!(feature = "prometheus"),
            Self::Console => cfg!(feature = "console"),
            Self::CloudWatch => cfg!(feature = "cloudwatch"),
            Self::Emf => cfg!(feature = "emf"),
            Self::StatsD => cfg!(feature = "statsd"),
        }
    }
}

pub(crate) fn traces(environment: &Environment, code: Option<Vec<TraceExporter>>) -> Result<Vec<TraceExporter>, Error> {
    chosen(environment, TRACES, code, &[TraceExporter::Otlp])
}

pub(crate) fn metrics(
    environment: &Environment,
    code: Option<Vec<MetricExporter>>,
) -> Result<Vec<MetricExporter>, Error> {
    chosen(environment, METRICS, code, &[MetricExporter::Otlp, MetricExporter::Prometheus])
}

/// The environment's choice, else code's, else the first of `usual` that is compiled in: the specification's default of
/// `otlp` would make every program fail that was built without it.
fn chosen<T: Named>(
    environment: &Environment,
    variable: &'static str,
    code: Option<Vec<T>>,
    usual: &[T],
) -> Result<Vec<T>, Error> {
    let names: Vec<&str> = T::ALL.iter().map(|exporter| exporter.name()).collect();
    let accepted = format!("none, or one or several of {}, parted by commas", names.join(", "));
    let named = |item: &str| T::ALL.iter().copied().find(|exporter| exporter.name() == item);
    let usual = || usual.iter().copied().find(|exporter| exporter.is_compiled_in()).into_iter().collect();
    let chosen = environment.list(variable, &accepted, named)?.or(code).unwrap_or_else(usual);
    match chosen.iter().find(|exporter| !exporter.is_compiled_in()) {
        Some(missing) => Err(Error::feature(variable, missing.name())),
        None => Ok(chosen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::{assert_names, environment};

    #[test]
    fn wrong_names_say_what_is_accepted() {
        for value in ["zipkin", "statsd", "otlp,none", "otlp,", "prometheus"] {
            assert_names(traces(&environment(&[(TRACES, value)]), None), &[TRACES, value, "otlp, console"]);
        }
        for value in ["influx", "otlp,none", "otlp;prometheus"] {
            assert_names(
                metrics(&environment(&[(METRICS, value)]), None),
                &[METRICS, value, "cloudwatch, emf, statsd"],
            );
        }
    }

    #[test]
    fn none_is_an_empty_list_and_beats_code() {
        assert_eq!(traces(&environment(&[(TRACES, "none")]), Some(vec![TraceExporter::Otlp])).unwrap(), []);
        assert_eq!(metrics(&environment(&[(METRICS, "NONE")]), Some(vec![MetricExporter::Prometheus])).unwrap(), []);
    }

    #[cfg(all(feature = "otlp", feature = "prometheus"))]
    #[test]
    fn lists_in_any_case_and_code_where_nothing_is_set() {
        use MetricExporter::{Otlp, Prometheus};
        for (value, expected) in
            [("otlp", vec![Otlp]), ("Prometheus , OTLP,otlp", vec![Prometheus, Otlp]), ("prometheus", vec![Prometheus])]
        {
            assert_eq!(metrics(&environment(&[(METRICS, value)]), Some(vec![])).unwrap(), expected);
        }
        assert_eq!(metrics(&environment(&[]), Some(vec![Prometheus])).unwrap(), [Prometheus]);
        assert_eq!(metrics(&environment(&[]), None).unwrap(), [Otlp]);
        assert_eq!(traces(&environment(&[]), None).unwrap(), [TraceExporter::Otlp]);
    }

    #[test]
    fn an_exporter_is_there_or_its_feature_is_named() {
        for exporter in MetricExporter::ALL {
            let asked = metrics(&environment(&[(METRICS, exporter.name())]), None);
            if exporter.is_compiled_in() {
                assert_eq!(asked.unwrap(), [*exporter]);
            } else {
                let error = asked.unwrap_err();
                assert!(error.is_missing_feature());
                assert!(error.to_string().contains(&format!("cargo feature `{}`", exporter.name())), "{error}");
            }
        }
    }

    #[cfg(not(feature = "otlp"))]
    #[test]
    fn otlp_not_compiled_in_is_no_default_but_an_error_when_asked_for() {
        assert_eq!(traces(&environment(&[]), None).unwrap(), []);
        assert!(traces(&environment(&[(TRACES, "otlp")]), None).unwrap_err().is_missing_feature());
    }
}
