use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use cachescope_exporter::{DropReason, ExportedItem, ExporterStats, HealthReporter};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use super::line::Lines;
use crate::datum::Datums;
use crate::series::Collection;
use crate::settings::Settings;

/// Writes metrics as lines in the Embedded Metric Format. Created by
/// [`CloudWatch::emf_exporter`](crate::CloudWatch::emf_exporter).
///
/// CloudWatch Logs turns the lines into metrics. Lambda, the CloudWatch agent or a container's log driver sends them there.
///
/// An export writes on the thread that exports, and returns when the writer has flushed. If a write fails, the other lines
/// of the interval are dropped. The line whose write failed is counted as unconfirmed, and so are the lines before it if
/// the writer can't flush them. The next export begins with a line break, so that no line continues an incomplete one.
///
/// `CACHESCOPE_CLOUDWATCH_DRY_RUN` has no effect: lines are written all the same.
///
/// ```
/// use opentelemetry::metrics::MeterProvider;
/// use opentelemetry_sdk::metrics::SdkMeterProvider;
///
/// let cloudwatch = cachescope_cloudwatch::CloudWatch::from_lookup(&|_| None)?;
/// let exporter = cloudwatch.emf_exporter(std::io::stdout());
/// let stats = exporter.stats().clone();
/// let meters = SdkMeterProvider::builder().with_periodic_exporter(exporter).build();
/// meters.meter("shop").u64_counter("hits").build().add(1, &[]);
/// meters.shutdown()?; // {"_aws":{"CloudWatchMetrics":[{"Dimensions":[["service.name"]], …
/// assert_eq!(stats.total_sent(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EmfExporter<W> {
    settings: Settings,
    output: Mutex<Output<W>>,
    stats: ExporterStats,
    health: HealthReporter,
    is_shut_down: AtomicBool,
}

impl<W: Write + Send + 'static> EmfExporter<W> {
    pub(crate) fn new(settings: &Settings, writer: W) -> Self {
        Self {
            settings: settings.clone(),
            output: Mutex::new(Output { writer, is_incomplete: false }),
            stats: ExporterStats::new("cloudwatch_emf_metric_exporter", ExportedItem::DataPoint),
            health: HealthReporter::new(
                "the writer of the Embedded Metric Format",
                "metrics",
                "metrics are dropped until a write succeeds",
            ),
            is_shut_down: AtomicBool::new(false),
        }
    }

    /// Returns the counts of data points that were written and dropped.
    #[must_use]
    pub fn stats(&self) -> &ExporterStats {
        &self.stats
    }

    fn write(&self, lines: &Lines) -> std::io::Result<()> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = lines.lines.iter();
        let mut written = 0;
        let mut outcome = Ok(());
        if !lines.lines.is_empty() {
            outcome = output.end_line();
        }
        if outcome.is_ok() {
            for line in left.by_ref() {
                outcome = output.writer.write_all(line.text.as_bytes());
                if outcome.is_err() {
                    self.stats.dropped(DropReason::Unconfirmed, line.points);
                    break;
                }
                written += line.points;
            }
        }
        self.stats.dropped(DropReason::Unreachable, left.map(|line| line.points).sum());
        // A writer with a buffer may still hold lines.
        let flushed = output.writer.flush();
        match &flushed {
            Ok(()) => self.stats.sent(written),
            Err(_) => self.stats.dropped(DropReason::Unconfirmed, written),
        }
        let outcome = outcome.and(flushed);
        output.is_incomplete |= outcome.is_err();
        outcome
    }
}

struct Output<W> {
    writer: W,
    /// Whether the last line may be incomplete.
    is_incomplete: bool,
}

impl<W: Write> Output<W> {
    /// Ends the last line if it may be incomplete.
    fn end_line(&mut self) -> std::io::Result<()> {
        if self.is_incomplete {
            self.writer.write_all(b"\n")?;
            self.is_incomplete = false;
        }
        Ok(())
    }
}

