//! One process of a fleet over a shared store: it does what it is told line by line, and says what came of it.
//!
//! `call KEY`, `burst KEY TASKS`, `invalidate KEY`, `until_not KEY VALUE`, `books`; an answer is one line. When it
//! begins to load it says `loading`.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use cachescope::{Cached, LoadOutcome, Moka, Naming, RequestResult, Shared, Store, Tiered, cached};
use cachescope_tests::opened::open;
use tokio::io::{AsyncBufReadExt, BufReader};

/// What a load takes.
const LOAD: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("the address of a store")?;
    let mode = arguments.next().context("plain, tiered or deaf")?;
    let millis: u64 = arguments.next().context("a lease, or a memory's life, in milliseconds")?.parse()?;
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
            let store = Tiered::new(Moka::with_capacity(1_000), shared).memory_life(time);
            serve(builder.store(store).build()).await
        }
        // Made of a bare connection it has nothing to listen by.
        "deaf" => {
            let client = cachescope::redis::redis::Client::open(url)?;
            let store = cachescope::Redis::new(client.get_multiplexed_async_connection().await?);
            let store = Tiered::new(Moka::with_capacity(1_000), Shared::new(store)).memory_life(time);
            serve(builder.store(store).build()).await
        }
        other => anyhow::bail!("no mode {other}"),
    }
}

async fn serve<S: Store<u64, u64, Naming: Naming<u64>>>(
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
            ["books"] => {
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
            _ => anyhow::bail!("no such order: {line}"),
        }
    }
    Ok(())
}
