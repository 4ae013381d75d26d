//! A program that measures things and exports them by StatsD when told to.

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

    /// Sent and dropped.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.statsd.exports().total_sent(), self.statsd.exports().total_dropped())
    }
}
