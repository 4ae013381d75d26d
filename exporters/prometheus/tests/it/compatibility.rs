//! Where `opentelemetry-prometheus` is right, this exporter's output equals its output.

use std::collections::BTreeSet;

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;

fn record(meter: &Meter) {
    let odd = Value::Array(Array::String(vec!["p".into(), "q\"".into()]));
    let sets = [
        vec![],
        vec![KeyValue::new("b.c", 2), KeyValue::new("a", "x\"y\\z\nä"), KeyValue::new("flag", true)],
        vec![
            KeyValue::new("odd", odd),
            KeyValue::new("share", 0.5),
            KeyValue::new("a.b", "1"),
            KeyValue::new("a_b", 2),
        ],
    ];
    let counter =
        meter.u64_counter("requests").with_unit("{request}").with_description("How \\ many\nand \"why\"").build();
    let time = meter.f64_counter("saved.time").with_unit("s").build();
    let level = meter.i64_up_down_counter("load.active").with_unit("{load}").build();
    let size = meter.f64_gauge("size").with_unit("By").build();
    let rate = meter.f64_gauge("rate").with_unit("By/s").build();
    let share = meter.f64_gauge("share").with_unit("1").build();
    let duration = meter.f64_histogram("duration").with_unit("s").with_boundaries(vec![0.005, 1.0, 2.5, 1e3]).build();
    let lengths = meter.u64_histogram("length").with_unit("{byte}").build();
    for set in &sets {
        counter.add(3, set);
        time.add(1.25, set);
        level.add(-2, set);
        size.record(12.0, set);
        rate.record(f64::INFINITY, set);
        share.record(f64::NAN, set);
        [0.001, 1.0, 2.0, 99999.0].iter().for_each(|value| duration.record(*value, set));
        lengths.record(7, set);
    }
}

#[test]
fn output_equals_opentelemetry_prometheus_for_ordinary_instruments() {
    let registry = prometheus::Registry::new();
    let theirs = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build().unwrap();
    let (reader, metrics) = cachescope_prometheus::exporter().unwrap();
    let resource = Resource::builder().with_service_name("shop").with_attribute(KeyValue::new("a.b", "c")).build();
    let provider = SdkMeterProvider::builder().with_reader(theirs).with_reader(reader).with_resource(resource).build();
    let versioned = InstrumentationScope::builder("library").with_version("1.2").with_schema_url("https://s/1").build();
    record(&provider.meter("shop"));
    record(&provider.meter_with_scope(versioned));

    let theirs = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    let ours = metrics.encode().unwrap();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (theirs, ours) = (lines(&theirs), lines(&ours));
    assert!(theirs.len() > 100, "{}", theirs.len());
    assert_eq!(ours.symmetric_difference(&theirs).collect::<Vec<_>>(), Vec::<&String>::new());
}
