//! Where telemetry goes: what each exporter adds to the providers, and what of it the guard keeps.

#![cfg_attr(
    not(all(feature = "otlp", feature = "prometheus")),
    allow(
        dead_code,
        unused_mut,
        unused_variables,
        reason = "what of this is used depends on the exporters compiled in"
    )
)]

#[cfg(any(feature = "cloudwatch", feature = "emf"))]
mod cloudwatch;
#[cfg(feature = "console")]
mod console;
mod delivery;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(feature = "statsd")]
mod statsd;

use std::time::Duration;

use cachescope_core::Exports;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, PeriodicReader};
use opentelemetry_sdk::trace::TracerProviderBuilder;

pub(crate) use self::delivery::{Deliveries, Delivery};
#[cfg(feature = "prometheus")]
pub(crate) use self::prometheus::Shown;
use crate::environment::Environment;
use crate::{Error, MetricExporter, TraceExporter};

pub(crate) type AddToTracers = Box<dyn FnOnce(TracerProviderBuilder) -> TracerProviderBuilder + Send>;
pub(crate) type AddToMeters = Box<dyn FnOnce(MeterProviderBuilder) -> MeterProviderBuilder + Send>;

/// What is asked for, checked as far as the environment alone can be.
pub(crate) struct Wanted<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) traces: &'a [TraceExporter],
    pub(crate) metrics: &'a [MetricExporter],
    pub(crate) interval: Duration,
    /// Whether the Prometheus exporter has a server.
    #[cfg(feature = "prometheus")]
    pub(crate) serve: bool,
}

/// The exporters, built and yet to be given to the providers: readers have threads, and those are begun when nothing can
/// be wrong any more.
#[derive(Default)]
pub(crate) struct Destinations {
    pub(crate) to_tracers: Vec<AddToTracers>,
    pub(crate) to_meters: Vec<AddToMeters>,
    /// What they count of their own work.
    pub(crate) exports: Vec<Exports>,
    /// What has to be hurried, or given up, when the program ends.
    pub(crate) deliveries: Vec<Box<dyn Delivery>>,
    /// Whether histograms are to be exponential where no view says otherwise.
    pub(crate) exponential: bool,
    #[cfg(feature = "prometheus")]
    pub(crate) page: Option<Shown>,
}

impl Destinations {
    /// Builds the exporters that are wanted. Connects to nothing; the Prometheus server listens from here on.
    pub(crate) fn open(wanted: &Wanted<'_>) -> Result<Self, Error> {
        let mut opened = Self::default();
        #[cfg(feature = "console")]
        console::open(wanted, &mut opened)?;
        #[cfg(any(feature = "cloudwatch", feature = "emf"))]
        cloudwatch::open(wanted, &mut opened)?;
        #[cfg(feature = "statsd")]
        statsd::open(wanted, &mut opened)?;
        #[cfg(feature = "prometheus")]
        prometheus::open(wanted, &mut opened)?;
        #[cfg(feature = "otlp")]
        otlp::open(wanted, &mut opened)?;
        Ok(opened)
    }

    /// Adds an exporter that is to have the metrics at each interval.
    fn push_metrics(&mut self, exporter: impl PushMetricExporter, interval: Duration, exports: &Exports) {
        let reader = move |meters: MeterProviderBuilder| {
            meters.with_reader(PeriodicReader::builder(exporter).with_interval(interval).build())
        };
        self.to_meters.push(Box::new(reader));
        self.exports.push(exports.clone());
    }
}
