//! StatsD servers have the counts of the process: the original server from plain and tagged lines, and the collector from
//! DogStatsD lines. A missing server loses its data but doesn't delay the process.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cachescope_harness::{Stack, StatsdServer, StatsdTotals, eventually};
use cachescope_statsd::{Dialect, StatsD, Timings};
use cachescope_tests::scrape::samples;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bucket boundaries in seconds. Values are spread over all buckets.
const BOUNDS: [f64; 4] = [0.001, 0.01, 0.1, 1.0];
const RESULTS: [&str; 3] = ["hit", "miss", "stale"];
const THREADS: u64 = 2;
const ROUNDS: u64 = 30;

/// The counts of the process.
#[derive(Clone, Debug, Default, PartialEq)]
struct Truth {
    /// Requests by result.
    requests: BTreeMap<String, u64>,
    saved: f64,
    active: f64,
    level: f64,
    durations: u64,
    /// The number of durations within each bound.
    within: [u64; BOUNDS.len()],
    seconds: f64,
}

fn provider(statsd: &StatsD) -> Result<SdkMeterProvider> {
    // Exports happen during the work.
    let reader = PeriodicReader::builder(statsd.metric_exporter()?).with_interval(Duration::from_millis(20)).build();
    Ok(SdkMeterProvider::builder().with_reader(reader).build())
}

/// Works on several threads during several exports, and ends with a last one.
fn work(meters: &SdkMeterProvider) -> Result<Truth> {
    let meter = meters.meter("proof");
    let requests = meter.u64_counter("requests").build();
    let saved = meter.f64_counter("saved.time").with_unit("s").build();
    let active = meter.i64_up_down_counter("active").build();
    let level = meter.f64_gauge("level").build();
    let duration = meter.f64_histogram("request.duration").with_unit("s").with_boundaries(BOUNDS.into()).build();
    let run = |thread: u64| {
        let mut truth = Truth::default();
        for round in 0..ROUNDS {
            for (index, result) in (1..).zip(RESULTS) {
                requests.add(index * (round + 1), &[KeyValue::new("result", result)]);
                *truth.requests.entry(result.to_owned()).or_default() += index * (round + 1);
            }
            saved.add(0.25, &[]);
            truth.saved += 0.25;
            active.add(2, &[]);
            active.add(-3, &[]);
            truth.active -= 1.0;
            for step in 0..50 {
                let seconds = 0.000_3 * 1.2_f64.powi(step) * (thread + 1) as f64;
                duration.record(seconds, &[]);
                truth.durations += 1;
                truth.seconds += seconds;
                for (within, bound) in truth.within.iter_mut().zip(BOUNDS) {
                    *within += u64::from(seconds <= bound);
                }
            }
            meters.force_flush()?;
        }
        Ok(truth)
    };
    let parts: Vec<Result<Truth>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || run(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("panicked"))).collect()
    });
    let mut truth = Truth { level: -2.5, ..Truth::default() };
    level.record(truth.level, &[]);
    for part in parts {
        let part = part?;
        for (result, count) in part.requests {
            *truth.requests.entry(result).or_default() += count;
        }
        truth.saved += part.saved;
        truth.active += part.active;
        truth.durations += part.durations;
        truth.seconds += part.seconds;
        for (sum, within) in truth.within.iter_mut().zip(part.within) {
            *sum += within;
        }
    }
    meters.shutdown()?;
    Ok(truth)
}

/// Checks that nothing was dropped in several exports.
fn check_exports(statsd: &StatsD) {
    let stats = statsd.stats();
    assert_eq!(stats.total_dropped(), 0, "{stats:?}");
    assert!(stats.total_sent() > ROUNDS, "{stats:?}");
}

#[test]
fn original_server_has_the_counts_from_plain_lines() -> Result<()> {
    prove_original(Dialect::Plain, |result| format!("shop.requests.result.{result}"))
}

#[test]
fn original_server_has_the_counts_from_tagged_lines() -> Result<()> {
    prove_original(Dialect::Tagged, |result| format!("shop.requests;result={result}"))
}

fn prove_original(dialect: Dialect, requests: impl Fn(&str) -> String) -> Result<()> {
    let server = StatsdServer::start()?;
    let statsd = StatsD::new(server.address().parse()?).dialect(dialect).prefix("shop");
    let truth = work(&provider(&statsd)?)?;
    let read = |totals: &StatsdTotals| {
        let counted = |result: &str| totals.counters.get(&requests(result)).copied().unwrap_or_default();
        let whole: BTreeMap<_, _> = RESULTS.map(|result| (result.to_owned(), counted(result))).into();
        let durations = totals.timers.get("shop.request.duration").map(|timer| timer.count).unwrap_or_default();
        let level = |name: &str| totals.gauges.get(name).copied().unwrap_or_default();
        let saved = totals.counters.get("shop.saved.time").copied().unwrap_or_default();
        (whole, durations, saved, level("shop.active"), level("shop.level"))
    };
    let requests = truth.requests.iter().map(|(result, count)| (result.clone(), *count as f64)).collect();
    let expected = (requests, truth.durations as f64, truth.saved, truth.active, truth.level);
    let totals = eventually("the counts", PATIENCE, || server.totals(), |totals| read(totals) == expected)?;
    assert_eq!(totals.counters["statsd.bad_lines_seen"], 0.0);
    let timer = totals.timers["shop.request.duration"];
    // Few lines represent many durations, and their values are within the measured range, in milliseconds.
    assert!(timer.values < truth.durations, "{timer:?}");
    let (min, max) = (timer.min.context("no values")?, timer.max.context("no values")?);
    assert!((0.3..=1.0).contains(&min) && (1_000.0..=5_000.0).contains(&max), "{timer:?}");
    check_exports(&statsd);
    Ok(())
}

