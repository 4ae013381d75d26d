//! Measures a request to a cache with a shared store against the same operation of the store's bare client.
//!
//! Prints ratios. Both sides are timed in turns, in the same run.

mod clients;

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::Result;
use cachescope::shared::ByteStore;
use cachescope::{Shared, cached};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

use crate::clients::{Client, mongodb, postgres, redis};

/// The number of batches for each side.
const ROUNDS: usize = 21;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the duration of one operation in a batch, in microseconds.
async fn time<F: Future<Output = Result<()>>>(batch: u64, run: &mut impl FnMut(u64) -> F) -> Result<f64> {
    let start = Instant::now();
    for number in 0..batch {
        run(number).await?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / batch as f64)
}

/// Times both sides in turns, and prints their medians and the median of the ratios of all rounds.
async fn compare<A, B>(
    name: &str,
    batch: u64,
    mut bare: impl FnMut(u64) -> A,
    mut cached: impl FnMut(u64) -> B,
) -> Result<()>
where
    A: Future<Output = Result<()>>,
    B: Future<Output = Result<()>>,
{
    let (mut bare_times, mut cached_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    time(batch, &mut bare).await?;
    time(batch, &mut cached).await?;
    for _ in 0..ROUNDS {
        let (bare, cached) = (time(batch, &mut bare).await?, time(batch, &mut cached).await?);
        bare_times.push(bare);
        cached_times.push(cached);
        ratios.push(cached / bare);
    }
    let (bare, cached, ratio) = (median(bare_times), median(cached_times), median(ratios));
    println!("{name:<16} bare {bare:>8.1} us   cached {cached:>8.1} us   ratio {ratio:.3}");
    Ok(())
}

/// Compares a hit with a bare read of the same number of bytes, and a miss with a bare read and write. Each batch has
/// `batch` operations.
async fn measure<C: Client>(name: &str, batch: u64, client: C, store: impl ByteStore + Clone) -> Result<()> {
    let value = "v".repeat(100);
    client.write(1, value.as_bytes()).await?;
    let load = {
        let value = value.clone();
        move |_: u64| std::future::ready(value.clone())
    };
    let cache = cached(format!("remote.{name}"), load).stale_after(Duration::from_secs(3_600));
    let cache = cache.store(Shared::new(store)).build();
    cache.call(1).await;
    let hit = |_| async {
        cache.call(1).await;
        Ok(())
    };
    compare(&format!("{name} hit"), batch, |_| client.read(1), hit).await?;
    let before = cache.metrics().stats();
    assert_eq!(before.misses(), 1, "all measured requests must be hits");
    let mut fresh = 10;
    let miss = |_| {
        fresh += 1;
        let key = fresh;
        let cache = &cache;
        async move {
            cache.call(key).await;
            Ok(())
        }
    };
    let (client, value) = (&client, value.as_bytes());
    let read_and_write = |number| async move {
        client.read(number + 1_000_000).await?;
        client.write(number, value).await
    };
    compare(&format!("{name} miss"), batch, read_and_write, miss).await
}

fn main() -> Result<()> {
    let reader = PeriodicReader::builder(InMemoryMetricExporter::default()).with_interval(Duration::from_secs(60));
    let meters = SdkMeterProvider::builder().with_reader(reader.build()).build();
    opentelemetry::global::set_meter_provider(meters);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let servers = [cachescope_harness::Server::redis()?, cachescope_harness::Server::postgres()?];
    let ferret = cachescope_harness::Server::mongodb()?;
    runtime.block_on(async {
        let (client, store) = redis(servers[0].url()).await?;
        measure("redis", 200, client, store).await?;
        let (client, store) = postgres(servers[1].url()).await?;
        measure("postgresql", 200, client, store).await?;
        let (client, store) = mongodb(ferret.url()).await?;
        // The batch is small because FerretDB, which is used instead of MongoDB, writes slowly.
        measure("mongodb", 20, client, store).await
    })
}
