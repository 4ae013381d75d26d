//! Log events of the exporter.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex, PoisonError};

use cachescope_statsd::{Address, StatsD};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{InMemoryMetricExporterBuilder, SdkMeterProvider, Temporality};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log).lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn loss_and_recovery_are_logged_once() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statsd.sock");
    let statsd = StatsD::new(Address::Unix(path.clone()));
    let exporter = statsd.metric_exporter().unwrap();
    // On this thread, because the subscriber is set for this thread.
    let points = one_point();
    assert_eq!(points.len(), 1);
    let export = || futures_executor::block_on(exporter.export(&points[0]));
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..3 {
            let text = export().unwrap_err().to_string();
            assert!(text.contains("statsd.sock") && text.contains("unreachable"), "{text}");
        }
        let lost = log.lines();
        assert_eq!(lost.len(), 1, "{lost:?}");
        assert!(lost[0].contains("WARN") && lost[0].contains("statsd.sock"), "{lost:?}");
        let server = UnixDatagram::bind(&path).unwrap();
        (0..3).for_each(|_| export().unwrap());
        let found = log.lines();
        assert!(found.len() == 2 && found[1].contains("INFO") && found[1].contains("again"), "{found:?}");
        drop(server);
        for _ in 0..3 {
            export().unwrap_err();
        }
        assert_eq!(log.lines().len(), 3);
    });
}

/// Returns one data point of a counter.
fn one_point() -> Vec<ResourceMetrics> {
    let seen = InMemoryMetricExporterBuilder::new().with_temporality(Temporality::Delta).build();
    let meters = SdkMeterProvider::builder().with_periodic_exporter(seen.clone()).build();
    meters.meter("test").u64_counter("requests").build().add(1, &[]);
    drop(meters.force_flush());
    seen.get_finished_metrics().unwrap_or_default()
}
