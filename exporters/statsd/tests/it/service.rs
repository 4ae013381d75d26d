//! A program that exports metrics over StatsD when it is flushed.

use cachescope_statsd::{Error, StatsD};
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;

pub(crate) struct Service {
    pub(crate) statsd: StatsD,
    pub(crate) meters: SdkMeterProvider,
    pub(crate) meter: Meter,
}

impl Service {
    pub(crate) fn new(statsd: StatsD) -> Result<Self, Error> {
        let resource = Resource::builder_empty().with_service_name("shop").build();
        let exporter = statsd.metric_exporter()?;
        let meters = SdkMeterProvider::builder().with_periodic_exporter(exporter).with_resource(resource).build();
        Ok(Self { statsd, meter: meters.meter("test"), meters })
    }

    /// Returns the points sent and dropped.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.statsd.stats().total_sent(), self.statsd.stats().total_dropped())
    }
}