impl<W: Write + Send + 'static> PushMetricExporter for EmfExporter<W> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let collection = Collection::read(metrics, &self.settings.dimensions);
        let datums = Datums::new(collection, self.settings.emf_datum_options(), SystemTime::now());
        let lines = Lines::new(datums.datums, &self.settings.namespace, self.settings.resolution);
        self.stats.dropped(DropReason::Unrepresentable, datums.unrepresentable + lines.unrepresentable);
        if self.is_shut_down.load(Ordering::Relaxed) {
            self.stats.dropped(DropReason::Shutdown, lines.lines.iter().map(|line| line.points).sum());
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let outcome = self.write(&lines);
        self.health.record(outcome.as_ref().copied().map_err(|error| error as _));
        outcome.map_err(|error| OTelSdkError::InternalFailure(format!("failed to write metrics: {error}")))
    }

    /// Does nothing, because every export flushes the writer.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        if self.is_shut_down.swap(true, Ordering::Relaxed) { Err(OTelSdkError::AlreadyShutdown) } else { Ok(()) }
    }

    /// Returns delta, because CloudWatch adds up the values that it gets.
    fn temporality(&self) -> Temporality {
        Temporality::Delta
    }
}

impl<W> fmt::Debug for EmfExporter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmfExporter").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufWriter, Error, Result};
    use std::sync::Arc;

    use opentelemetry::KeyValue;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::SdkMeterProvider;

    use super::*;
    use crate::CloudWatch;

    /// A writer that accepts a number of lines.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or_else(|| Error::other("full"))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn failed_write_drops_and_counts_the_other_lines() {
        let exporter = CloudWatch::from_lookup(&|_| None).unwrap().emf_exporter(Full(2));
        let stats = exporter.stats().clone();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(exporter).build();
        let counter = meters.meter("test").u64_counter("requests").build();
        (0..5).for_each(|at| counter.add(1, &[KeyValue::new("at", at)]));
        meters.force_flush().unwrap_err();
        let dropped = |reason| stats.total_dropped_for(reason);
        assert_eq!((stats.total_sent(), dropped(DropReason::Unconfirmed)), (2, 1));
        assert_eq!((dropped(DropReason::Unreachable), stats.total_dropped()), (2, 3));
    }

    /// A writer that accepts a number of bytes, and keeps them.
    #[derive(Clone, Default)]
    struct Short(Arc<Mutex<(usize, Vec<u8>)>>);

    impl Write for Short {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            let mut short = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = short.0.min(bytes.len());
            if taken == 0 {
                return Err(Error::other("full"));
            }
            short.0 -= taken;
            short.1.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn incomplete_line_is_ended_before_the_next_one() {
        let short = Short::default();
        short.0.lock().unwrap().0 = 10;
        let exporter = CloudWatch::from_lookup(&|_| None).unwrap().emf_exporter(short.clone());
        let stats = exporter.stats().clone();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(exporter).build();
        let counter = meters.meter("test").u64_counter("requests").build();
        counter.add(1, &[]);
        meters.force_flush().unwrap_err();
        short.0.lock().unwrap().0 = usize::MAX;
        counter.add(1, &[]);
        meters.force_flush().unwrap();
        let text = String::from_utf8(short.0.lock().unwrap().1.clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0].len()), (2, 10), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(lines[1]).is_ok(), "{text}");
        assert_eq!((stats.total_sent(), stats.total_dropped_for(DropReason::Unconfirmed)), (1, 1));
    }

    #[test]
    fn lines_in_a_buffer_are_not_counted_as_sent() {
        // The capacity suffices for one line, and not for five.
        let writer = BufWriter::with_capacity(600, Short::default());
        let exporter = CloudWatch::from_lookup(&|_| None).unwrap().emf_exporter(writer);
        let stats = exporter.stats().clone();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(exporter).build();
        let counter = meters.meter("test").u64_counter("requests").build();
        (0..5).for_each(|at| counter.add(1, &[KeyValue::new("at", at)]));
        meters.force_flush().unwrap_err();
        let dropped = |reason| stats.total_dropped_for(reason);
        assert_eq!((stats.total_sent(), stats.total_dropped()), (0, 5));
        assert!(dropped(DropReason::Unconfirmed) > 1 && dropped(DropReason::Unreachable) > 0, "{stats:?}");
    }
}
