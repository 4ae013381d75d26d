//! The exporters, and the selection of exporters by variable or by code.

use crate::Error;
use crate::environment::Environment;

const TRACES: &str = "OTEL_TRACES_EXPORTER";
const METRICS: &str = "OTEL_METRICS_EXPORTER";

/// An exporter of spans. An empty list selects none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceExporter {
    /// `otlp`: sends spans to a collector over OTLP. Needs the cargo feature `otlp`.
    Otlp,
    /// `console`: prints a line per span to standard output. Needs the cargo feature `console`.
    Console,
}

/// An exporter of metrics. An empty list selects none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricExporter {
    /// `otlp`: sends metrics to a collector over OTLP, every `OTEL_METRIC_EXPORT_INTERVAL`. Needs the cargo feature
    /// `otlp`.
    Otlp,
    /// `prometheus`: serves metrics for Prometheus to scrape. Needs the cargo feature `prometheus`.
    Prometheus,
    /// `console`: prints metrics to standard output, every interval. Needs the cargo feature `console`.
    Console,
    /// `cloudwatch`: sends metrics to Amazon CloudWatch, every interval. Needs the cargo feature `cloudwatch`.
    CloudWatch,
    /// `emf`: prints embedded metric format to standard output, every interval; Lambda and the CloudWatch agents
    /// forward it to Amazon CloudWatch. Needs the cargo feature `emf`.
    Emf,
    /// `statsd`: sends metrics to a StatsD server, every interval. Needs the cargo feature `statsd`.
    StatsD,
}

/// An exporter that a variable can name.
trait ExporterName: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    /// Returns the name in variables, which is also the cargo feature.
    fn name(self) -> &'static str;

    fn is_compiled_in(self) -> bool;
}

impl ExporterName for TraceExporter {
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

impl ExporterName for MetricExporter {
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

/// Returns the environment's choice, else code's, else the first of `usual` that is compiled in. The specification's
/// default of `otlp` would be an error in every program built without that feature.
fn chosen<T: ExporterName>(
    environment: &Environment,
    variable: &'static str,
    code: Option<Vec<T>>,
    usual: &[T],
) -> Result<Vec<T>, Error> {
    let names: Vec<&str> = T::ALL.iter().map(|exporter| exporter.name()).collect();
    let rule = format!("none, or one or more of {}, separated by commas", names.join(", "));
    let named = |item: &str| T::ALL.iter().copied().find(|exporter| exporter.name() == item);
    let usual = || usual.iter().copied().find(|exporter| exporter.is_compiled_in()).into_iter().collect();
    let chosen = environment.list(variable, &rule, named)?.or(code).unwrap_or_else(usual);
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
    fn unknown_exporter_error_lists_accepted_names() {
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
    fn none_selects_no_exporter_and_overrides_code() {
        assert_eq!(traces(&environment(&[(TRACES, "none")]), Some(vec![TraceExporter::Otlp])).unwrap(), []);
        assert_eq!(metrics(&environment(&[(METRICS, "NONE")]), Some(vec![MetricExporter::Prometheus])).unwrap(), []);
    }

    #[cfg(all(feature = "otlp", feature = "prometheus"))]
    #[test]
    fn exporter_list_ignores_case_and_falls_back_to_code() {
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
    fn missing_exporter_error_names_its_cargo_feature() {
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
    fn otlp_without_its_feature_is_no_default_and_an_error_when_selected() {
        assert_eq!(traces(&environment(&[]), None).unwrap(), []);
        assert!(traces(&environment(&[(TRACES, "otlp")]), None).unwrap_err().is_missing_feature());
    }
}
