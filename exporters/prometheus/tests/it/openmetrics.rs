use std::time::{SystemTime, UNIX_EPOCH};

use cachescope_prometheus::{Exporter, Format};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::text::provider;

fn assert_lines(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.lines().any(|l| l == *line), "no line {line:?} in\n{page}");
    }
}

#[test]
fn openmetrics_has_units_and_an_end_marker() {
    let (provider, metrics) = provider();
    let meter = provider.meter("shop");
    let counter = meter.f64_counter("saved.time").with_unit("s").with_description("Seconds \"saved\"\nso far").build();
    counter.add(1.5, &[KeyValue::new("a", "b")]);
    meter.u64_counter("orders").with_unit("{order}").build().add(3, &[]);
    meter.f64_histogram("wait").with_unit("s").with_boundaries(vec![0.5, 1.0]).build().record(0.75, &[]);
    let page = metrics.encode_as(Format::OpenMetrics).unwrap();
    assert_lines(
        &page,
        &[
            "# TYPE target info",
            "# HELP saved_time_seconds Seconds \\\"saved\\\"\\nso far",
            "# TYPE saved_time_seconds counter",
            "# UNIT saved_time_seconds seconds",
            "saved_time_seconds_total{a=\"b\",otel_scope_name=\"shop\"} 1.5",
            "# TYPE orders counter",
            "orders_total{otel_scope_name=\"shop\"} 3",
            "# TYPE wait_seconds histogram",
            "# UNIT wait_seconds seconds",
            "wait_seconds_bucket{otel_scope_name=\"shop\",le=\"1.0\"} 1",
            "wait_seconds_bucket{otel_scope_name=\"shop\",le=\"+Inf\"} 1",
            "wait_seconds_count{otel_scope_name=\"shop\"} 1",
        ],
    );
    assert!(page.contains("\ntarget_info{") && page.ends_with("\n# EOF\n"), "{page}");
    assert_eq!(page.matches("# EOF").count(), 1);
    assert!(!page.contains("# UNIT orders"), "{page}");
}

#[test]
fn openmetrics_has_start_times_of_counters_and_histograms() {
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let (provider, metrics) = provider();
    let meter = provider.meter("shop");
    meter.u64_counter("orders").build().add(3, &[]);
    meter.f64_histogram("wait").with_unit("s").build().record(0.75, &[]);
    meter.f64_gauge("load").build().record(0.75, &[]);
    meter.i64_up_down_counter("jobs").build().add(1, &[]);
    let page = metrics.encode_as(Format::OpenMetrics).unwrap();
    let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let created: Vec<_> = page.lines().filter(|line| line.contains("_created{")).collect();
    assert_eq!(created.len(), 2, "{page}");
    for (line, name) in created.iter().zip(["orders_created{", "wait_seconds_created{"]) {
        let time: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        // Times are truncated to milliseconds.
        assert!(line.starts_with(name) && time >= before - 0.001 && time <= after, "{line}: {before} to {after}");
    }
    assert!(!metrics.encode().unwrap().contains("_created"));
}

#[test]
fn families_with_the_same_openmetrics_name_keep_their_suffixes() {
    let (provider, metrics) = provider();
    let meter = provider.meter("shop");
    meter.u64_counter("jobs.total").build().add(3, &[]);
    meter.i64_up_down_counter("jobs").build().add(1, &[]);
    meter.u64_counter("orders").build().add(3, &[]);
    meter.f64_gauge("orders.created").build().record(7.0, &[]);
    let page = metrics.encode_as(Format::OpenMetrics).unwrap();
    assert_lines(
        &page,
        &[
            "# TYPE jobs gauge",
            "# TYPE jobs_total unknown",
            "jobs_total{otel_scope_name=\"shop\"} 3",
            "# TYPE orders_total unknown",
            "orders_created{otel_scope_name=\"shop\"} 7",
        ],
    );
    assert_eq!(page.matches("orders_created{").count(), 1, "{page}");
    assert_eq!(metrics.stats().total_dropped(), 0);
}

#[test]
fn exporter_omits_disabled_labels_and_series() {
    let (reader, metrics) = Exporter::new().scope_labels(false).created(false).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    provider.meter("shop").u64_counter("orders").build().add(3, &[]);
    let page = metrics.encode_as(Format::OpenMetrics).unwrap();
    assert!(page.contains("\norders_total 3\n") && !page.contains("_created"), "{page}");
}
