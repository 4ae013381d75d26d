use crate::Error;
use crate::environment::Environment;

const TRACES: &str = "OTEL_TRACES_EXPORTER";
const METRICS: &str = "OTEL_METRICS_EXPORTER";

/// Where spans can go; none of them is an empty list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceExporter {
    /// To a collector over OTLP. Needs the cargo feature `otlp`.
    Otlp,
}

/// Where metrics can go; none of them is an empty list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricExporter {
    /// To a collector over OTLP, every `OTEL_METRIC_EXPORT_INTERVAL`. Needs the cargo feature `otlp`.
    Otlp,
    /// To be fetched from a page. Needs the cargo feature `prometheus`.
    Prometheus,
}

/// The environment's choice, else code's, else what is compiled in: the specification's default of `otlp` would make
/// every program fail that was built without it.
pub(crate) fn traces(environment: &Environment, code: Option<Vec<TraceExporter>>) -> Result<Vec<TraceExporter>, Error> {
    let chosen = environment.list(TRACES, "otlp or none", |item| (item == "otlp").then_some(TraceExporter::Otlp))?;
    let chosen =
        chosen.or(code).unwrap_or_else(|| if cfg!(feature = "otlp") { vec![TraceExporter::Otlp] } else { Vec::new() });
    #[cfg(not(feature = "otlp"))]
    if chosen.contains(&TraceExporter::Otlp) {
        return Err(Error::feature(TRACES, "otlp"));
    }
    Ok(chosen)
}

pub(crate) fn metrics(
    environment: &Environment,
    code: Option<Vec<MetricExporter>>,
) -> Result<Vec<MetricExporter>, Error> {
    let accepted = "none, or one or both of otlp and prometheus, parted by a comma";
    let chosen = environment.list(METRICS, accepted, |item| match item {
        "otlp" => Some(MetricExporter::Otlp),
        "prometheus" => Some(MetricExporter::Prometheus),
        _ => None,
    })?;
    let chosen = chosen.or(code).unwrap_or_else(|| {
        if cfg!(feature = "otlp") {
            vec![MetricExporter::Otlp]
        } else if cfg!(feature = "prometheus") {
            vec![MetricExporter::Prometheus]
        } else {
            Vec::new()
        }
    });
    #[cfg(not(feature = "otlp"))]
    if chosen.contains(&MetricExporter::Otlp) {
        return Err(Error::feature(METRICS, "otlp"));
    }
    #[cfg(not(feature = "prometheus"))]
    if chosen.contains(&MetricExporter::Prometheus) {
        return Err(Error::feature(METRICS, "prometheus"));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::{assert_names, environment};

    #[test]
    fn wrong_names_say_what_is_accepted() {
        for value in ["zipkin", "console", "otlp,none", "otlp,", "prometheus"] {
            assert_names(traces(&environment(&[(TRACES, value)]), None), &[TRACES, value, "otlp or none"]);
        }
        for value in ["statsd", "otlp,none", "otlp;prometheus"] {
            assert_names(metrics(&environment(&[(METRICS, value)]), None), &[METRICS, value, "otlp and prometheus"]);
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

    #[cfg(not(feature = "prometheus"))]
    #[test]
    fn an_exporter_not_compiled_in_names_its_feature() {
        let error = metrics(&environment(&[(METRICS, "prometheus")]), None).unwrap_err();
        assert!(error.is_missing_feature());
        assert!(error.to_string().contains("cargo feature `prometheus`"), "{error}");
    }

    #[cfg(not(feature = "otlp"))]
    #[test]
    fn otlp_not_compiled_in_is_no_default_but_an_error_when_asked_for() {
        assert_eq!(traces(&environment(&[]), None).unwrap(), []);
        assert!(traces(&environment(&[(TRACES, "otlp")]), None).unwrap_err().is_missing_feature());
    }
}
