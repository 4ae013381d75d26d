use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use crate::batch;
use crate::datum::{DatumOptions, Datums};
use crate::limits;
use crate::series::Collection;

/// A month of 30 days, as in the examples of CloudWatch's pricing.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// The upper limit of each pricing tier in metrics, and its price in dollars a month for each metric.
const TIERS: [(u64, f64); 4] = [(10_000, 0.30), (250_000, 0.10), (1_000_000, 0.05), (u64::MAX, 0.02)];

/// The price in dollars of a thousand PutMetricData requests.
const THOUSAND_REQUESTS: f64 = 0.01;

/// The estimated cost of sending the metrics of one collection at every interval for a month of 30 days.
///
/// The prices are the list prices of `us-east-1` for custom metrics, from <https://aws.amazon.com/cloudwatch/pricing/>:
///
/// | | |
/// |---|---|
/// | each of the first 10,000 metrics | $0.30 |
/// | each of the next 240,000 | $0.10 |
/// | each of the next 750,000 | $0.05 |
/// | each above a million | $0.02 |
/// | 1,000 PutMetricData requests | $0.01 |
///
/// A metric is a name with one set of dimensions. Each process that sends its own set adds its metrics.
///
/// The estimate assumes that all metrics of that one collection are sent all month. Less is billed for metrics that
/// aren't sent every hour, such as sums that don't grow, and for the free tier. More is billed if other collections have
/// other metrics, and for alarms, dashboards and queries. Other regions have other prices.
///
/// ```
/// # use cachescope_cloudwatch::CloudWatch;
/// # use opentelemetry_sdk::metrics::data::ResourceMetrics;
/// # fn show(cloudwatch: &CloudWatch, metrics: &ResourceMetrics) {
/// let estimate = cloudwatch.estimate_cost(metrics);
/// println!("{} metrics: ${:.2} a month", estimate.metrics(), estimate.dollars_per_month());
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostEstimate {
    metrics: u64,
    requests: u64,
}

impl CostEstimate {
    pub(crate) fn new(collection: Collection, interval: Duration) -> Self {
        let options = DatumOptions { max_values: limits::VALUES, zeros: true };
        // At the current time, because metrics that are too old to be sent cost nothing.
        let datums = Datums::new(collection, options, std::time::SystemTime::now()).datums;
        let metrics: HashSet<_> = datums.iter().map(|datum| (&datum.name, &datum.dimensions)).collect();
        let metrics = metrics.len() as u64;
        let requests = batch::batches(datums).len() as u64;
        let intervals = (MONTH.as_secs_f64() / interval.as_secs_f64()).ceil() as u64;
        Self { metrics, requests: requests.saturating_mul(intervals) }
    }

    /// Returns the number of distinct metrics.
    #[must_use]
    pub fn metrics(self) -> u64 {
        self.metrics
    }

    /// Returns the number of PutMetricData requests a month.
    #[must_use]
    pub fn requests_per_month(self) -> u64 {
        self.requests
    }

    /// Returns the price in dollars a month, for metrics and requests together.
    #[must_use]
    pub fn dollars_per_month(self) -> f64 {
        let mut below = 0;
        let mut dollars = self.requests as f64 / 1_000.0 * THOUSAND_REQUESTS;
        for (up_to, each) in TIERS {
            dollars += self.metrics.min(up_to).saturating_sub(below) as f64 * each;
            below = up_to;
        }
        dollars
    }
}

impl fmt::Display for CostEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metrics, requests } = self;
        write!(f, "{metrics} metrics and {requests} requests, ${:.2} a month", self.dollars_per_month())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

    use super::*;
    use crate::CloudWatch;

    #[test]
    fn price_follows_the_tiers() {
        let of = |metrics| CostEstimate { metrics, requests: 0 }.dollars_per_month();
        let near = |dollars: f64, expected: f64| assert!((dollars - expected).abs() < 1e-6, "{dollars} {expected}");
        near(of(0), 0.0);
        near(of(10_000), 3_000.0);
        near(of(10_001), 3_000.1);
        near(of(250_000), 27_000.0);
        near(of(1_000_000), 64_500.0);
        near(of(1_000_100), 64_502.0);
        near(CostEstimate { metrics: 10, requests: 43_200 }.dollars_per_month(), 3.432);
    }

    #[test]
    fn metrics_are_counted_by_dimensions() {
        let exporter = InMemoryMetricExporter::default();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(exporter.clone()).build();
        let counter = meters.meter("test").u64_counter("r").build();
        for cache in ["a", "b", "c"] {
            for result in ["hit", "miss"] {
                counter.add(1, &[KeyValue::new("cache", cache), KeyValue::new("result", result)]);
            }
        }
        meters.force_flush().unwrap();
        let metrics = &exporter.get_finished_metrics().unwrap()[0];
        // Cumulative totals aren't sent, so they cost nothing.
        let set = |dimensions: &'static str| {
            CloudWatch::from_lookup(&move |name| {
                (name == "CACHESCOPE_CLOUDWATCH_DIMENSIONS").then(|| dimensions.to_owned())
            })
        };
        assert_eq!(set("*").unwrap().estimate_cost(metrics).metrics(), 0);
        let exporter = opentelemetry_sdk::metrics::InMemoryMetricExporterBuilder::new()
            .with_temporality(opentelemetry_sdk::metrics::Temporality::Delta)
            .build();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let meters = SdkMeterProvider::builder().with_reader(reader).build();
        let counter = meters.meter("test").u64_counter("r").build();
        for (cache, result) in [("a", "hit"), ("a", "miss"), ("b", "hit")] {
            counter.add(1, &[KeyValue::new("cache", cache), KeyValue::new("result", result)]);
        }
        meters.force_flush().unwrap();
        let metrics = &exporter.get_finished_metrics().unwrap()[0];
        for (dimensions, expected) in [("*", 3), ("cache", 2), ("*;cache", 5), ("*,-cache,-result", 1)] {
            let cost = set(dimensions).unwrap().estimate_cost(metrics);
            assert_eq!((cost.metrics(), cost.requests_per_month()), (expected, 43_200), "{dimensions}");
        }
    }
}
