//! A process exports a known mix of requests by all exporters at once, and all receivers have the same counts.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use cachescope::otel::{Guard, MetricExporter};
use cachescope_harness::{Cloudwatch, Server, Stack, StatsdServer, eventually};
use cachescope_tests::numbers::{Numbers, collected, counted};
use cachescope_tests::scrape::samples;
use cachescope_tests::setup::{setup, telemetry};
use cachescope_tests::workload::{self, Refused};

/// Bounds a failure: a scrape comes twice a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// Series as (metric, labels, value), with the names of Prometheus.
type Series = Vec<(String, BTreeMap<String, String>, f64)>;

fn numbers(series: &Series, cache: &str) -> Numbers {
    collected(series.iter().map(|(metric, labels, value)| (metric.as_str(), labels, *value)), cache)
}

/// The series of a counter or of a histogram's count, from its name in OpenTelemetry.
fn entry<'a>(
    name: &str,
    is_count: bool,
    tags: impl Iterator<Item = (&'a str, &'a str)>,
    value: f64,
) -> (String, BTreeMap<String, String>, f64) {
    let underscores = |text: &str| text.replace('.', "_");
    let ending = if is_count { "_seconds_count" } else { "_total" };
    (underscores(name) + ending, tags.map(|(key, value)| (underscores(key), value.to_owned())).collect(), value)
}

/// Removes zeros: a delta of zero may be sent or not.
fn without_zeros(mut numbers: Numbers) -> Numbers {
    numbers.retain(|_, count| *count > 0);
    numbers
}

fn page(url: &str) -> Result<Series> {
    let series = samples(url)?.into_iter().filter_map(|sample| {
        use prometheus_parse::Value::{Counter, Untyped};
        let (Counter(value) | Untyped(value)) = sample.value else { return None };
        let labels = sample.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        Some((sample.metric, labels, value))
    });
    Ok(series.collect())
}

fn of_prometheus(stack: &Stack, cache: &str, job: &str) -> Result<Series> {
    let samples = stack.prometheus().query(&format!("{{cachescope_cache_name=\"{cache}\",job=\"{job}\"}}"))?;
    let series = samples.into_iter().filter_map(|sample| {
        let metric = sample.labels.get("__name__")?.clone();
        Some((metric, sample.labels.into_iter().collect(), sample.value))
    });
    Ok(series.collect())
}

/// The collector's series of StatsD lines, whose only unit is the milliseconds of timings.
fn of_lines(stack: &Stack) -> Result<Series> {
    let in_seconds = |metric: String| metric.replace("_milliseconds_count", "_seconds_count");
    let page = page(stack.collector().metrics_url())?.into_iter();
    let no_instance = page.filter(|(_, labels, _)| !labels.contains_key("service_instance_id"));
    Ok(no_instance.map(|(metric, labels, value)| (in_seconds(metric), labels, value)).collect())
}

fn of_statsd(server: &StatsdServer) -> Result<Series> {
    let totals = server.totals()?;
    let counts = totals.counters.iter().map(|(name, count)| (name, false, *count));
    let times = totals.timers.iter().map(|(name, timer)| (name, true, timer.count));
    let series = counts.chain(times).map(|(name, is_count, value)| {
        let mut words = name.split(';');
        let name = words.next().unwrap_or_default();
        entry(name, is_count, words.filter_map(|tag| tag.split_once('=')), value)
    });
    Ok(series.collect())
}

fn of_cloudwatch(server: &Server) -> Result<Series> {
    let datums = Cloudwatch::of(server).datums()?;
    let series = datums.iter().map(|datum| {
        let count = datum.statistic_values.map(|statistics| statistics.sample_count);
        entry(&datum.metric_name, count.is_some(), datum.dimensions().into_iter(), count.unwrap_or_else(|| datum.sum()))
    });
    Ok(series.collect())
}

/// The counts of the process.
struct Truth {
    all: Numbers,
    /// Without zeros.
    some: Numbers,
    /// The same with the names of StatsD lines, in which a colon ends a name.
    lines: Numbers,
}

