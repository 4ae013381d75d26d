//! One process sends the same metrics everywhere, and every receiver has what the process counted: the known mix of
//! requests, by all exporters at once.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use cachescope::Telemetry;
use cachescope::otel::{Guard, MetricExporter, Setup};
use cachescope_stack::{Cloudwatch, Server, Stack, StatsdServer, eventually};
use cachescope_tests::numbers::{Numbers, collected, counted};
use cachescope_tests::workload::{self, Refused};

/// Bounds a failure: a scrape comes twice a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// What something has counted, as (metric, labels, value) in the words of Prometheus.
type Series = Vec<(String, BTreeMap<String, String>, f64)>;

fn numbers(series: &Series, cache: &str) -> Numbers {
    collected(series.iter().map(|(metric, labels, value)| (metric.as_str(), labels, *value)), cache)
}

/// The series of a counter or of a histogram's count, by the name that OpenTelemetry has for it.
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

/// A difference of nothing may be sent or not.
fn without_zeros(mut numbers: Numbers) -> Numbers {
    numbers.retain(|_, count| *count > 0);
    numbers
}

fn page(url: &str) -> Result<Series> {
    let text = ureq::get(url).call()?.body_mut().read_to_string()?;
    let scrape = prometheus_parse::Scrape::parse(text.lines().map(|line| Ok(line.to_owned())))?;
    let series = scrape.samples.into_iter().filter_map(|sample| {
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

/// What the collector has of lines, which say no unit but the milliseconds of times.
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

/// What the process counted.
struct Truth {
    all: Numbers,
    /// Without zeros.
    some: Numbers,
    /// The same in lines of StatsD, where a colon ends a name.
    lines: Numbers,
}

/// Runs the mix.
fn work(guard: &Guard, name: &str) -> Result<Truth> {
    let telemetry = Telemetry::new(guard.meter_provider().clone(), guard.tracer_provider().clone());
    let cache = workload::cache(name).telemetry(telemetry).build();
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

fn set_up(name: &'static str, exporters: &[MetricExporter], variables: Vec<(&'static str, String)>) -> Result<Guard> {
    let lookup = move |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone());
    let setup = Setup::from_lookup(lookup).service_name(name).metric_exporters(exporters.iter().copied());
    Ok(setup.trace_exporters([]).install_globals(false).deadline(Duration::from_secs(30)).init()?)
}

/// Waits for `read` to give what was counted.
fn awaits(place: &str, counted: &Numbers, read: impl FnMut() -> Result<Numbers>) -> Result<()> {
    eventually(place, PATIENCE, read, |found| found == counted).with_context(|| format!("counted were {counted:?}"))?;
    Ok(())
}

#[test]
fn each_place_has_what_the_process_counted() -> Result<()> {
    const NAME: &str = "exporters.everywhere";
    let (stack, double, statsd) = (Stack::shared()?, Server::cloudwatch()?, StatsdServer::start()?);
    let exporters =
        [MetricExporter::Otlp, MetricExporter::Prometheus, MetricExporter::CloudWatch, MetricExporter::StatsD];
    let variables = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", stack.collector().otlp_grpc().to_owned()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".to_owned()),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "0".to_owned()),
        ("AWS_ENDPOINT_URL", double.url().to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("CACHESCOPE_STATSD_ADDRESS", statsd.address()),
        ("CACHESCOPE_STATSD_DIALECT", "tagged".to_owned()),
    ];
    let guard = set_up(NAME, &exporters, variables)?;
    let truth = work(&guard, NAME)?;

    let address = guard.prometheus_addr().context("no Prometheus server")?;
    assert_eq!(numbers(&page(&format!("http://{address}/metrics"))?, NAME), truth.all, "/metrics");
    assert_eq!(without_zeros(numbers(&of_cloudwatch(&double)?, NAME)), truth.some, "CloudWatch");
    awaits("StatsD", &truth.lines, || Ok(without_zeros(numbers(&of_statsd(&statsd)?, NAME))))?;
    awaits("Prometheus, behind the collector", &truth.all, || Ok(numbers(&of_prometheus(&stack, NAME, NAME)?, NAME)))?;
    for exports in guard.exports() {
        assert!(exports.total_sent() > 0 && exports.total_dropped() == 0, "{exports:?}");
    }
    // What exporters count of themselves is among what they send.
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
fn the_collector_has_it_by_http_as_by_lines() -> Result<()> {
    for (name, protocol) in [("exporters.protobuf", "http/protobuf"), ("exporters.json", "http/json")] {
        let stack = Stack::shared()?;
        let variables = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", stack.collector().otlp_http().to_owned()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip".to_owned()),
            ("CACHESCOPE_STATSD_ADDRESS", stack.collector().statsd().to_owned()),
            ("CACHESCOPE_STATSD_DIALECT", "dogstatsd".to_owned()),
        ];
        let guard = set_up(name, &[MetricExporter::Otlp, MetricExporter::StatsD], variables)?;
        let truth = work(&guard, name)?;
        awaits(protocol, &truth.all, || Ok(numbers(&of_prometheus(&stack, name, name)?, name)))?;
        awaits("DogStatsD", &truth.lines, || Ok(without_zeros(numbers(&of_lines(&stack)?, name))))?;
    }
    Ok(())
}
