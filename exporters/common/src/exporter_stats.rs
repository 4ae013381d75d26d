use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use crate::{DropReason, ExportedItem};

const COMPONENT_TYPE: &str = "otel.component.type";
const COMPONENT_NAME: &str = "otel.component.name";
const ERROR_TYPE: &str = "error.type";

/// A counter, as `semconv/exporter.yaml` defines it.
struct Metric {
    name: &'static str,
    unit: &'static str,
    brief: &'static str,
}

const DATA_POINTS: Metric = Metric {
    name: "otel.sdk.exporter.metric_data_point.exported",
    unit: "{data_point}",
    brief: "The number of metric data points for which the export has finished, either successful or failed.",
};
const SPANS: Metric = Metric {
    name: "otel.sdk.exporter.span.exported",
    unit: "{span}",
    brief: "The number of spans for which the export has finished, either successful or failed.",
};
const RETRIES: Metric = Metric {
    name: "cachescope.exporter.retries",
    unit: "{retry}",
    brief: "Export requests that the exporter sent again after a failure.",
};

/// The number of the next exporter, which distinguishes the exporters of a process, whatever their types.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Counts the items that one exporter has sent, dropped and retried since it was created.
///
/// Clones share their counts. Counting is one atomic addition.
///
/// A provider reports the counts as `otel.sdk.exporter.metric_data_point.exported` or `otel.sdk.exporter.span.exported`,
/// with `error.type` on items that were dropped, as the
/// [conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/) define them. Retries are
/// `cachescope.exporter.retries`: the conventions have no metric for them.
///
/// ```
/// use cachescope_exporter::{DropReason, ExportedItem, ExporterStats};
///
/// let stats = ExporterStats::new("statsd_metric_exporter", ExportedItem::DataPoint);
/// stats.sent(12);
/// stats.dropped(DropReason::Unreachable, 3);
/// assert_eq!((stats.total_sent(), stats.total_dropped()), (12, 3));
/// ```
#[doc(alias = "self-observability")]
#[derive(Clone, Debug)]
pub struct ExporterStats {
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    item: ExportedItem,
    component_type: &'static str,
    component_name: String,
    sent: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
    retried: AtomicU64,
}

impl ExporterStats {
    /// Creates counts for an exporter of this type, such as `otlp_grpc_metric_exporter`. The conventions list some types.
    #[must_use]
    pub fn new(component_type: &'static str, item: ExportedItem) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let component_name = format!("{component_type}/{number}");
        let (sent, dropped, retried) = Default::default();
        Self { counts: Arc::new(Counts { item, component_type, component_name, sent, dropped, retried }) }
    }

    /// Counts items that the destination has accepted.
    pub fn sent(&self, items: u64) {
        self.counts.sent.fetch_add(items, Ordering::Relaxed);
    }

    /// Counts items that will never be sent.
    pub fn dropped(&self, reason: DropReason, items: u64) {
        self.counts.dropped[reason as usize].fetch_add(items, Ordering::Relaxed);
    }

