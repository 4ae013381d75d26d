//! A process of a fleet that publishes its stats in a store: `publisher URL NAME INTERVAL_MILLISECONDS`.
//!
//! Its orders are `call KEY`, answered by `called`; `publish`, answered by its stats as JSON; and `end`.

use std::time::Duration;

use anyhow::Context;
use cachescope::cached;
use cachescope::fleet::Fleet;
use cachescope_tests::store::open;
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let store = open(&arguments.next().context("the address of a store")?).await?;
    let name = arguments.next().context("a name")?;
    let interval = Duration::from_millis(arguments.next().context("an interval")?.parse()?);
    let squares = cached("fleet.squares", |n: u64| async move { n * n }).build();
    let member = Fleet::new("tests", store).instance(name).publish_every(interval).join()?;
    println!("ready");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.split_once(' ') {
            Some(("call", key)) => {
                squares.call(key.parse()?).await;
                println!("called");
            }
            None if line == "publish" => {
                member.publish().await?;
                println!("{}", serde_json::to_string(&squares.metrics().stats())?);
            }
            None if line == "end" => {
                member.close().await?;
                println!("ended");
                return Ok(());
            }
            _ => anyhow::bail!("unknown: {line}"),
        }
    }
    Ok(())
}
