use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use cachescope_core::{DropReason, ExportedItem, Exports};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use super::line::Lines;
use crate::datum::Datums;
use crate::series::Collection;
use crate::settings::Settings;

/// Writes metrics as lines in the Embedded Metric Format; made by
/// [`CloudWatch::emf_exporter`](crate::CloudWatch::emf_exporter).
///
/// Whoever takes the lines to CloudWatch Logs (Lambda, the CloudWatch agent, a container's log driver) has them become
/// metrics there. An export writes on the thread that exports, and returns when the writer has flushed. A writer that
/// fails loses the rest of the interval; the line it failed in is counted as unconfirmed, and so are those before it if
/// the writer can't flush them either. After a failure a line break comes first, lest a line continue the torn one.
///
/// `CACHESCOPE_CLOUDWATCH_DRY_RUN` is none of its business: lines are written all the same.
///
/// ```
/// use opentelemetry::metrics::MeterProvider;
/// use opentelemetry_sdk::metrics::SdkMeterProvider;
///
/// let cloudwatch = cachescope_cloudwatch::CloudWatch::from_lookup(&|_| None)?;
/// let exporter = cloudwatch.emf_exporter(std::io::stdout());
/// let exports = exporter.exports().clone();
/// let meters = SdkMeterProvider::builder().with_periodic_exporter(exporter).build();
/// meters.meter("shop").u64_counter("hits").build().add(1, &[]);
/// meters.shutdown()?; // {"_aws":{"CloudWatchMetrics":[{"Dimensions":[["service.name"]], …
/// assert_eq!(exports.total_sent(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EmfExporter<W> {
    settings: Settings,
    output: Mutex<Output<W>>,
    exports: Exports,
    is_lost: AtomicBool,
    is_shut_down: AtomicBool,
}

impl<W: Write + Send + 'static> EmfExporter<W> {
    pub(crate) fn new(settings: &Settings, writer: W) -> Self {
        Self {
            settings: settings.clone(),
            output: Mutex::new(Output { writer, is_torn: false }),
            exports: Exports::new("cloudwatch_emf_metric_exporter", ExportedItem::DataPoint),
            is_lost: AtomicBool::new(false),
            is_shut_down: AtomicBool::new(false),
        }
    }

    /// What it wrote and dropped.
    pub fn exports(&self) -> &Exports {
        &self.exports
    }

    fn write(&self, lines: &Lines) -> std::io::Result<()> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = lines.lines.iter();
        let mut written = 0;
        let mut outcome = Ok(());
        if !lines.lines.is_empty() {
            outcome = output.mend();
        }
        if outcome.is_ok() {
            for line in left.by_ref() {
                outcome = output.writer.write_all(line.text.as_bytes());
                if outcome.is_err() {
                    self.exports.dropped(DropReason::Unconfirmed, line.points);
                    break;
                }
                written += line.points;
            }
        }
        self.exports.dropped(DropReason::Unreachable, left.map(|line| line.points).sum());
        // A writer with a buffer may hold lines yet.
        let flushed = output.writer.flush();
        match &flushed {
            Ok(()) => self.exports.sent(written),
            Err(_) => self.exports.dropped(DropReason::Unconfirmed, written),
        }
        let outcome = outcome.and(flushed);
        output.is_torn |= outcome.is_err();
        outcome
    }
}

struct Output<W> {
    writer: W,
    /// Whether it may end within a line.
    is_torn: bool,
}

impl<W: Write> Output<W> {
    /// Ends a line that was begun.
    fn mend(&mut self) -> std::io::Result<()> {
        if self.is_torn {
            self.writer.write_all(b"\n")?;
            self.is_torn = false;
        }
        Ok(())
    }
}

impl<W: Write + Send + 'static> PushMetricExporter for EmfExporter<W> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let collection = Collection::read(metrics, &self.settings.dimensions);
        let datums = Datums::of(collection, self.settings.emf_wording(), SystemTime::now());
        let lines = Lines::of(datums.datums, &self.settings.namespace, self.settings.resolution);
        self.exports.dropped(DropReason::Unrepresentable, datums.unrepresentable + lines.unrepresentable);
        if self.is_shut_down.load(Ordering::Relaxed) {
            self.exports.dropped(DropReason::Shutdown, lines.lines.iter().map(|line| line.points).sum());
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let outcome = self.write(&lines);
        match (self.is_lost.swap(outcome.is_err(), Ordering::Relaxed), &outcome) {
            (false, Err(error)) => tracing::warn!(
                cause = %error,
                "can't write metrics in CloudWatch's format: {error}; the program goes on, they are dropped",
            ),
            (true, Ok(())) => tracing::info!("metrics in CloudWatch's format are written again"),
            _ => {}
        }
        outcome.map_err(|error| OTelSdkError::InternalFailure(format!("can't write metrics: {error}")))
    }

    /// Does nothing: an export has flushed when it returns.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        if self.is_shut_down.swap(true, Ordering::Relaxed) { Err(OTelSdkError::AlreadyShutdown) } else { Ok(()) }
    }

    /// Delta: CloudWatch adds up what it gets.
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

    /// Takes so many lines.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or_else(|| Error::other("no room"))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_writer_that_fails_loses_the_rest_and_it_is_counted() {
        let exporter = CloudWatch::from_lookup(&|_| None).unwrap().emf_exporter(Full(2));
        let exports = exporter.exports().clone();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(exporter).build();
        let counter = meters.meter("test").u64_counter("requests").build();
        (0..5).for_each(|at| counter.add(1, &[KeyValue::new("at", at)]));
        meters.force_flush().unwrap_err();
        let dropped = |reason| exports.total_dropped_for(reason);
        assert_eq!((exports.total_sent(), dropped(DropReason::Unconfirmed)), (2, 1));
        assert_eq!((dropped(DropReason::Unreachable), exports.total_dropped()), (2, 3));
    }

    /// Takes so many bytes, and shows them.
    #[derive(Clone, Default)]
    struct Short(Arc<Mutex<(usize, Vec<u8>)>>);

    impl Write for Short {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            let mut short = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = short.0.min(bytes.len());
            if taken == 0 {
                return Err(Error::other("no room"));
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
    fn a_torn_line_is_ended_before_the_next() {
        let short = Short::default();
        short.0.lock().unwrap().0 = 10;
        let exporter = CloudWatch::from_lookup(&|_| None).unwrap().emf_exporter(short.clone());
        let exports = exporter.exports().clone();
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
        assert_eq!((exports.total_sent(), exports.total_dropped_for(DropReason::Unconfirmed)), (1, 1));
    }

    #[test]
    fn what_a_buffer_holds_is_not_sent() {
        // Room for a line and not for five.
        let writer = BufWriter::with_capacity(600, Short::default());
        let exporter = CloudWatch::from_lookup(&|_| None).unwrap().emf_exporter(writer);
        let exports = exporter.exports().clone();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(exporter).build();
        let counter = meters.meter("test").u64_counter("requests").build();
        (0..5).for_each(|at| counter.add(1, &[KeyValue::new("at", at)]));
        meters.force_flush().unwrap_err();
        let dropped = |reason| exports.total_dropped_for(reason);
        assert_eq!((exports.total_sent(), exports.total_dropped()), (0, 5));
        assert!(dropped(DropReason::Unconfirmed) > 1 && dropped(DropReason::Unreachable) > 0, "{exports:?}");
    }
}
