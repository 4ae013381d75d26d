//! What histograms become unless a view says otherwise.

use crate::Error;
use crate::settings::{Lookup, set};

const NAME: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";

/// What histograms become, by `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistogramAggregation {
    /// Buckets between boundaries that the instrument, or a view, names: `explicit_bucket_histogram`.
    #[default]
    ExplicitBuckets,
    /// Buckets that grow by powers of two and fit themselves to what is recorded: `base2_exponential_bucket_histogram`.
    Base2Exponential,
}

impl HistogramAggregation {
    pub(crate) fn read(lookup: Lookup<'_>) -> Result<Self, Error> {
        let Some(value) = set(lookup, NAME) else { return Ok(Self::default()) };
        match value.to_ascii_lowercase().as_str() {
            "explicit_bucket_histogram" => Ok(Self::ExplicitBuckets),
            "base2_exponential_bucket_histogram" => Ok(Self::Base2Exponential),
            _ => Err(Error::variable(NAME, &value, "explicit_bucket_histogram or base2_exponential_bucket_histogram")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_values_in_any_case_and_others_are_refused() {
        use HistogramAggregation::{Base2Exponential, ExplicitBuckets};
        for (value, expected) in [
            ("", ExplicitBuckets),
            ("explicit_bucket_histogram", ExplicitBuckets),
            ("BASE2_exponential_bucket_histogram", Base2Exponential),
        ] {
            assert_eq!(HistogramAggregation::read(&|_| Some(value.to_owned())).unwrap(), expected);
        }
        let text = HistogramAggregation::read(&|_| Some("summary".to_owned())).unwrap_err().to_string();
        assert!(text.contains(NAME) && text.contains("\"summary\": expected explicit_bucket_histogram or"), "{text}");
    }
}
