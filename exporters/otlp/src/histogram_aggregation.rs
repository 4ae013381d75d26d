use cachescope_exporter::{ConfigError, Variables};

const NAME: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";

/// The default aggregation of histograms, from `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistogramAggregation {
    /// Buckets between boundaries that the instrument or a view sets: `explicit_bucket_histogram`.
    #[default]
    ExplicitBuckets,
    /// Buckets that grow by powers of two and adapt to the recorded values: `base2_exponential_bucket_histogram`.
    Base2Exponential,
}

impl HistogramAggregation {
    pub(crate) fn read(variables: Variables<'_>) -> Result<Self, ConfigError> {
        let rule = "explicit_bucket_histogram or base2_exponential_bucket_histogram";
        let aggregation = variables.parse(NAME, rule, |value| match value.to_ascii_lowercase().as_str() {
            "explicit_bucket_histogram" => Some(Self::ExplicitBuckets),
            "base2_exponential_bucket_histogram" => Some(Self::Base2Exponential),
            _ => None,
        });
        Ok(aggregation?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_aggregations_are_read_in_any_case_and_others_are_refused() {
        use HistogramAggregation::{Base2Exponential, ExplicitBuckets};
        let read = |value: &'static str| HistogramAggregation::read(Variables::new(&|_| Some(value.to_owned())));
        for (value, expected) in [
            ("", ExplicitBuckets),
            ("explicit_bucket_histogram", ExplicitBuckets),
            ("BASE2_exponential_bucket_histogram", Base2Exponential),
        ] {
            assert_eq!(read(value).unwrap(), expected);
        }
        let text = read("summary").unwrap_err().to_string();
        assert!(text.contains(NAME) && text.contains("must be explicit_bucket_histogram or"), "{text}");
        assert!(text.contains("got \"summary\""), "{text}");
    }
}
