//! Measures a collection of the telemetry of many caches, and the SDK's share of the time.
//!
//! Builds caches with different names, uses each of them, and collects as a reader does, without exporting. For
//! comparison, it measures cachescope's callbacks without an SDK. It also measures the SDK with callbacks that only
//! read the same data points from a table, which is the minimum for any instrumentation. Finally it measures a scrape:
//! a collection and its page for Prometheus.

mod bare;
mod callback_runner;
mod discard;

use std::time::{Duration, Instant};

use cachescope::otel::cardinality_view;
use cachescope::prometheus::{Format, exporter};
use cachescope::{Cached, Telemetry, cached};
use clap::Parser;
use futures_util::FutureExt;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::noop::NoopTracerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};

use crate::callback_runner::CallbackRunner;
use crate::discard::{Discard, Shape};

#[derive(Parser)]
#[command(about)]
struct Arguments {
    /// The number of caches.
    #[arg(long, default_value_t = 10_000)]
    caches: usize,
    /// The number of timed collections, after two collections to warm up.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
}

fn main() -> anyhow::Result<()> {
    let Arguments { caches, rounds } = Arguments::parse();

    let callbacks = CallbackRunner::default();
    let built = build(caches, callbacks.clone());
    let callbacks_only = median(rounds, || {
        callbacks.collect();
        anyhow::Ok(())
    })?;
    drop(built);

    let (meters, seen) = provider(caches);
    let built = build(caches, meters.clone());
    let collection = median(rounds, || meters.force_flush())?;
    let shapes = seen.shapes();
    drop(built);

    let (meters, seen) = provider(caches);
    bare::observe(&meters, &shapes);
    let bare = median(rounds, || meters.force_flush())?;
    let points = |shapes: &[Shape]| shapes.iter().map(|shape| shape.sets.len()).sum::<usize>();
    anyhow::ensure!(points(&seen.shapes()) == points(&shapes), "the bare callbacks observe different data points");

    drop((meters, seen));

    let (reader, metrics) = exporter()?;
    let meters = SdkMeterProvider::builder().with_reader(reader).with_view(cardinality_view(caches)).build();
    let built = build(caches, meters.clone());
    let text = median(rounds, || metrics.encode().map(drop))?;
    let openmetrics = median(rounds, || metrics.encode_as(Format::OpenMetrics).map(drop))?;
    let page = metrics.encode()?;
    drop((built, meters));

    println!("{caches} caches, {} data points", points(&shapes));
    println!("one collection              {collection:>10.1?}");
    println!("callbacks without the SDK   {callbacks_only:>10.1?}");
    println!("SDK without the caches      {bare:>10.1?}");
    println!("one scrape, text format     {text:>10.1?}  {} lines, {} MiB", page.lines().count(), page.len() >> 20);
    println!("one scrape, OpenMetrics     {openmetrics:>10.1?}");
    Ok(())
}

fn build(caches: usize, meters: impl MeterProvider + Send + Sync + 'static) -> Vec<Cached<u64, u64>> {
    let telemetry = Telemetry::new(meters, NoopTracerProvider::new());
    (0..caches).map(|index| build_and_use(index, &telemetry)).collect()
}

fn provider(caches: usize) -> (SdkMeterProvider, Discard) {
    let discard = Discard::default();
    let reader = PeriodicReader::builder(discard.clone()).with_interval(Duration::from_secs(3600)).build();
    (SdkMeterProvider::builder().with_reader(reader).with_view(cardinality_view(caches)).build(), discard)
}

/// Builds a cache and makes two requests: a miss and a hit.
fn build_and_use(index: usize, telemetry: &Telemetry) -> Cached<u64, u64> {
    let name = format!("bench.cache.number.{index}");
    let cache = cached(name, |n: u64| async move { n }).telemetry(telemetry.clone()).build();
    for _ in 0..2 {
        let _ = cache.call(7).now_or_never();
    }
    cache
}

fn median<E>(rounds: usize, mut collect: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds + 2 {
        let start = Instant::now();
        collect()?;
        if round >= 2 {
            times.push(start.elapsed());
        }
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
