use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use crate::batch;
use crate::datum::{Datums, Wording};
use crate::limits;
use crate::series::Collection;

/// A month, as CloudWatch's own examples have it.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// Dollars a month for each metric, and up to which number of them: what is above pays the next.
const TIERS: [(u64, f64); 4] = [(10_000, 0.30), (250_000, 0.10), (1_000_000, 0.05), (u64::MAX, 0.02)];

/// Dollars for a thousand PutMetricData.
const THOUSAND_REQUESTS: f64 = 0.01;

/// What sending the metrics of one collection at every interval costs in a month of 30 days, at the list prices of
/// `us-east-1` as <https://aws.amazon.com/cloudwatch/pricing/> has them for custom metrics:
///
/// | | |
/// |---|---|
/// | each of the first 10,000 metrics | $0.30 |
/// | each of the next 240,000 | $0.10 |
/// | each of the next 750,000 | $0.05 |
/// | each above a million | $0.02 |
/// | 1,000 PutMetricData requests | $0.01 |
///
/// A metric is a name with one set of dimensions; each process that sends a set of its own adds its metrics. It is of
/// what that one collection held, as if all of it were sent all month: less is billed where something isn't sent every
/// hour, as sums that don't grow unless asked for, and for the free tier. More is where other collections hold other
/// metrics, and for alarms, dashboards and reading. Other regions differ.
///
/// ```
/// # use cachescope_cloudwatch::CloudWatch;
/// # use opentelemetry_sdk::{Resource, metrics::data::ResourceMetrics};
/// # fn show(cloudwatch: &CloudWatch, metrics: &ResourceMetrics) {
/// let cost = cloudwatch.cost(metrics);
/// println!("{} metrics: ${:.2} a month", cost.metrics(), cost.dollars_a_month());
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    metrics: u64,
    requests: u64,
}

impl Cost {
    pub(crate) fn of(collection: Collection, interval: Duration) -> Self {
        let wording = Wording { values: limits::VALUES, zeros: true };
        // Of now: what is too old to be sent costs nothing.
        let datums = Datums::of(collection, wording, std::time::SystemTime::now()).datums;
        let metrics: HashSet<_> = datums.iter().map(|datum| (&datum.name, &datum.dimensions)).collect();
        let metrics = metrics.len() as u64;
        let requests = batch::batches(datums).len() as u64;
        let intervals = (MONTH.as_secs_f64() / interval.as_secs_f64()).ceil() as u64;
        Self { metrics, requests: requests.saturating_mul(intervals) }
    }

    /// How many distinct metrics there are.
    #[must_use]
    pub fn metrics(self) -> u64 {
        self.metrics
    }

    /// How many PutMetricData requests a month takes.
    #[must_use]
    pub fn requests_a_month(self) -> u64 {
        self.requests
    }

    /// Dollars a month, for metrics and requests together.
    #[must_use]
    pub fn dollars_a_month(self) -> f64 {
        let mut below = 0;
        let mut dollars = self.requests as f64 / 1_000.0 * THOUSAND_REQUESTS;
        for (up_to, each) in TIERS {
            dollars += self.metrics.min(up_to).saturating_sub(below) as f64 * each;
            below = up_to;
        }
        dollars
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metrics, requests } = self;
        write!(f, "{metrics} metrics and {requests} requests, ${:.2} a month", self.dollars_a_month())
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
    fn each_tier_has_its_price() {
        let of = |metrics| Cost { metrics, requests: 0 }.dollars_a_month();
        let near = |dollars: f64, expected: f64| assert!((dollars - expected).abs() < 1e-6, "{dollars} {expected}");
        near(of(0), 0.0);
        near(of(10_000), 3_000.0);
        near(of(10_001), 3_000.1);
        near(of(250_000), 27_000.0);
        near(of(1_000_000), 64_500.0);
        near(of(1_000_100), 64_502.0);
        near(Cost { metrics: 10, requests: 43_200 }.dollars_a_month(), 3.432);
    }

    #[test]
    fn metrics_are_counted_by_their_dimensions() {
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
        // Totals since the start aren't sent, so that they'd cost nothing.
        let set = |dimensions: &'static str| {
            CloudWatch::from_lookup(&move |name| {
                (name == "CACHESCOPE_CLOUDWATCH_DIMENSIONS").then(|| dimensions.to_owned())
            })
        };
        assert_eq!(set("*").unwrap().cost(metrics).metrics(), 0);
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
            let cost = set(dimensions).unwrap().cost(metrics);
            assert_eq!((cost.metrics(), cost.requests_a_month()), (expected, 43_200), "{dimensions}");
        }
    }
}
