//! A client that was created and used before the SDK was set up reports to the SDK from then on.
//!
//! In its own test binary, because it sets the global providers of the process.

use cachescope_telemetry::db_client::{Client, PoolLevels, System};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

/// Sets a meter provider, and returns a function that reads the value of a metric.
fn set_meters() -> impl Fn(&str) -> Option<i64> {
    let exporter = InMemoryMetricExporter::default();
    let meters = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
    opentelemetry::global::set_meter_provider(meters.clone());
    move |name| {
        exporter.reset();
        meters.force_flush().expect("collected");
        let collected = exporter.get_finished_metrics().expect("exported");
        let metrics = collected.last()?.scope_metrics().flat_map(|scope| scope.metrics());
        let found = metrics.filter(|metric| metric.name() == name).map(|metric| match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(of)) => of.data_points().map(|p| p.count() as i64).sum(),
            AggregatedMetrics::U64(MetricData::Sum(of)) => of.data_points().map(|p| p.value() as i64).sum(),
            AggregatedMetrics::I64(MetricData::Sum(of)) => of.data_points().map(|p| p.value()).sum(),
            other => panic!("{name}: {other:?}"),
        });
        found.reduce(|one, other| one + other)
    }
}

#[test]
fn client_created_before_the_sdk_reports_to_it() {
    let client = Client::new(System::Redis);
    let pool = client.pool("sessions");
    let _registration = pool.observe(|| Some(PoolLevels { idle: 2, used: 1, ..PoolLevels::default() }));
    let early = client.operation("GET").start();
    client.operation("GET").start().end(Ok(()));
    let (first, second) = (pool.wait_started(), pool.wait_started());
    pool.timed_out();

    let spans = InMemorySpanExporter::default();
    let traces = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    opentelemetry::global::set_tracer_provider(traces);
    let value = set_meters();
    early.end(Ok(()));
    client.operation("SET").start().end(Ok(()));
    first.obtained();

    // Observed values include earlier events. Timings and spans start with the provider.
    assert_eq!(value("db.client.operation.duration"), Some(2));
    assert_eq!(value("db.client.connection.wait_time"), Some(1));
    assert_eq!(value("db.client.connection.pending_requests"), Some(1));
    assert_eq!(value("db.client.connection.timeouts"), Some(1));
    assert_eq!(value("db.client.connection.count"), Some(3));
    let names: Vec<_> = spans.get_finished_spans().unwrap().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["SET"]);

    // A second provider replaces the first.
    let next = set_meters();
    second.timed_out();
    client.operation("DEL").start().end(Ok(()));
    assert_eq!(next("db.client.operation.duration"), Some(1));
    assert_eq!(next("db.client.connection.timeouts"), Some(2));
    assert_eq!(next("db.client.connection.pending_requests"), Some(0), "never negative");
}
