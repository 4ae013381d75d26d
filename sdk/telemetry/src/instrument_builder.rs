//! Instruments from the definitions in [`names`](crate::names).

use opentelemetry::metrics::{Histogram, Meter};

use crate::names::Metric;

/// Builds the histogram `metric` with these bucket boundaries.
pub(crate) fn histogram(meter: &Meter, metric: Metric, boundaries: &[f64]) -> Histogram<f64> {
    meter
        .f64_histogram(metric.name)
        .with_unit(metric.unit)
        .with_description(metric.brief)
        .with_boundaries(boundaries.to_vec())
        .build()
}
