//! A process of a fleet over a shared store, controlled line by line.
//!
//! Its orders are `call KEY`, `burst KEY TASKS`, `invalidate KEY`, `until_not KEY VALUE` and `counts`. It answers each with
//! one line. At the start of a load it writes `loading`.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use cachescope::metrics::{LoadOutcome, RequestResult};
use cachescope::store::{KeyEncoding, Store};
use cachescope::{Cached, Moka, Shared, Tiered, cached};
use cachescope_tests::store::open;
use tokio::io::{AsyncBufReadExt, BufReader};

/// The time of a load.
const LOAD: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("the address of a store")?;
    let mode = arguments.next().context("plain, tiered or deaf")?;
    let millis: u64 = arguments.next().context("a lease, or the TTL of memory, in milliseconds")?.parse()?;
    let time = Duration::from_millis(millis);
    let shared = Shared::new(open(&url).await?).timeout(Duration::from_secs(5));
    let builder = cached("member", |_: u64| async {
        println!("loading");
        tokio::time::sleep(LOAD).await;
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64)
    });
    println!("ready");
    match mode.as_str() {
        "plain" => serve(builder.store(shared.lease(time)).build()).await,
        "tiered" => {
            let store = Tiered::new(Moka::with_capacity(1_000), shared).memory_ttl(time);
            serve(builder.store(store).build()).await
        }
        // A store on a plain connection can't listen for invalidations.
        "deaf" => {
            let client = cachescope::redis::redis::Client::open(url)?;
            let store = cachescope::Redis::new(client.get_multiplexed_async_connection().await?);
            let store = Tiered::new(Moka::with_capacity(1_000), Shared::new(store)).memory_ttl(time);
            serve(builder.store(store).build()).await
        }
        other => anyhow::bail!("no mode {other}"),
    }
}

async fn serve<S: Store<u64, u64, KeyEncoding: KeyEncoding<u64>>>(
    cache: Cached<u64, u64, std::convert::Infallible, S>,
) -> anyhow::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["call", key] => println!("{}", cache.call(key.parse()?).await),
            ["burst", key, tasks] => {
                let (key, tasks): (u64, usize) = (key.parse()?, tasks.parse()?);
                let calls = (0..tasks).map(|_| {
                    let cache = cache.clone();
                    tokio::spawn(async move { cache.call(key).await })
                });
                let mut values = Vec::new();
                for call in calls.collect::<Vec<_>>() {
                    values.push(call.await?);
                }
                values.dedup();
                println!("{values:?}");
            }
            ["invalidate", key] => {
                cache.invalidate(&key.parse()?);
                cache.flush().await?;
                println!("flushed");
            }
            ["until_not", key, value] => {
                let (key, value): (u64, u64) = (key.parse()?, value.parse()?);
                let begun = Instant::now();
                loop {
                    let now = cache.call(key).await;
                    if now != value {
                        println!("{now} {}", begun.elapsed().as_micros());
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            ["counts"] => {
                let stats = cache.metrics().stats();
                let count = |result| stats.result(result);
                println!(
                    "{} {} {} {}",
                    count(RequestResult::Hit),
                    count(RequestResult::Miss),
                    count(RequestResult::Coalesced),
                    stats.loads(LoadOutcome::Loaded)
                );
            }
            _ => anyhow::bail!("unknown order: {line}"),
        }
    }
    Ok(())
}
