use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use cachescope_exporter::{BackgroundRuntime, Delivery, DropReason, ExporterStats, HealthReporter};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use super::client_settings::ClientSettings;
use super::dry_run::DryRun;
use super::sender::{Attempts, Sender};
use crate::datum::{self, Datum, Datums};
use crate::series::Collection;
use crate::settings::Settings;
use crate::{CostEstimate, Dimensions};

/// Sends metrics in PutMetricData requests. Created by
/// [`CloudWatch::metric_exporter`](crate::CloudWatch::metric_exporter).
///
/// Use it with a `PeriodicReader`, as `with_periodic_exporter` does: an export waits for CloudWatch, up to
/// `CACHESCOPE_CLOUDWATCH_TIMEOUT` (10 s by default), retries included. An export that is dropped while it waits counts the
/// metrics in flight as unconfirmed.
#[derive(Debug)]
pub struct MetricExporter {
    settings: Settings,
    dry_run: Option<DryRun>,
    sender: Sender,
    stats: ExporterStats,
    delivery: Delivery,
    health: HealthReporter,
    runtime: Arc<BackgroundRuntime>,
    is_shut_down: AtomicBool,
    warned_unrepresentable: AtomicBool,
}

impl MetricExporter {
    pub(crate) fn new(
        settings: &Settings,
        client: &ClientSettings,
        stats: &ExporterStats,
        delivery: &Delivery,
        runtime: Arc<BackgroundRuntime>,
    ) -> Self {
        Self {
            settings: settings.clone(),
            dry_run: settings.dry_run.then(DryRun::default),
            sender: Sender::new(settings, client, stats, delivery),
            stats: stats.clone(),
            delivery: delivery.clone(),
            health: HealthReporter::new(client.name(), "metrics", "metrics wait for the next interval, or are dropped"),
            runtime,
            is_shut_down: AtomicBool::new(false),
            warned_unrepresentable: AtomicBool::new(false),
        }
    }

    async fn send(&self, fresh: Vec<Datum>, deadline: Instant, attempts: Attempts) -> OTelSdkResult {
        let Some(outcome) = self.runtime.drive(self.sender.send(fresh, deadline, attempts)).await else {
            return Ok(());
        };
        self.health.record(outcome.as_ref().copied().map_err(|failure| &failure.cause as _));
        outcome.map_err(|failure| {
            let (name, cause) = (self.health.destination(), failure.cause);
            OTelSdkError::InternalFailure(format!("failed to deliver metrics to {name}: {cause}"))
        })
    }

    fn datums(&self, metrics: &ResourceMetrics) -> Datums {
        let dimensions: &Dimensions = &self.settings.dimensions;
        let datums =
            Datums::new(Collection::read(metrics, dimensions), self.settings.datum_options(), SystemTime::now());
        self.stats.dropped(DropReason::Unrepresentable, datums.unrepresentable);
        if datums.unrepresentable > 0 && !self.warned_unrepresentable.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                points = datums.unrepresentable,
                "CloudWatch can't represent some metrics (not a number, too large, more than 30 dimensions, or of another \
                 time); they are dropped, now and later",
            );
        }
        datums
    }
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        if let Some(dry_run) = &self.dry_run {
            let collection = Collection::read(metrics, &self.settings.dimensions);
            dry_run.log(CostEstimate::new(collection, self.settings.interval));
            return Ok(());
        }
        let deadline = Instant::now() + self.settings.timeout;
        let datums = self.datums(metrics).datums;
        if self.is_shut_down.load(Ordering::Relaxed) || self.delivery.is_given_up() {
            self.stats.dropped(DropReason::Shutdown, datum::points(&datums));
            self.sender.drop_queue();
            return Err(OTelSdkError::AlreadyShutdown);
        }
        self.send(datums, deadline, Attempts::UntilDeadline).await
    }

    /// Sends the metrics that wait for the next interval. Blocks up to the timeout of an export.
    fn force_flush(&self) -> OTelSdkResult {
        if self.is_shut_down.load(Ordering::Relaxed) || self.delivery.is_given_up() {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let deadline = Instant::now() + self.settings.timeout;
        pollster::block_on(self.send(Vec::new(), deadline, Attempts::UntilDeadline))
    }

    /// Tries the metrics that wait for the next interval once, within `timeout`, and counts the others as dropped. The
    /// reader may have exported nothing: it doesn't export an empty collection.
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        if self.is_shut_down.swap(true, Ordering::Relaxed) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let deadline = Instant::now() + timeout.min(self.settings.timeout);
        let outcome = pollster::block_on(self.send(Vec::new(), deadline, Attempts::Once));
        self.sender.drop_queue();
        outcome
    }

    /// Returns delta, because CloudWatch adds up the values that it gets. The SDK keeps up-down counters cumulative.
    fn temporality(&self) -> Temporality {
        Temporality::Delta
    }
}