/// Runs the mix and returns its counts.
fn work(guard: &Guard, name: &str) -> Result<Truth> {
    let cache = workload::cache(name).telemetry(telemetry(guard)).build();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build()?;
    runtime.block_on(workload::run(&cache))?;
    cache.invalidate(&0);
    cache.clear();
    let stats = cache.metrics().stats();
    workload::check(&stats)?;
    assert_eq!(stats.requests(), workload::REQUESTS);
    guard.flush()?;
    let error = std::any::type_name::<Refused>();
    let (all, lines) = (counted(&stats, error), counted(&stats, &error.replace(':', "_")));
    Ok(Truth { some: without_zeros(all.clone()), all, lines: without_zeros(lines) })
}

fn set_up(name: &'static str, exporters: &[MetricExporter], variables: &[(&str, &str)]) -> Result<Guard> {
    let setup = setup(variables).service_name(name).metric_exporters(exporters.iter().copied());
    Ok(setup.trace_exporters([]).deadline(Duration::from_secs(30)).init()?)
}

/// Waits until `read` returns the counts.
fn awaits(place: &str, counted: &Numbers, read: impl FnMut() -> Result<Numbers>) -> Result<()> {
    eventually(place, PATIENCE, read, |found| found == counted).with_context(|| format!("counted were {counted:?}"))?;
    Ok(())
}

#[test]
fn all_receivers_have_the_counts_of_the_process() -> Result<()> {
    const NAME: &str = "exporters.everywhere";
    let (stack, double, statsd) = (Stack::shared()?, Server::cloudwatch()?, StatsdServer::start()?);
    let (collector, statsd_address) = (stack.collector(), statsd.address());
    let exporters =
        [MetricExporter::Otlp, MetricExporter::Prometheus, MetricExporter::CloudWatch, MetricExporter::StatsD];
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.otlp_grpc()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
        ("AWS_ENDPOINT_URL", double.url()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("CACHESCOPE_STATSD_ADDRESS", &statsd_address),
        ("CACHESCOPE_STATSD_DIALECT", "tagged"),
    ];
    let guard = set_up(NAME, &exporters, &variables)?;
    let truth = work(&guard, NAME)?;

    let address = guard.prometheus_addr().context("no Prometheus server")?;
    assert_eq!(numbers(&page(&format!("http://{address}/metrics"))?, NAME), truth.all, "/metrics");
    assert_eq!(without_zeros(numbers(&of_cloudwatch(&double)?, NAME)), truth.some, "CloudWatch");
    awaits("StatsD", &truth.lines, || Ok(without_zeros(numbers(&of_statsd(&statsd)?, NAME))))?;
    awaits("Prometheus, through the collector", &truth.all, || Ok(numbers(&of_prometheus(&stack, NAME, NAME)?, NAME)))?;
    for stats in guard.exporter_stats() {
        assert!(stats.total_sent() > 0 && stats.total_dropped() == 0, "{stats:?}");
    }
    // The exporters' own metrics are exported too.
    let own = page(&format!("http://{address}/metrics"))?;
    let own = own.iter().filter(|(name, labels, value)| {
        name == "otel_sdk_exporter_metric_data_point_exported_total"
            && !labels.contains_key("error_type")
            && *value > 0.0
    });
    assert_eq!(own.count(), exporters.len());
    Ok(())
}

#[test]
fn collector_has_the_same_counts_by_http_and_by_statsd_lines() -> Result<()> {
    for (name, protocol) in [("exporters.protobuf", "http/protobuf"), ("exporters.json", "http/json")] {
        let stack = Stack::shared()?;
        let collector = stack.collector();
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.otlp_http()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("CACHESCOPE_STATSD_ADDRESS", collector.statsd()),
            ("CACHESCOPE_STATSD_DIALECT", "dogstatsd"),
        ];
        let guard = set_up(name, &[MetricExporter::Otlp, MetricExporter::StatsD], &variables)?;
        let truth = work(&guard, name)?;
        awaits(protocol, &truth.all, || Ok(numbers(&of_prometheus(&stack, name, name)?, name)))?;
        awaits("DogStatsD", &truth.lines, || Ok(without_zeros(numbers(&of_lines(&stack)?, name))))?;
    }
    Ok(())
}
