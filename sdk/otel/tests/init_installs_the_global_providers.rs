//! In a test binary of its own, because it changes global state of the process.

use cachescope_otel::Setup;
use opentelemetry::global;
use opentelemetry::trace::{TraceContextExt, Tracer};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SimpleSpanProcessor};

#[test]
fn init_installs_the_global_providers_and_the_propagator() {
    let (spans, metrics) = (InMemorySpanExporter::default(), InMemoryMetricExporter::default());
    let guard = Setup::from_lookup(|_| None)
        .trace_exporters([])
        .metric_exporters([])
        .span_processor(SimpleSpanProcessor::new(spans.clone()))
        .metric_reader(PeriodicReader::builder(metrics.clone()).build())
        .init()
        .unwrap();
    let mut carrier = std::collections::HashMap::new();
    global::tracer("shop").in_span("order", |cx| {
        assert!(cx.has_active_span());
        global::get_text_map_propagator(|propagator| propagator.inject_context(&cx, &mut carrier));
    });
    global::meter("shop").u64_counter("orders").build().add(1, &[]);
    // A shutdown would clear the in-memory exporter.
    guard.flush().unwrap();
    assert_eq!(spans.get_finished_spans().unwrap()[0].name, "order");
    assert_eq!(metrics.get_finished_metrics().unwrap().len(), 1);
    assert!(carrier.contains_key("traceparent"), "{carrier:?}");
}
