//! CloudWatch stores each measurement exactly once, through throttling, errors and outages. Where delivery is unknown, the
//! setting decides between a loss and a duplicate. Nothing above a limit is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use cachescope_cloudwatch::CloudWatch;
use cachescope_exporter::DropReason;
use cachescope_harness::{Cloudwatch, CloudwatchDatum, Server, eventually};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, MeterProvider};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// A metric of CloudWatch: its name and dimensions.
type Metric = (String, BTreeMap<String, String>);

/// The errors of the double other than those that a test asked for.
fn refusals(control: &Cloudwatch) -> Result<Vec<String>> {
    let asked_for = ["ThrottlingException", "InternalServiceError"];
    let errors = control.requests()?.into_iter().filter_map(|request| request.error);
    Ok(errors.filter(|error| !asked_for.contains(&error.as_str())).collect())
}

fn cloudwatch(server: &Server, variables: &[(&str, &str)]) -> Result<CloudWatch> {
    let lookup = |asked: &str| {
        let value = match asked {
            "AWS_ENDPOINT_URL" => server.url(),
            "AWS_REGION" => "us-east-1",
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "test",
            _ => variables.iter().find(|(name, _)| asked.strip_prefix("CACHESCOPE_CLOUDWATCH_") == Some(name))?.1,
        };
        Some(value.to_owned())
    };
    Ok(CloudWatch::from_lookup(&lookup)?)
}

/// A provider that exports only on a flush.
fn meters(exporter: impl PushMetricExporter) -> SdkMeterProvider {
    let reader = PeriodicReader::builder(exporter).with_interval(Duration::from_secs(3_600)).build();
    SdkMeterProvider::builder().with_reader(reader).build()
}

/// Sums by metric.
fn sums(datums: &[CloudwatchDatum]) -> BTreeMap<Metric, f64> {
    let mut sums = BTreeMap::new();
    for datum in datums {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let dimensions = datum.dimensions().into_iter().map(owned).collect();
        *sums.entry((datum.metric_name.clone(), dimensions)).or_insert(0.0) += datum.sum();
    }
    sums
}

/// The sum of `metric` that the service calculates.
fn sum_read_back(server: &Server, (name, dimensions): &Metric) -> Result<f64> {
    let dimensions: Vec<Value> =
        dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let metric = json!({ "Namespace": "proof", "MetricName": name, "Dimensions": dimensions });
    let query = json!({ "Id": "q", "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Sum" } });
    let body = json!({ "MetricDataQueries": [query], "StartTime": now - 3_600, "EndTime": now + 3_600 });
    let mut answer = ureq::post(server.url())
        .header("X-Amz-Target", "GraniteServiceVersion20100801.GetMetricData")
        .header("Content-Type", "application/x-amz-json-1.0")
        .send(body.to_string())?;
    let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
    let values = answer["MetricDataResults"][0]["Values"].as_array().context("no values")?;
    ensure!(!values.is_empty(), "{name} isn't there: {answer}");
    Ok(values.iter().filter_map(Value::as_f64).sum())
}

const NAMES: usize = 10;
const SETS: usize = 500;

/// Counters with 5,000 series, each of which grows in every interval.
struct Work {
    counters: Vec<Counter<u64>>,
    truth: BTreeMap<Metric, f64>,
    random: StdRng,
    points: u64,
}

impl Work {
    fn new(meters: &SdkMeterProvider) -> Self {
        let meter = meters.meter("proof");
        let counters = (0..NAMES).map(|name| meter.u64_counter(format!("requests.{name}")).build()).collect();
        Self { counters, truth: BTreeMap::new(), random: StdRng::seed_from_u64(7), points: 0 }
    }

    fn interval(&mut self) {
        for (number, counter) in self.counters.iter().enumerate() {
            for set in 0..SETS {
                let more = self.random.random_range(1..1_000_u64);
                let cache = format!("cache-{set}");
                counter.add(more, &[KeyValue::new("cache", cache.clone())]);
                let metric = (format!("requests.{number}"), BTreeMap::from([("cache".to_owned(), cache)]));
                *self.truth.entry(metric).or_insert(0.0) += more as f64;
                self.points += 1;
            }
        }
    }
}

