//! What kind of family a metric belongs to.

use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};

/// What a family holds. Prometheus knows no up-down counters: a level is a gauge there, but never a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Level,
    Histogram,
}

impl Kind {
    pub(crate) fn of(data: &AggregatedMetrics) -> Self {
        fn of<T>(data: &MetricData<T>) -> Kind {
            match data {
                MetricData::Sum(sum) if sum.is_monotonic() => Kind::Counter,
                MetricData::Sum(_) => Kind::Level,
                MetricData::Gauge(_) => Kind::Gauge,
                MetricData::Histogram(_) | MetricData::ExponentialHistogram(_) => Kind::Histogram,
            }
        }
        match data {
            AggregatedMetrics::F64(data) => of(data),
            AggregatedMetrics::U64(data) => of(data),
            AggregatedMetrics::I64(data) => of(data),
        }
    }

    /// Both formats' word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge | Self::Level => "gauge",
            Self::Histogram => "histogram",
        }
    }

    /// What the names of the family's series add to its base.
    pub(crate) fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["_total"],
            Self::Gauge | Self::Level => &[""],
            Self::Histogram => &["_bucket", "_sum", "_count"],
        }
    }
}
