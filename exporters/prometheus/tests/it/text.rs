use cachescope_prometheus::{Metrics, exporter};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;

pub(crate) fn provider() -> (SdkMeterProvider, Metrics) {
    let (reader, metrics) = exporter().unwrap();
    let resource = Resource::builder().with_service_name("shop").build();
    (SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build(), metrics)
}

#[test]
fn metric_names_follow_prometheus_conventions() {
    let (provider, metrics) = provider();
    let meter = provider.meter("cachescope");
    let cache = [KeyValue::new("cachescope.cache.name", "user.by_id")];
    meter.u64_counter("cachescope.requests").with_unit("{request}").build().add(3, &cache);
    meter.f64_counter("cachescope.saved.time").with_unit("s").build().add(1.5, &cache);
    meter
        .f64_histogram("cachescope.request.duration")
        .with_unit("s")
        .with_boundaries(vec![0.001, 1.0])
        .build()
        .record(0.5, &cache);
    meter.u64_histogram("cachescope.entry.size").with_unit("By").build().record(10, &cache);
    meter.i64_up_down_counter("cachescope.load.active").with_unit("{load}").build().add(2, &cache);
    meter.i64_up_down_counter("cachescope.size.usage").with_unit("By").build().add(7, &cache);
    meter.f64_gauge("cachescope.wait.longest").with_unit("s").build().record(0.25, &cache);

    let text = metrics.encode().unwrap();
    let label = "cachescope_cache_name=\"user.by_id\",otel_scope_name=\"cachescope\"";
    for line in [
        "# TYPE cachescope_requests_total counter".to_owned(),
        format!("cachescope_requests_total{{{label}}} 3"),
        "# TYPE cachescope_saved_time_seconds_total counter".to_owned(),
        format!("cachescope_saved_time_seconds_total{{{label}}} 1.5"),
        "# TYPE cachescope_request_duration_seconds histogram".to_owned(),
        format!("cachescope_request_duration_seconds_bucket{{{label},le=\"0.001\"}} 0"),
        format!("cachescope_request_duration_seconds_bucket{{{label},le=\"1\"}} 1"),
        format!("cachescope_request_duration_seconds_bucket{{{label},le=\"+Inf\"}} 1"),
        format!("cachescope_request_duration_seconds_sum{{{label}}} 0.5"),
        format!("cachescope_request_duration_seconds_count{{{label}}} 1"),
        "# TYPE cachescope_entry_size_bytes histogram".to_owned(),
        "# TYPE cachescope_load_active gauge".to_owned(),
        format!("cachescope_load_active{{{label}}} 2"),
        "# TYPE cachescope_size_usage_bytes gauge".to_owned(),
        format!("cachescope_size_usage_bytes{{{label}}} 7"),
        format!("cachescope_wait_longest_seconds{{{label}}} 0.25"),
    ] {
        assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
    }
    let info = text.lines().find(|l| l.starts_with("target_info{")).unwrap();
    assert!(info.contains("service_name=\"shop\""), "{info}");
    for doubled in ["seconds_seconds", "bytes_bytes", "total_total", "_ratio", "request_total"] {
        assert!(!text.contains(doubled), "{doubled} in\n{text}");
    }
}

#[test]
fn suffix_that_the_name_has_is_not_appended_again() {
    let (provider, metrics) = provider();
    let meter = provider.meter("shop");
    meter.f64_histogram("x.seconds").with_unit("s").with_boundaries(vec![1.0]).build().record(0.5, &[]);
    meter.u64_counter("sent_bytes_total").with_unit("By").build().add(1, &[]);
    meter.u64_counter("tries").with_unit("1").build().add(2, &[]);
    meter.i64_up_down_counter("jobs").with_unit("1").build().add(3, &[]);
    meter.f64_gauge("memory.use").with_unit("1").build().record(0.5, &[]);
    meter.f64_gauge("disk.ratio").with_unit("1").build().record(0.25, &[]);
    let text = metrics.encode().unwrap();
    for line in [
        "# TYPE x_seconds histogram",
        "x_seconds_count{otel_scope_name=\"shop\"} 1",
        "sent_bytes_total{otel_scope_name=\"shop\"} 1",
        "tries_total{otel_scope_name=\"shop\"} 2",
        "jobs{otel_scope_name=\"shop\"} 3",
        "memory_use_ratio{otel_scope_name=\"shop\"} 0.5",
        "disk_ratio{otel_scope_name=\"shop\"} 0.25",
    ] {
        assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
    }
}

#[test]
fn integers_above_the_precision_of_floats_stay_exact() {
    let (provider, metrics) = provider();
    let counter = provider.meter("shop").u64_counter("grains").build();
    counter.add(u64::MAX, &[]);
    assert!(metrics.encode().unwrap().contains("grains_total{otel_scope_name=\"shop\"} 18446744073709551615\n"));
}

#[test]
fn family_has_one_header_for_all_its_series() {
    let (provider, metrics) = provider();
    let counter = provider.meter("cachescope").u64_counter("cachescope.requests").build();
    for name in ["a", "b", "c"] {
        counter.add(1, &[KeyValue::new("cachescope.cache.name", name)]);
    }
    let text = metrics.encode().unwrap();
    assert_eq!(text.matches("# TYPE cachescope_requests_total").count(), 1);
    assert_eq!(text.lines().filter(|l| l.starts_with("cachescope_requests_total{")).count(), 3);
}

#[test]
fn shut_down_provider_and_panicking_callback_are_errors() {
    let (provider, metrics) = provider();
    metrics.encode().unwrap();
    provider.shutdown().unwrap();
    assert!(metrics.encode().unwrap_err().is_unavailable());

    let (provider, metrics) = self::provider();
    let _gauge =
        provider.meter("shop").u64_observable_gauge("broken").with_callback(|_| panic!("the callback fails")).build();
    assert!(metrics.encode().unwrap_err().is_unavailable());
    assert!(metrics.encode().unwrap_err().is_unavailable());
}
