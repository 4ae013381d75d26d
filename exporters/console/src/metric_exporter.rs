//! The metric exporter for the SDK.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cachescope_exporter::ExporterStats;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use crate::output::Output;
use crate::series;
use crate::{Format, json, table};

/// Writes metrics. Created by [`Console::metric_exporter`](crate::Console::metric_exporter).
#[derive(Debug)]
pub struct MetricExporter {
    format: Format,
    output: Arc<Output>,
    stats: ExporterStats,
}

impl MetricExporter {
    pub(crate) fn new(format: Format, output: Arc<Output>, stats: ExporterStats) -> Self {
        Self { format, output, stats }
    }
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let (all, now) = (series::all(metrics), SystemTime::now());
        let text = match self.format {
            _ if all.is_empty() => String::new(),
            Format::Table => format!("{}\n{}\n", humantime::format_rfc3339_seconds(now), table::table(&all)),
            Format::JsonLines => json::metrics(&all, now),
        };
        self.output.write(&text, &self.stats, all.len() as u64)
    }

    /// Does nothing: no output is kept from one export to the next.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Mutex, PoisonError};

    use opentelemetry::KeyValue;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::SdkMeterProvider;

    use super::*;
    use crate::Console;

    #[derive(Clone, Default)]
    pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the output of two exports, and the number of points sent.
    fn written(format: Format) -> (String, u64) {
        let written = Written::default();
        let console = Console::new(format).writer(written.clone());
        let meters = SdkMeterProvider::builder().with_periodic_exporter(console.metric_exporter()).build();
        let meter = meters.meter("test");
        let requests = meter.u64_counter("requests").with_unit("{request}").build();
        let duration = meter.f64_histogram("duration").with_unit("s").with_boundaries(vec![0.001, 0.01]).build();
        for _ in 0..2 {
            requests.add(2, &[KeyValue::new("result", "hit\n"), KeyValue::new("n", 1)]);
            duration.record(0.002, &[]);
            drop(meters.force_flush());
        }
        (written.text(), console.metric_stats().total_sent())
    }

    #[test]
    fn table_has_a_row_for_each_series() {
        let (text, sent) = written(Format::Table);
        let last: Vec<&str> = text.trim_end().lines().rev().take(3).collect();
        let cells =
            |line: &str| line.split("  ").map(|cell| cell.trim().to_owned()).filter(|c| !c.is_empty()).collect();
        let [requests, duration, head] = [0, 1, 2].map(|index| -> Vec<String> { cells(last[index]) });
        assert_eq!(head, ["metric", "attributes", "value", "mean", "p50", "p99", "max"]);
        assert_eq!(duration, ["duration", "2", "2 ms", "2 ms", "2 ms", "2 ms"]);
        assert_eq!(requests, ["requests", "n=1 result=hit\\n", "4"]);
        assert_eq!(sent, 4);
    }

    #[test]
    fn json_has_an_object_for_each_series_at_each_export() {
        let (text, sent) = written(Format::JsonLines);
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len(), sent), (4, 4));
        assert_eq!(lines[2]["metric"], "duration");
        assert_eq!(lines[2]["count"], 2);
        assert_eq!(lines[2]["p99"], 0.002);
        assert_eq!(lines[3]["attributes"], serde_json::json!({ "n": 1, "result": "hit\n" }));
        assert_eq!((lines[1]["value"].as_u64(), lines[3]["value"].as_u64()), (Some(2), Some(4)));
    }

    #[test]
    fn failing_writer_is_an_error_and_its_points_count_as_dropped() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let console = Console::new(Format::Table).writer(Broken);
        let meters = SdkMeterProvider::builder().with_periodic_exporter(console.metric_exporter()).build();
        meters.meter("test").u64_counter("requests").build().add(1, &[]);
        meters.force_flush().unwrap_err();
        assert_eq!((console.metric_stats().total_sent(), console.metric_stats().total_dropped()), (0, 1));
    }
}