/// The counts on the page that Prometheus scrapes.
fn scrape(stack: &Stack, prefix: &str) -> Result<Truth> {
    let mut truth = Truth::default();
    let whole = |value: f64| value.round() as u64;
    for sample in samples(stack.collector().metrics_url())? {
        use prometheus_parse::Value;
        let Some(name) = sample.metric.strip_prefix(prefix) else { continue };
        match (name, sample.value) {
            ("requests_total", Value::Counter(value)) => {
                let result = sample.labels.get("result").context("no result")?;
                truth.requests.insert(result.to_owned(), whole(value));
            }
            ("saved_time_total", Value::Counter(value)) => truth.saved = value,
            ("active", Value::Gauge(value)) => truth.active = value,
            ("level", Value::Gauge(value)) => truth.level = value,
            ("request_duration_milliseconds_count", Value::Untyped(value)) => truth.durations = whole(value),
            ("request_duration_milliseconds_sum", Value::Untyped(value)) => truth.seconds = value / 1e3,
            ("request_duration_milliseconds", Value::Histogram(buckets)) => {
                for (within, bound) in truth.within.iter_mut().zip(BOUNDS) {
                    let bucket = buckets.iter().find(|bucket| bucket.less_than == bound * 1e3);
                    *within = whole(bucket.context("no such bucket")?.count);
                }
            }
            _ => {}
        }
    }
    Ok(truth)
}

fn prove_collector(dialect: Dialect, prefix: &str) -> Result<()> {
    let stack = Stack::shared()?;
    let statsd = StatsD::new(stack.collector().statsd().parse()?).dialect(dialect).prefix(prefix);
    let truth = work(&provider(&statsd)?)?;
    // The sum of many fractions isn't exact.
    let counts = |truth: &Truth| Truth { seconds: 0.0, ..truth.clone() };
    let prefix = format!("{prefix}_");
    let found = eventually("the counts", PATIENCE, || scrape(&stack, &prefix), |f| counts(f) == counts(&truth))?;
    assert!((found.seconds / truth.seconds - 1.0).abs() < 1e-9, "{} for {}", found.seconds, truth.seconds);
    check_exports(&statsd);
    Ok(())
}

#[test]
fn collector_has_the_counts_from_dogstatsd_lines() -> Result<()> {
    prove_collector(Dialect::DogStatsD, "proof_dogstatsd")
}

#[test]
fn collector_has_the_counts_from_tagged_lines() -> Result<()> {
    prove_collector(Dialect::Tagged, "proof_tagged")
}

#[test]
fn summary_is_exact_at_the_original_server() -> Result<()> {
    let server = StatsdServer::start()?;
    let statsd = StatsD::new(server.address().parse()?).timings(Timings::Summarised);
    let truth = work(&provider(&statsd)?)?;
    let read = |totals: &StatsdTotals| totals.counters.get("request.duration.count").copied().unwrap_or_default();
    let counted = |totals: &StatsdTotals| read(totals) == truth.durations as f64;
    let totals = eventually("the count", PATIENCE, || server.totals(), counted)?;
    let milliseconds = totals.counters["request.duration.sum"];
    assert!((milliseconds / truth.seconds / 1e3 - 1.0).abs() < 1e-9, "{milliseconds} for {}", truth.seconds);
    check_exports(&statsd);
    Ok(())
}

#[test]
fn dead_server_delays_nothing_and_its_loss_is_counted() -> Result<()> {
    let mut server = StatsdServer::start()?;
    let statsd = StatsD::new(server.address().parse()?);
    // Exports happen only on a flush.
    let meters = SdkMeterProvider::builder().with_periodic_exporter(statsd.metric_exporter()?).build();
    let requests = meters.meter("proof").u64_counter("requests").build();
    let add = || {
        let began = Instant::now();
        (0..100_u64).for_each(|number| requests.add(1, &[KeyValue::new("number", number.to_string())]));
        let outcome = meters.force_flush();
        // It doesn't wait, also on a busy machine.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        outcome
    };
    add()?;
    assert_eq!((statsd.stats().total_sent(), statsd.stats().total_dropped()), (100, 0));
    let arrived = |totals: &StatsdTotals| totals.counters.get("requests;number=99") == Some(&1.0);
    eventually("what was sent before", PATIENCE, || server.totals(), arrived)?;

    server.kill()?;
    for missed in 1..=3 {
        assert!(add().is_err(), "an export without a server");
        assert_eq!((statsd.stats().total_sent(), statsd.stats().total_dropped()), (100, 100 * missed));
    }
    let began = Instant::now();
    drop(meters.shutdown());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    Ok(())
}