#[test]
fn five_thousand_metrics_arrive_exactly_once_through_errors_of_the_service() -> Result<()> {
    let server = Server::cloudwatch()?;
    let control = Cloudwatch::of(&server);
    let variables = [("NAMESPACE", "proof"), ("DIMENSIONS", "cache"), ("TIMEOUT", "10000"), ("QUEUE", "20000")];
    let cloudwatch = cloudwatch(&server, &variables)?;
    let meters = meters(cloudwatch.metric_exporter()?);
    let mut work = Work::new(&meters);
    for _ in 0..4 {
        control.throttle(work.random.random_range(1..5))?;
        control.fail_500(work.random.random_range(1..5))?;
        work.interval();
        meters.force_flush()?;
        assert_eq!(cloudwatch.stats().total_sent(), work.points);
    }
    let faults = control.requests()?.iter().filter(|request| request.error.is_some()).count();
    assert!(faults >= 8, "{faults} faults of at least two an interval");
    assert_eq!(cloudwatch.stats().total_retried(), faults as u64);
    // In this interval every request fails: the data waits for the next.
    control.throttle(1_000_000)?;
    work.interval();
    assert!(meters.force_flush().is_err());
    assert_eq!(cloudwatch.stats().total_sent(), work.points - 5_000);
    control.throttle(0)?;
    work.interval();
    meters.force_flush()?;
    assert_eq!((cloudwatch.stats().total_sent(), cloudwatch.stats().total_dropped()), (work.points, 0));
    let stored = control.datums()?;
    assert_eq!(stored.len() as u64, work.points);
    assert_eq!(work.truth.len(), 5_000);
    assert_eq!(sums(&stored), work.truth);
    assert!(stored.iter().all(|datum| datum.namespace == "proof" && datum.unit.as_deref() == Some("None")));
    for metric in work.truth.keys().step_by(1_000) {
        assert_eq!(sum_read_back(&server, metric)?, work.truth[metric], "{metric:?}");
    }
    let requests = control.requests()?;
    let puts: Vec<_> = requests.iter().filter(|request| request.op.as_deref() == Some("PutMetricData")).collect();
    assert!(puts.iter().all(|put| put.datums <= 1_000 && put.uncompressed_bytes <= 1_000_000 && put.gzip));
    println!(
        "{} requests, {} taken, {} retried; the largest {} bytes, {} packed",
        puts.len(),
        puts.iter().filter(|put| put.status == Some(200)).count(),
        cloudwatch.stats().total_retried(),
        puts.iter().map(|put| put.uncompressed_bytes).max().unwrap_or(0),
        puts.iter().map(|put| put.body_bytes).max().unwrap_or(0),
    );
    assert_eq!(refusals(&control)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn data_above_a_limit_is_not_sent() -> Result<()> {
    let server = Server::cloudwatch()?;
    let control = Cloudwatch::of(&server);
    let cloudwatch = cloudwatch(&server, &[("RESOLUTION", "1"), ("DIMENSIONS", "*")])?;
    let meters = meters(cloudwatch.metric_exporter()?);
    let meter = meters.meter("proof");
    let gauge = meter.f64_gauge("level").build();
    // The SDK ignores a value that isn't a number, but a sum may become infinite.
    let numbers = [f64::MAX, -1e300, 2f64.powi(361)];
    let infinite = meter.f64_counter("infinite").build();
    (0..2).for_each(|_| infinite.add(f64::MAX, &[]));
    for number in numbers {
        gauge.record(number, &[KeyValue::new("number", number)]);
    }
    let many: Vec<KeyValue> = (0..31).map(|at| KeyValue::new(format!("attribute{at}"), at)).collect();
    gauge.record(1.0, &many);
    let unrepresentable = numbers.len() as u64 + 2;
    // Data that can be sent with other names or values.
    gauge.record(2f64.powi(360), &[KeyValue::new("number", "largest")]);
    gauge.record(1.0, &many[1..]);
    gauge.record(1.0, &[KeyValue::new("long", "é".repeat(5_000)), KeyValue::new("ümlaut", "a\nb")]);
    gauge.record(1.0, &[KeyValue::new(":colon", ":value"), KeyValue::new("blank", " ")]);
    meter.u64_counter("n".repeat(255)).with_unit("{thing}").build().add(3, &[]);
    let bounds: Vec<f64> = (1..400).map(f64::from).collect();
    let histogram = meter.f64_histogram("duration").with_unit("s").with_boundaries(bounds).build();
    (0..400).for_each(|at| histogram.record(f64::from(at) + 0.5, &[]));
    // Two megabytes, also with truncated values.
    let wide = meter.u64_counter("wide").build();
    for at in 0..900 {
        let value = format!("{at}{}", "x".repeat(2_000));
        wide.add(1, &[KeyValue::new("wide", value.clone()), KeyValue::new("as.wide", value)]);
    }
    meters.force_flush()?;
    assert_eq!(refusals(&control)?, Vec::<String>::new());
    let requests = control.requests()?;
    let puts: Vec<_> = requests.iter().filter(|request| request.op.as_deref() == Some("PutMetricData")).collect();
    assert!(puts.len() >= 3 && puts.iter().all(|put| put.uncompressed_bytes <= 1_000_000), "{puts:?}");
    let stats = cloudwatch.stats();
    assert_eq!(stats.total_dropped_for(DropReason::Unrepresentable), unrepresentable);
    assert_eq!((stats.total_sent(), stats.total_dropped()), (4 + 1 + 1 + 900, unrepresentable));
    let stored = control.datums()?;
    let durations: Vec<_> = stored.iter().filter(|datum| datum.metric_name == "duration").collect();
    assert_eq!(durations.len(), 3, "400 values in three datums");
    assert_eq!(durations.iter().map(|datum| datum.sum()).sum::<f64>(), 80_000.0);
    let counts = durations.iter().filter_map(|datum| Some(datum.statistic_values?.sample_count));
    assert_eq!(counts.sum::<f64>(), 400.0);
    assert!(stored.iter().all(|datum| datum.storage_resolution == Some(1)));
    let dimensions: BTreeSet<_> = stored.iter().flat_map(CloudwatchDatum::dimensions).collect();
    for expected in [("_mlaut", "a_b"), ("_colon", "_value"), ("number", "largest")] {
        assert!(dimensions.contains(&expected), "{expected:?} is not among the dimensions");
    }
    Ok(())
}

/// The value at or below which `share` of the weight lies.
fn percentile(weighted: &mut [(f64, f64)], share: f64) -> f64 {
    weighted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let total: f64 = weighted.iter().map(|(_, count)| count).sum();
    let mut seen = 0.0;
    for (value, count) in weighted.iter() {
        seen += count;
        if seen >= share * total {
            return *value;
        }
    }
    f64::NAN
}

#[test]
fn percentiles_are_exact_to_a_bucket_and_other_statistics_exact() -> Result<()> {
    const BOUNDS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];
    let server = Server::cloudwatch()?;
    let control = Cloudwatch::of(&server);
    let cloudwatch = cloudwatch(&server, &[])?;
    let reader =
        PeriodicReader::builder(cloudwatch.metric_exporter()?).with_interval(Duration::from_secs(3_600)).build();
    let meters = SdkMeterProvider::builder()
        .with_reader(reader)
        .with_view(|instrument: &Instrument| {
            let aggregation =
                Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true };
            let is_exponential = instrument.name() == "exponential";
            is_exponential.then(|| Stream::builder().with_aggregation(aggregation).build().ok()).flatten()
        })
        .build();
    let meter = meters.meter("proof");
    let explicit = meter.f64_histogram("explicit").with_unit("s").with_boundaries(BOUNDS.into()).build();
    let exponential = meter.f64_histogram("exponential").with_unit("s").build();
    let mut random = StdRng::seed_from_u64(3);
    let mut truth = Vec::new();
    for _ in 0..5 {
        for _ in 0..10_000 {
            // From half a millisecond to two seconds, most of them short.
            let seconds = 0.0005 * 4_000f64.powf(random.random::<f64>().powi(2));
            explicit.record(seconds, &[]);
            exponential.record(seconds, &[]);
            truth.push((seconds, 1.0));
        }
        meters.force_flush()?;
    }
    let stored = control.datums()?;
    for name in ["explicit", "exponential"] {
        let of_it: Vec<_> = stored.iter().filter(|datum| datum.metric_name == name).collect();
        assert!(of_it.iter().all(|datum| datum.values.len() == datum.counts.len() && datum.values.len() <= 150));
        let statistics: Vec<_> = of_it.iter().filter_map(|datum| datum.statistic_values).collect();
        assert_eq!(statistics.iter().map(|of| of.sample_count).sum::<f64>(), truth.len() as f64);
        let sum: f64 = truth.iter().map(|(seconds, _)| seconds).sum();
        // Added in another order.
        assert!((statistics.iter().map(|of| of.sum).sum::<f64>() - sum).abs() < 1e-9 * sum);
        let least = statistics.iter().map(|of| of.minimum).fold(f64::INFINITY, f64::min);
        let largest = statistics.iter().map(|of| of.maximum).fold(f64::NEG_INFINITY, f64::max);
        truth.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        assert_eq!((least, largest), (truth[0].0, truth[truth.len() - 1].0));
        assert!(of_it.iter().all(|datum| datum.unit.as_deref() == Some("Seconds")));
        let mut weighted: Vec<(f64, f64)> =
            of_it.iter().flat_map(|datum| datum.values.iter().copied().zip(datum.counts.iter().copied())).collect();
        assert_eq!(weighted.iter().map(|(_, count)| count).sum::<f64>(), truth.len() as f64);
        for share in [0.01, 0.1, 0.5, 0.9, 0.99, 0.999] {
            let (estimate, exact) = (percentile(&mut weighted, share), percentile(&mut truth, share));
            println!("{name} p{}: {estimate:.6} s, exactly {exact:.6} s", share * 100.0);
            let bucket = |value: f64| BOUNDS.partition_point(|bound| *bound < value);
            match name {
                "explicit" => assert_eq!(bucket(estimate), bucket(exact), "p{share}: {estimate} for {exact}"),
                // 160 buckets for a factor of 4,000 are eighths of a doubling.
                _ => assert!((estimate / exact).ln().abs() < 2f64.ln() / 8.0, "p{share}: {estimate} for {exact}"),
            }
        }
    }
    assert_eq!(refusals(&control)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn waiting_data_is_tried_once_more_at_shutdown() -> Result<()> {
    for is_back in [true, false] {
        let mut server = Server::cloudwatch()?;
        let control = Cloudwatch::of(&server);
        let cloudwatch = cloudwatch(&server, &[("TIMEOUT", "4000")])?;
        let meters = meters(cloudwatch.metric_exporter()?);
        server.refuse_connections();
        meters.meter("proof").u64_counter("requests").build().add(10, &[]);
        assert!(meters.force_flush().is_err());
        assert_eq!(cloudwatch.stats().total_dropped(), 0);
        if is_back {
            server.accept_connections()?;
        }
        let outcome = meters.shutdown();
        assert_eq!(outcome.is_ok(), is_back, "{outcome:?}");
        let stats = cloudwatch.stats();
        let counts = (stats.total_sent(), stats.total_dropped_for(DropReason::Shutdown));
        assert_eq!(counts, if is_back { (1, 0) } else { (0, 1) });
        server.accept_connections()?;
        let stored = sums(&control.datums()?).values().sum::<f64>();
        assert_eq!(stored, if is_back { 10.0 } else { 0.0 });
    }
    Ok(())
}

/// Counts to ten and exports with a request that hangs longer than the exporter waits, then counts to eleven.
fn unanswered(on_unknown: &str) -> Result<(f64, CloudWatch)> {
    let server = Server::cloudwatch()?;
    let control = Cloudwatch::of(&server);
    let cloudwatch = cloudwatch(&server, &[("TIMEOUT", "4000"), ("ON_UNKNOWN", on_unknown)])?;
    let meters = meters(cloudwatch.metric_exporter()?);
    let counter = meters.meter("proof").u64_counter("requests").build();
    control.hang(1, Duration::from_secs(6))?;
    counter.add(10, &[]);
    let begun = Instant::now();
    ensure!(meters.force_flush().is_err(), "there was no answer");
    ensure!(begun.elapsed() < Duration::from_secs(6), "it waited for what hung, it took {:?}", begun.elapsed());
    counter.add(1, &[]);
    meters.force_flush()?;
    // The hanging request is stored when it is handled.
    let ask = || control.requests();
    eventually("an answer to each request", PATIENCE, ask, |puts| puts.iter().all(|put| put.status == Some(200)))?;
    Ok((sums(&control.datums()?).values().sum(), cloudwatch))
}

#[test]
fn unanswered_request_is_lost_or_repeated_by_the_setting() -> Result<()> {
    let (stored, cloudwatch) = unanswered("drop")?;
    let stats = cloudwatch.stats();
    assert_eq!(stored, 11.0, "sent once, and stored without an answer");
    assert_eq!((stats.total_sent(), stats.total_dropped_for(DropReason::Unconfirmed)), (1, 1));
    assert_eq!(stats.total_dropped(), 1);
    let (stored, cloudwatch) = unanswered("resend")?;
    assert_eq!(stored, 21.0, "sent twice");
    assert_eq!((cloudwatch.stats().total_sent(), cloudwatch.stats().total_dropped()), (2, 0));
    Ok(())
}

#[test]
fn request_is_not_repeated_after_its_connection_breaks() -> Result<()> {
    let server = Server::cloudwatch()?;
    let control = Cloudwatch::of(&server);
    let cloudwatch = cloudwatch(&server, &[])?;
    let meters = meters(cloudwatch.metric_exporter()?);
    let counter = meters.meter("proof").u64_counter("requests").build();
    control.hang(1, Duration::from_secs(3))?;
    counter.add(10, &[]);
    thread::scope(|scope| -> Result<()> {
        let flush = scope.spawn(|| meters.force_flush());
        eventually("a request", PATIENCE, || control.requests(), |requests| !requests.is_empty())?;
        server.reset_connections();
        ensure!(flush.join().is_ok_and(|outcome| outcome.is_err()), "the answer can't have come");
        Ok(())
    })?;
    let stats = cloudwatch.stats();
    assert_eq!((stats.total_dropped_for(DropReason::Unconfirmed), stats.total_retried()), (1, 0));
    let stored = eventually("a metric", PATIENCE, || control.datums(), |datums| !datums.is_empty())?;
    assert_eq!(sums(&stored).values().sum::<f64>(), 10.0);
    Ok(())
}

#[test]
fn queued_data_arrives_after_an_outage() -> Result<()> {
    let mut server = Server::cloudwatch()?;
    let control = Cloudwatch::of(&server);
    let cloudwatch = cloudwatch(&server, &[("TIMEOUT", "4000"), ("QUEUE", "7")])?;
    let meters = meters(cloudwatch.metric_exporter()?);
    let counter = meters.meter("proof").u64_counter("requests").build();
    let interval = |by: u64| (0..5).for_each(|at| counter.add(by, &[KeyValue::new("at", at)]));
    server.refuse_connections();
    for by in [1, 10] {
        interval(by);
        assert!(meters.force_flush().is_err());
    }
    // Seven of ten wait; the three oldest are dropped and counted.
    let stats = cloudwatch.stats();
    assert_eq!((stats.total_dropped_for(DropReason::QueueFull), stats.total_dropped()), (3, 3));
    server.accept_connections()?;
    interval(100);
    meters.force_flush()?;
    assert_eq!((stats.total_sent(), stats.total_dropped()), (12, 3));
    let stored = control.datums()?;
    assert_eq!(stored.len(), 12);
    assert_eq!(sums(&stored).values().sum::<f64>(), 2.0 + 50.0 + 500.0);
    Ok(())
}

#[test]
fn exporter_ends_at_once_and_counts_the_loss_after_giving_up() -> Result<()> {
    let server = Server::cloudwatch()?;
    let control = Cloudwatch::of(&server);
    let cloudwatch = cloudwatch(&server, &[("TIMEOUT", "60000")])?;
    let delivery = cloudwatch.delivery();
    let meters = meters(cloudwatch.metric_exporter()?);
    let counter = meters.meter("proof").u64_counter("requests").build();
    control.hang(1, 2 * PATIENCE)?;
    counter.add(10, &[]);
    let given_up = thread::scope(|scope| -> Result<Instant> {
        let flush = scope.spawn(|| meters.force_flush());
        eventually("a request", PATIENCE, || control.requests(), |requests| !requests.is_empty())?;
        let given_up = Instant::now();
        delivery.give_up();
        ensure!(flush.join().is_ok_and(|outcome| outcome.is_err()), "there was no answer");
        Ok(given_up)
    })?;
    let stats = cloudwatch.stats();
    assert_eq!((stats.total_sent(), stats.total_dropped_for(DropReason::Unconfirmed)), (0, 1));
    counter.add(10, &[]);
    assert!(meters.shutdown().is_err());
    assert!(given_up.elapsed() < Duration::from_secs(10), "it took {:?}", given_up.elapsed());
    assert_eq!((stats.total_dropped_for(DropReason::Shutdown), stats.total_dropped()), (1, 2));
    Ok(())
}

#[test]
fn dry_run_sends_nothing() -> Result<()> {
    let server = Server::cloudwatch()?;
    let cloudwatch = cloudwatch(&server, &[("DRY_RUN", "true")])?;
    let meters = meters(cloudwatch.metric_exporter()?);
    meters.meter("proof").u64_counter("requests").build().add(1, &[]);
    meters.force_flush()?;
    meters.shutdown()?;
    assert!(Cloudwatch::of(&server).requests()?.iter().all(|request| request.op.is_none()));
    Ok(())
}

/// A writer that keeps its lines.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Result<Vec<Value>> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = std::str::from_utf8(&bytes)?.lines();
        lines.map(|line| serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Checks a line against the specification of the format. Returns the sum of each metric.
fn read_line(line: &Value) -> Result<Vec<(Metric, f64)>> {
    let text = |value: &Value| value.as_str().map(str::to_owned).context("not a text");
    let list = |value: &Value| value.as_array().cloned().with_context(|| format!("not a list: {value}"));
    let metadata = &line["_aws"];
    ensure!(metadata["Timestamp"].is_u64(), "no time: {metadata}");
    let mut found = Vec::new();
    for directive in list(&metadata["CloudWatchMetrics"])? {
        let namespace = text(&directive["Namespace"])?;
        ensure!((1..=1_024).contains(&namespace.len()), "{namespace}");
        let metrics = list(&directive["Metrics"])?;
        ensure!((1..=100).contains(&metrics.len()), "{} metrics", metrics.len());
        for set in list(&directive["Dimensions"])? {
            let names: Vec<String> = list(&set)?.iter().map(text).collect::<Result<_>>()?;
            ensure!(names.len() <= 30, "{} dimensions", names.len());
            let dimensions: BTreeMap<String, String> =
                names.iter().map(|name| Ok((name.clone(), text(&line[name])?))).collect::<Result<_>>()?;
            for (name, value) in &dimensions {
                ensure!((1..=250).contains(&name.len()) && (1..=1_024).contains(&value.len()), "{name}: {value}");
            }
            for metric in &metrics {
                let name = text(&metric["Name"])?;
                text(&metric["Unit"])?;
                let value = &line[&name];
                let sum = match value.as_f64() {
                    Some(number) => number,
                    None => {
                        let values = list(&value["Values"])?;
                        ensure!(values.len() <= 100 && values.len() == list(&value["Counts"])?.len(), "{value}");
                        ensure!(values.iter().all(Value::is_number), "{value}");
                        value["Sum"].as_f64().context("no sum")?
                    }
                };
                found.push(((name, dimensions.clone()), sum));
            }
        }
    }
    Ok(found)
}

#[test]
fn lines_of_the_embedded_metric_format_are_valid_and_complete() -> Result<()> {
    let log = Log::default();
    let exporter = CloudWatch::from_lookup(&|_| None)?.with_dimensions("cache".parse()?).emf_exporter(log.clone());
    let stats = exporter.stats().clone();
    let meters = meters(exporter);
    let mut work = Work::new(&meters);
    let bounds: Vec<f64> = (1..250).map(f64::from).collect();
    let histogram = meters.meter("proof").f64_histogram("duration").with_boundaries(bounds).build();
    for _ in 0..2 {
        work.interval();
        for at in 0..250 {
            histogram.record(f64::from(at) + 0.5, &[]);
        }
        meters.force_flush()?;
    }
    work.truth.insert(("duration".to_owned(), BTreeMap::new()), 2.0 * 250.0 * 125.0);
    let lines = log.lines()?;
    let mut sums: BTreeMap<Metric, f64> = BTreeMap::new();
    for line in &lines {
        for (metric, sum) in read_line(line)? {
            *sums.entry(metric).or_insert(0.0) += sum;
        }
    }
    // One for the ten counters of each set, three for the histogram's 250 values.
    assert_eq!(lines.len(), 2 * (SETS + 3));
    assert_eq!(sums, work.truth);
    assert_eq!((stats.total_sent(), stats.total_dropped()), (work.points + 2, 0));
    Ok(())
}
