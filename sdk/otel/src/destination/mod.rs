//! The destinations of telemetry: what each exporter adds to the providers, and what the guard keeps of the exporter.

#![cfg_attr(
    not(all(feature = "otlp", feature = "prometheus")),
    allow(dead_code, unused_mut, unused_variables, reason = "the exporters that are compiled in use different parts")
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

use cachescope_exporter::{Delivery, ExporterStats};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, PeriodicReader};
use opentelemetry_sdk::trace::TracerProviderBuilder;

pub(crate) use self::delivery::Deliveries;
#[cfg(feature = "prometheus")]
pub(crate) use self::prometheus::PrometheusEndpoint;
use crate::environment::Environment;
use crate::{Error, MetricExporter, TraceExporter};

pub(crate) type AddToTracers = Box<dyn FnOnce(TracerProviderBuilder) -> TracerProviderBuilder + Send>;
pub(crate) type AddToMeters = Box<dyn FnOnce(MeterProviderBuilder) -> MeterProviderBuilder + Send>;

/// The selected exporters and their common settings, validated except for the exporters' own variables.
pub(crate) struct Selection<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) traces: &'a [TraceExporter],
    pub(crate) metrics: &'a [MetricExporter],
    pub(crate) interval: Duration,
    /// Whether the Prometheus exporter has a server.
    #[cfg(feature = "prometheus")]
    pub(crate) serve: bool,
}

/// The exporters, built but not yet added to the providers. Readers start threads, so they are added only when nothing
/// can fail any more.
#[derive(Default)]
pub(crate) struct Destinations {
    pub(crate) to_tracers: Vec<AddToTracers>,
    pub(crate) to_meters: Vec<AddToMeters>,
    /// The counts of what each exporter sent and dropped.
    pub(crate) stats: Vec<ExporterStats>,
    /// Deliveries that are sped up, or given up, when the program ends.
    pub(crate) deliveries: Vec<Delivery>,
    /// Whether histograms without a view of their own become exponential.
    pub(crate) exponential: bool,
    #[cfg(feature = "prometheus")]
    pub(crate) prometheus: Option<PrometheusEndpoint>,
}

impl Destinations {
    /// Builds the selected exporters. Connects to nothing; the Prometheus server starts to listen.
    pub(crate) fn open(selection: &Selection<'_>) -> Result<Self, Error> {
        let mut opened = Self::default();
        #[cfg(feature = "console")]
        console::open(selection, &mut opened)?;
        #[cfg(any(feature = "cloudwatch", feature = "emf"))]
        cloudwatch::open(selection, &mut opened)?;
        #[cfg(feature = "statsd")]
        statsd::open(selection, &mut opened)?;
        #[cfg(feature = "prometheus")]
        prometheus::open(selection, &mut opened)?;
        #[cfg(feature = "otlp")]
        otlp::open(selection, &mut opened)?;
        Ok(opened)
    }

    /// Adds an exporter that receives the metrics at each interval.
    fn push_metrics(&mut self, exporter: impl PushMetricExporter, interval: Duration, stats: &ExporterStats) {
        let reader = move |meters: MeterProviderBuilder| {
            meters.with_reader(PeriodicReader::builder(exporter).with_interval(interval).build())
        };
        self.to_meters.push(Box::new(reader));
        self.stats.push(stats.clone());
    }
}
