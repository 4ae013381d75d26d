//! What a collection of the telemetry of many caches costs, and which share of that is the SDK's own.
//!
//! Builds caches with names of their own, uses each of them, and collects as a reader does, without exporting. Beside
//! it our callbacks without an SDK behind them, and the SDK with callbacks that only read the same data points from a
//! table: the least any instrumentation can take. Last, a scrape: a collection and its page for Prometheus.

mod bare;
mod discard;
mod unheard;

use std::time::{Duration, Instant};

use cachescope::otel::cardinality_view;
use cachescope::prometheus::{Format, exporter};
use cachescope::{Cached, Telemetry, cached};
use clap::Parser;
use futures_util::FutureExt;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::noop::NoopTracerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};

use crate::discard::{Discard, Shape};
use crate::unheard::Unheard;

#[derive(Parser)]
#[command(about)]
struct Arguments {
    /// How many caches.
    #[arg(long, default_value_t = 10_000)]
    caches: usize,
    /// How many collections are timed, after two to warm up.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
}

fn main() -> anyhow::Result<()> {
    let Arguments { caches, rounds } = Arguments::parse();

    let unheard = Unheard::default();
    let built = build(caches, unheard.clone());
    let reading = median(rounds, || {
        unheard.collect();
        anyhow::Ok(())
    })?;
    drop(built);

    let (meters, seen) = provider(caches);
    let built = build(caches, meters.clone());
    let whole = median(rounds, || meters.force_flush())?;
    let shapes = seen.shapes();
    drop(built);

    let (meters, seen) = provider(caches);
    bare::observe(&meters, &shapes);
    let bare = median(rounds, || meters.force_flush())?;
    let points = |shapes: &[Shape]| shapes.iter().map(|shape| shape.sets.len()).sum::<usize>();
    anyhow::ensure!(points(&seen.shapes()) == points(&shapes), "the bare callbacks make other data points");

    drop((meters, seen));

    let (reader, metrics) = exporter()?;
    let meters = SdkMeterProvider::builder().with_reader(reader).with_view(cardinality_view(caches)).build();
    let built = build(caches, meters.clone());
    let text = median(rounds, || metrics.encode().map(drop))?;
    let openmetrics = median(rounds, || metrics.encode_as(Format::OpenMetrics).map(drop))?;
    let page = metrics.encode()?;
    drop((built, meters));

    println!("{caches} caches, {} data points", points(&shapes));
    println!("a collection                {whole:>10.1?}");
    println!("reading the caches alone    {reading:>10.1?}");
    println!("the SDK on the same points  {bare:>10.1?}");
    println!("a scrape, as text           {text:>10.1?}  {} lines, {} MiB", page.lines().count(), page.len() >> 20);
    println!("a scrape, as OpenMetrics    {openmetrics:>10.1?}");
    Ok(())
}

fn build(caches: usize, meters: impl MeterProvider + Send + Sync + 'static) -> Vec<Cached<u64, u64>> {
    let telemetry = Telemetry::new(meters, NoopTracerProvider::new());
    (0..caches).map(|index| used(index, &telemetry)).collect()
}

fn provider(caches: usize) -> (SdkMeterProvider, Discard) {
    let discard = Discard::default();
    let reader = PeriodicReader::builder(discard.clone()).with_interval(Duration::from_secs(3600)).build();
    (SdkMeterProvider::builder().with_reader(reader).with_view(cardinality_view(caches)).build(), discard)
}

/// A miss and a hit.
fn used(index: usize, telemetry: &Telemetry) -> Cached<u64, u64> {
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
