//! The type of a metric family.

use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};

/// The type of a metric family. Prometheus has no up-down counters: they become gauges, but never ratios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricType {
    Counter,
    Gauge,
    UpDownCounter,
    Histogram,
}

impl MetricType {
    pub(crate) fn from_data(data: &AggregatedMetrics) -> Self {
        fn of<T>(data: &MetricData<T>) -> MetricType {
            match data {
                MetricData::Sum(sum) if sum.is_monotonic() => MetricType::Counter,
                MetricData::Sum(_) => MetricType::UpDownCounter,
                MetricData::Gauge(_) => MetricType::Gauge,
                MetricData::Histogram(_) | MetricData::ExponentialHistogram(_) => MetricType::Histogram,
            }
        }
        match data {
            AggregatedMetrics::F64(data) => of(data),
            AggregatedMetrics::U64(data) => of(data),
            AggregatedMetrics::I64(data) => of(data),
        }
    }

    /// Returns the name of the type, which both formats share.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge | Self::UpDownCounter => "gauge",
            Self::Histogram => "histogram",
        }
    }

    /// Returns the suffixes of the family's series, which follow its base name.
    pub(crate) fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["_total"],
            Self::Gauge | Self::UpDownCounter => &[""],
            Self::Histogram => &["_bucket", "_sum", "_count"],
        }
    }
}
