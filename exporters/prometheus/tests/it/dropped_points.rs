use cachescope_exporter::DropReason;
use cachescope_prometheus::{Exporter, Metrics};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::text::provider;

fn counted(metrics: &Metrics) -> (u64, u64) {
    let stats = metrics.stats();
    assert_eq!(stats.total_dropped(), stats.total_dropped_for(DropReason::Unrepresentable));
    (stats.total_sent(), stats.total_dropped())
}

#[test]
fn second_type_of_a_name_is_dropped_and_counted() {
    let (provider, metrics) = provider();
    provider.meter("b").u64_counter("jobs").build().add(1, &[]);
    let level = provider.meter("a").i64_up_down_counter("jobs_total").build();
    level.add(2, &[]);
    level.add(3, &[KeyValue::new("kind", "x")]);
    let text = metrics.encode().unwrap();
    assert!(text.contains("# TYPE jobs_total gauge") && text.contains("jobs_total{otel_scope_name=\"a\"} 2"), "{text}");
    assert!(!text.contains("otel_scope_name=\"b\""), "{text}");
    assert_eq!(counted(&metrics), (2, 1));
    assert_eq!(metrics.encode().unwrap(), text, "the choice must be the same at every scrape");
    assert_eq!(counted(&metrics), (4, 2));
}

#[test]
fn metric_is_dropped_when_another_family_has_its_series() {
    let (provider, metrics) = provider();
    let meter = provider.meter("shop");
    meter.f64_histogram("wait").build().record(1.0, &[]);
    meter.i64_up_down_counter("wait.count").build().add(1, &[]);
    meter.f64_gauge("target.info").build().record(1.0, &[]);
    let text = metrics.encode().unwrap();
    for once in ["wait_count{", "target_info{"] {
        assert_eq!(text.matches(once).count(), 1, "{once} in\n{text}");
    }
    assert_eq!(counted(&metrics), (1, 2));
}

#[test]
fn second_point_with_equal_labels_is_dropped() {
    let (reader, metrics) = Exporter::new().scope_labels(false).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    for scope in ["a", "b"] {
        provider.meter(scope).u64_counter("jobs").build().add(1, &[]);
    }
    let counter = provider.meter("c").u64_counter("orders").build();
    counter.add(1, &[KeyValue::new("a.b", "x")]);
    counter.add(1, &[KeyValue::new("a_b", "x")]);
    counter.add(1, &[KeyValue::new("a_b", "y")]);
    counter.add(1, &[KeyValue::new("a_b", "y"), KeyValue::new("none", "")]);
    let text = metrics.encode().unwrap();
    for series in ["\njobs_total 1\n", "\norders_total{a_b=\"x\"} 1\n", "\norders_total{a_b=\"y\"} 1\n"] {
        assert_eq!(text.matches(series).count(), 1, "{series:?} in\n{text}");
    }
    assert_eq!(counted(&metrics), (3, 3));
}

#[test]
fn metric_without_points_has_no_family() {
    let (provider, metrics) = provider();
    let _histogram = provider.meter("shop").f64_histogram("wait").build();
    let text = metrics.encode().unwrap();
    assert!(!text.contains("wait") && text.contains("target_info"), "{text}");
}