    /// Counts a request that was made again.
    pub fn retried(&self) {
        self.counts.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of items that the destination has accepted.
    #[must_use]
    pub fn total_sent(&self) -> u64 {
        self.counts.sent.load(Ordering::Relaxed)
    }

    /// Returns the number of items that were dropped, for any reason.
    #[must_use]
    pub fn total_dropped(&self) -> u64 {
        DropReason::ALL.into_iter().map(|reason| self.total_dropped_for(reason)).sum()
    }

    /// Returns the number of items that were dropped for this reason.
    #[must_use]
    pub fn total_dropped_for(&self, reason: DropReason) -> u64 {
        self.counts.dropped[reason as usize].load(Ordering::Relaxed)
    }

    /// Returns the number of requests that were made again.
    #[must_use]
    pub fn total_retried(&self) -> u64 {
        self.counts.retried.load(Ordering::Relaxed)
    }

    /// Reports the counts through `meter` from now on, as long as the exporter exists.
    ///
    /// Call it once for each provider: an instrument can't be removed.
    pub fn observe(&self, meter: &Meter) {
        let Metric { name, unit, brief } = self.counts.item.metric();
        let counts = Arc::downgrade(&self.counts);
        meter
            .u64_observable_counter(name)
            .with_unit(unit)
            .with_description(brief)
            .with_callback(move |observer| {
                let Some(counts) = counts.upgrade() else { return };
                let attributes = counts.attributes();
                observer.observe(counts.sent.load(Ordering::Relaxed), &attributes);
                for reason in DropReason::ALL {
                    let [kind, name] = attributes.clone();
                    let attributes = [kind, name, KeyValue::new(ERROR_TYPE, reason.as_str())];
                    observer.observe(counts.dropped[reason as usize].load(Ordering::Relaxed), &attributes);
                }
            })
            .build();
        let counts = Arc::downgrade(&self.counts);
        meter
            .u64_observable_counter(RETRIES.name)
            .with_unit(RETRIES.unit)
            .with_description(RETRIES.brief)
            .with_callback(move |observer| {
                let Some(counts) = counts.upgrade() else { return };
                observer.observe(counts.retried.load(Ordering::Relaxed), &counts.attributes());
            })
            .build();
    }
}

impl Counts {
    fn attributes(&self) -> [KeyValue; 2] {
        [KeyValue::new(COMPONENT_TYPE, self.component_type), KeyValue::new(COMPONENT_NAME, self.component_name.clone())]
    }
}

impl ExportedItem {
    /// Returns the metric that counts these items.
    const fn metric(self) -> Metric {
        match self {
            Self::DataPoint => DATA_POINTS,
            Self::Span => SPANS,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

    use super::*;

    #[test]
    fn provider_reads_each_count_of_each_exporter() {
        let seen = InMemoryMetricExporter::default();
        let meters = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(seen.clone()).build()).build();
        let [one, other] = [(); 2].map(|()| ExporterStats::new("test_exporter", ExportedItem::Span));
        let meter = meters.meter("test");
        one.observe(&meter);
        other.observe(&meter);
        one.sent(5);
        one.dropped(DropReason::Throttled, 2);
        one.retried();
        other.sent(7);
        meters.force_flush().unwrap();
        let mut points = BTreeMap::new();
        for metric in seen.get_finished_metrics().unwrap()[0].scope_metrics().flat_map(|scope| scope.metrics()) {
            let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() else { panic!("{metric:?}") };
            for point in sum.data_points() {
                let error = point.attributes().find(|attribute| attribute.key.as_str() == ERROR_TYPE);
                let of_one = point.attributes().any(|attribute| attribute.value.as_str() == one.counts.component_name);
                let error = error.map(|attribute| attribute.value.to_string()).unwrap_or_default();
                points.insert((metric.name().to_owned(), of_one, error), point.value());
            }
        }
        let (exported, sent) = (SPANS.name.to_owned(), String::new());
        assert_eq!(points[&(exported.clone(), true, sent.clone())], 5);
        assert_eq!(points[&(exported.clone(), false, sent.clone())], 7);
        assert_eq!(points[&(exported, true, "throttled".to_owned())], 2);
        assert_eq!(points[&(RETRIES.name.to_owned(), true, sent)], 1);
        assert_eq!(points.len(), 2 * (2 + DropReason::ALL.len()), "all are there from the start: {points:?}");
    }

    #[test]
    fn names_and_reasons_match_the_semantic_conventions() {
        let contract = include_str!("../../../sdk/telemetry/semconv/exporter.yaml");
        for Metric { name, unit, brief } in [DATA_POINTS, SPANS, RETRIES] {
            for line in [format!("metric_name: {name}\n"), format!("unit: \"{unit}\"\n"), format!("brief: {brief}\n")] {
                assert!(contract.contains(&line), "{line}");
            }
        }
        let words = contract.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
        let words: Vec<_> = words.collect();
        assert!(DropReason::ALL.iter().all(|reason| words.contains(&reason.as_str())));
        assert!(
            [COMPONENT_TYPE, COMPONENT_NAME, ERROR_TYPE].iter().all(|name| contract.contains(&format!("ref: {name}")))
        );
    }
}
