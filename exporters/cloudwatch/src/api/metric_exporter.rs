use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use cachescope_core::{DropReason, Exports};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use super::access::Access;
use super::delivery::Delivery;
use super::driver::Driver;
use super::dry_run::DryRun;
use super::health::Health;
use super::sender::{Patience, Sender};
use crate::datum::{self, Datum, Datums};
use crate::series::Collection;
use crate::settings::Settings;
use crate::{Cost, Dimensions};

/// Sends metrics by PutMetricData; made by [`CloudWatch::metric_exporter`](crate::CloudWatch::metric_exporter).
///
/// Hand it to a `PeriodicReader`, as `with_periodic_exporter` does: an export waits for CloudWatch, up to
/// `CACHESCOPE_CLOUDWATCH_TIMEOUT` (10 s unless set), retries included. Dropped while it waits, it counts what was on the
/// wire as unconfirmed.
#[derive(Debug)]
pub struct MetricExporter {
    settings: Settings,
    dry_run: Option<DryRun>,
    sender: Sender,
    exports: Exports,
    delivery: Delivery,
    health: Health,
    driver: Arc<Driver>,
    is_shut_down: AtomicBool,
    said_unrepresentable: AtomicBool,
}

impl MetricExporter {
    pub(crate) fn new(
        settings: &Settings,
        access: &Access,
        exports: &Exports,
        delivery: &Delivery,
        driver: Arc<Driver>,
    ) -> Self {
        Self {
            settings: settings.clone(),
            dry_run: settings.dry_run.then(DryRun::default),
            sender: Sender::new(settings, access, exports, delivery),
            exports: exports.clone(),
            delivery: delivery.clone(),
            health: Health::new(access.name()),
            driver,
            is_shut_down: AtomicBool::new(false),
            said_unrepresentable: AtomicBool::new(false),
        }
    }

    async fn send(&self, fresh: Vec<Datum>, until: Instant, patience: Patience) -> OTelSdkResult {
        let Some(outcome) = self.driver.drive(self.sender.send(fresh, until, patience)).await else { return Ok(()) };
        self.health.record(outcome.as_ref().copied());
        outcome.map_err(|failure| {
            let (name, cause) = (self.health.name(), failure.cause);
            OTelSdkError::InternalFailure(format!("can't deliver all metrics to {name}: {cause}"))
        })
    }

    fn datums(&self, metrics: &ResourceMetrics) -> Datums {
        let dimensions: &Dimensions = &self.settings.dimensions;
        let datums = Datums::of(Collection::read(metrics, dimensions), self.settings.wording(), SystemTime::now());
        self.exports.dropped(DropReason::Unrepresentable, datums.unrepresentable);
        if datums.unrepresentable > 0 && !self.said_unrepresentable.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                points = datums.unrepresentable,
                "some metrics can't be said to CloudWatch and are dropped, now and later: not a number, too large, more \
                 than 30 dimensions, or of another time",
            );
        }
        datums
    }
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        if let Some(dry_run) = &self.dry_run {
            let collection = Collection::read(metrics, &self.settings.dimensions);
            dry_run.tell(Cost::of(collection, self.settings.interval));
            return Ok(());
        }
        let until = Instant::now() + self.settings.timeout;
        let datums = self.datums(metrics).datums;
        if self.is_shut_down.load(Ordering::Relaxed) || self.delivery.is_given_up() {
            self.exports.dropped(DropReason::Shutdown, datum::points(&datums));
            self.sender.forget();
            return Err(OTelSdkError::AlreadyShutdown);
        }
        self.send(datums, until, Patience::UntilTimeIsUp).await
    }

    /// Sends what waits for the next interval, if anything does, and blocks for as long as an export may take.
    fn force_flush(&self) -> OTelSdkResult {
        if self.is_shut_down.load(Ordering::Relaxed) || self.delivery.is_given_up() {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let until = Instant::now() + self.settings.timeout;
        pollster::block_on(self.send(Vec::new(), until, Patience::UntilTimeIsUp))
    }

    /// Tries what waits for the next interval once more, within `timeout`, and counts what is left as dropped. A reader
    /// whose last collection is empty exports nothing.
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        if self.is_shut_down.swap(true, Ordering::Relaxed) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let until = Instant::now() + timeout.min(self.settings.timeout);
        let outcome = pollster::block_on(self.send(Vec::new(), until, Patience::Once));
        self.sender.forget();
        outcome
    }

    /// Delta: CloudWatch adds up what it gets. Up-down counters stay totals, as the SDK has it.
    fn temporality(&self) -> Temporality {
        Temporality::Delta
    }
}
