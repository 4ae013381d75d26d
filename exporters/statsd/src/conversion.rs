use std::num::NonZeroU32;

use cachescope_exporter::HistogramPoint;
use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics, Sum};

use crate::Timings;
use crate::histogram::Histogram;
use crate::line_format::{LineFormat, SeriesFormat};
use crate::line_value::LineNumber;
use crate::sample_rate;

/// The conversion of data points to lines.
#[derive(Debug)]
pub(crate) struct Conversion {
    pub(crate) format: LineFormat,
    pub(crate) timings: Timings,
    /// The attributes of the resource that become attributes of every series.
    pub(crate) resource: Vec<Key>,
}

/// The lines of a data point. Lines in one string stay together. `None` if StatsD can't represent the point.
pub(crate) type PointLines = Option<Vec<String>>;

impl Conversion {
    /// Calls `each` with the lines of every data point.
    pub(crate) fn for_each_point(&self, metrics: &ResourceMetrics, mut each: impl FnMut(PointLines)) {
        let resource: Vec<KeyValue> = self
            .resource
            .iter()
            .filter_map(|key| Some(KeyValue::new(key.clone(), metrics.resource().get(key)?)))
            .collect();
        for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
            match metric.data() {
                AggregatedMetrics::F64(data) => self.metric(metric, data, &resource, &mut each),
                AggregatedMetrics::U64(data) => self.metric(metric, data, &resource, &mut each),
                AggregatedMetrics::I64(data) => self.metric(metric, data, &resource, &mut each),
            }
        }
    }

    fn metric<T: LineNumber>(
        &self,
        metric: &Metric,
        data: &MetricData<T>,
        resource: &[KeyValue],
        each: &mut impl FnMut(PointLines),
    ) {
        fn series<'n, 'k>(
            conversion: &'n Conversion,
            metric: &Metric,
            resource: &'k [KeyValue],
            attributes: impl Iterator<Item = &'k KeyValue>,
        ) -> SeriesFormat<'n> {
            // An attribute of the point replaces the resource's attribute of the same name.
            let own: Vec<&KeyValue> = attributes.collect();
            let others = resource.iter().filter(|other| own.iter().all(|attribute| attribute.key != other.key));
            conversion.format.series(metric.name(), others.chain(own.iter().copied()))
        }
        match data {
            MetricData::Sum(sum) => {
                for point in sum.data_points() {
                    let series = series(self, metric, resource, point.attributes());
                    each(summed(sum, &series, point.value()));
                }
            }
            MetricData::Gauge(gauge) => {
                for point in gauge.data_points() {
                    let series = series(self, metric, resource, point.attributes());
                    each(series.gauge(point.value()).map(|line| vec![line]));
                }
            }
            MetricData::Histogram(histogram) => {
                for point in histogram.data_points() {
                    let series = series(self, metric, resource, point.attributes());
                    each(self.histogram(&series, &Histogram::new(HistogramPoint::from(point), scale(metric.unit()))));
                }
            }
            MetricData::ExponentialHistogram(histogram) => {
                for point in histogram.data_points() {
                    let series = series(self, metric, resource, point.attributes());
                    each(self.histogram(&series, &Histogram::new(HistogramPoint::from(point), scale(metric.unit()))));
                }
            }
        }
    }

    fn histogram(&self, series: &SeriesFormat<'_>, histogram: &Histogram) -> PointLines {
        match self.timings {
            Timings::Sampled { values } => sampled(series, histogram, values),
            Timings::Summarised => summarised(series, histogram),
        }
    }
}

/// Returns the line of a sum. By the exporter's temporality, counters are deltas and all other sums are cumulative. StatsD
/// can't represent other combinations.
fn summed<T: LineNumber>(sum: &Sum<T>, series: &SeriesFormat<'_>, value: T) -> PointLines {
    let line = match (sum.is_monotonic(), sum.temporality()) {
        (true, Temporality::Delta) => series.counter(value),
        (false, Temporality::Cumulative) => series.gauge(value),
        _ => None,
    };
    line.map(|line| vec![line])
}

fn sampled(series: &SeriesFormat<'_>, histogram: &Histogram, values: NonZeroU32) -> PointLines {
    let mut lines = Vec::new();
    for representative in histogram.representatives(values) {
        for part in sample_rate::parts(representative.count) {
            lines.push(series.timing(representative.value, part.rate)?);
        }
    }
    Some(lines)
}

fn summarised(series: &SeriesFormat<'_>, histogram: &Histogram) -> PointLines {
    let mut lines = vec![series.part("count").counter(histogram.count)?, series.part("sum").counter(histogram.sum)?];
    for (part, value) in [("min", histogram.min), ("max", histogram.max)] {
        if let Some(value) = value {
            lines.push(series.part(part).gauge(value)?);
        }
    }
    Some(lines)
}

/// Returns the factor that converts a time to milliseconds; 1 for other units.
fn scale(unit: &str) -> f64 {
    match unit {
        "d" => 86_400_000.0,
        "h" => 3_600_000.0,
        "min" => 60_000.0,
        "s" => 1_000.0,
        "us" => 1e-3,
        "ns" => 1e-6,
        _ => 1.0,
    }
}
