//! Telemetry to send, and its decoding.

use opentelemetry::metrics::{Counter, MeterProvider};
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use prost::Message;

/// Returns `count` ended spans.
pub(crate) fn spans(count: usize) -> Vec<SpanData> {
    let seen = InMemorySpanExporter::default();
    let tracers = SdkTracerProvider::builder().with_simple_exporter(seen.clone()).build();
    let tracer = tracers.tracer("test");
    (0..count).for_each(|number| drop(tracer.start(number.to_string())));
    seen.get_finished_spans().unwrap()
}

/// Returns a counter whose reader exports only when it is flushed.
pub(crate) fn counter(exporter: cachescope_otlp::MetricExporter) -> (SdkMeterProvider, Counter<u64>) {
    let reader = PeriodicReader::builder(exporter).with_interval(std::time::Duration::from_secs(3600)).build();
    let meters = SdkMeterProvider::builder().with_reader(reader).build();
    let counter = meters.meter("test").u64_counter("requests").build();
    (meters, counter)
}

/// Returns the values of all data points of sums in a request.
pub(crate) fn sums(body: &[u8]) -> Vec<i64> {
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let data = scopes.flat_map(|scope| &scope.metrics).filter_map(|metric| metric.data.as_ref());
    let sums = data.filter_map(|data| if let Data::Sum(sum) = data { Some(sum) } else { None });
    sums.flat_map(|sum| &sum.data_points)
        .map(|point| match point.value {
            Some(Value::AsInt(value)) => value,
            _ => panic!("{point:?}"),
        })
        .collect()
}
