//! One process of the fleet: `fleet instance [--for TIME] [--rate REQUESTS]`. It is a shop with caches under load,
//! which exports telemetry and reports to its parent process. It doesn't depend on the other instances.
//!
//! The `OTEL_*` variables configure the exporters and the name of the instance. `REDIS_URL` is the store that the
//! instances share; the default is `redis://127.0.0.1/`.
//!
//! Stdin takes one command on each line:
//!
//! - `hold`: stops requests until `go`. Reports `held` once running requests are answered and background loads have
//!   ended.
//! - `flush`: holds, and delivers all counts. Reports `flushed`, with exactly the counts that were delivered so far. An
//!   instance that fails to deliver exits with an error.
//! - `go`: starts requests again. Reports nothing.
//!
//! The instance ends when stdin is closed, or after `--for`: it holds, delivers the remaining counts, reports `ended`
//! and exits with 0. The counts of `ended` are exactly the delivered counts of the whole process.
//!
//! A report is a line of JSON on stdout. The first report, `started`, comes as soon as requests start:
//!
//! ```json
//! {"event":"flushed","stats":{"product.by_id":{…},"price.by_id":{…},"session.by_token":{…}},"loads_us":{"product.by_id":[8012,…],…}}
//! ```
//!
//! `stats` has the `cachescope::Stats` of each cache since the start of the process, in the format of serde. `loads_us`
//! has the duration of each load in microseconds, measured by the loaded functions, in no order. Messages for people go
//! to stderr.

use std::io::{self, BufRead as _};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use cachescope::otel::Guard;
use tokio::sync::mpsc;

use crate::args::InstanceArgs;
use crate::shop::Shop;
use crate::telemetry;
use crate::totals::{Event, Totals};
use crate::traffic::{Held, Traffic};

/// A command on stdin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Hold,
    Flush,
    Go,
}

impl Command {
    const ALL: [Self; 3] = [Self::Hold, Self::Flush, Self::Go];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Flush => "flush",
            Self::Go => "go",
        }
    }
}

impl FromStr for Command {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        let known = Self::ALL.into_iter().find(|command| command.as_str() == line.trim());
        known.with_context(|| format!("a command must be hold, flush or go, got `{line}`"))
    }
}

/// Runs an instance until it ends.
pub(crate) async fn run(args: &InstanceArgs) -> anyhow::Result<()> {
    let telemetry = telemetry::start()?;
    let shop = Shop::open(&redis_url()).await?;
    let traffic = Traffic::start(&shop, args.rate)?;
    report(Event::Started, &shop)?;

    let mut commands = commands();
    let mut end = std::pin::pin!(end(args.run_for));
    let mut held = None;
    loop {
        let command = tokio::select! {
            command = commands.recv() => command,
            () = &mut end => None,
        };
        match command.transpose()? {
            Some(Command::Go) => held = None,
            Some(Command::Hold) => {
                held = Some(hold(held, &traffic, &shop).await);
                report(Event::Held, &shop)?;
            }
            Some(Command::Flush) => {
                held = Some(hold(held, &traffic, &shop).await);
                deliver(&telemetry, &shop)?.print(Event::Flushed)?;
            }
            None => break,
        }
    }
    let _held = hold(held, &traffic, &shop).await;
    shop.close().await?;
    let last = deliver(&telemetry, &shop)?;
    tokio::task::block_in_place(|| telemetry.shutdown()).context("failed to deliver the last counts")?;
    ensure!(Totals::read(&shop).tally() == last.tally(), "the counts changed during the shutdown");
    last.print(Event::Ended)
}

/// Stops requests, and waits for running requests and loads. Requests stay stopped until the result is dropped.
async fn hold(held: Option<Held>, traffic: &Traffic, shop: &Shop) -> Held {
    let held = match held {
        Some(held) => held,
        None => traffic.hold().await,
    };
    shop.wait_until_idle().await;
    held
}

/// Delivers until the counts before and after a delivery are equal: then exactly these counts were delivered. The
/// background work of stores can still change counts.
fn deliver(telemetry: &Guard, shop: &Shop) -> anyhow::Result<Totals> {
    const ATTEMPTS: usize = 50;
    for _ in 0..ATTEMPTS {
        let before = Totals::read(shop);
        tokio::task::block_in_place(|| telemetry.flush()).context("failed to deliver the counts")?;
        if Totals::read(shop).tally() == before.tally() {
            return Ok(before);
        }
    }
    bail!("counts still change after {ATTEMPTS} deliveries, although no request is running")
}

fn report(event: Event, shop: &Shop) -> anyhow::Result<()> {
    Totals::read(shop).print(event)
}

fn redis_url() -> String {
    std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned())
}

async fn end(run_for: Option<Duration>) {
    match run_for {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// Reads commands from stdin on a separate thread. A runtime would wait at its end for a blocking read.
fn commands() -> mpsc::UnboundedReceiver<anyhow::Result<Command>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let lines = io::stdin().lock().lines().map_while(Result::ok);
        lines.map(|line| line.parse()).try_for_each(|command| sender.send(command))
    });
    receiver
}
