use cachescope_prometheus::Format;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, SdkMeterProvider, Stream};

/// Upper bounds, and the number of values up to each.
fn buckets(page: &str, name: &str) -> Vec<(f64, u64)> {
    let lines = page.lines().filter(|line| line.starts_with(&format!("{name}_bucket")));
    let found = lines.map(|line| {
        let (labels, count) = line.rsplit_once(' ').unwrap();
        let bound = labels.split("le=\"").nth(1).unwrap().split('"').next().unwrap();
        (bound.parse().unwrap(), count.parse().unwrap())
    });
    found.collect()
}

#[test]
fn exponential_histogram_is_exposed_as_classic_buckets() {
    let (reader, metrics) = cachescope_prometheus::exporter().unwrap();
    let exponential = |_: &Instrument| {
        let aggregation = Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true };
        Stream::builder().with_aggregation(aggregation).build().ok()
    };
    let provider = SdkMeterProvider::builder().with_reader(reader).with_view(exponential).build();
    let meter = provider.meter("shop");
    let (wait, drift) = (meter.f64_histogram("wait").with_unit("s").build(), meter.f64_histogram("drift").build());
    // The values are exact in floats, so their sum is exact too.
    let values: Vec<f64> = (1..=1000).map(|n| f64::from(n) / 64.0).collect();
    values.iter().for_each(|value| wait.record(*value, &[]));
    [-4.0, -0.5, 0.0, 3.0].iter().for_each(|value| drift.record(*value, &[]));

    let text = metrics.encode().unwrap();
    let found = buckets(&text, "wait_seconds");
    assert!((20..=42).contains(&found.len()), "{} buckets", found.len());
    for (bound, count) in &found {
        let below = values.iter().filter(|value| *value <= bound).count() as u64;
        assert_eq!(*count, below, "up to {bound}");
    }
    assert!(text.contains("wait_seconds_count{otel_scope_name=\"shop\"} 1000\n"), "{text}");
    assert!(text.contains("wait_seconds_sum{otel_scope_name=\"shop\"} 7820.3125\n"), "{text}");

    let drifts = buckets(&text, "drift");
    assert!(drifts.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1), "{drifts:?}");
    let up_to = |bound: f64| drifts.iter().rfind(|(upper, _)| *upper <= bound).map_or(0, |(_, count)| *count);
    assert_eq!([-3.6, -0.4, 0.0, 2.9, 3.1].map(up_to), [1, 2, 3, 3, 4], "{drifts:?}");

    // Bounds of the narrow histogram that remain in the wide one keep their counts.
    wait.record(1e6, &[]);
    let wide = buckets(&metrics.encode().unwrap(), "wait_seconds");
    let kept: Vec<_> = found.iter().filter(|(bound, _)| wide.iter().any(|(other, _)| other == bound)).collect();
    assert!(kept.len() >= 4 && kept.iter().all(|bucket| bucket.0.is_infinite() || wide.contains(bucket)), "{kept:?}");

    let page = metrics.encode_as(Format::OpenMetrics).unwrap();
    assert!(page.contains("\nwait_seconds_sum{") && !page.contains("\ndrift_sum{"), "{page}");
}
