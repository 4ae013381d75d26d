//! One process of the fleet: `fleet instance [--for TIME] [--rate REQUESTS]`. It needs the others as little as they need
//! it: a shop with its caches under load, which tells OpenTelemetry, and whoever started it.
//!
//! It reads the `OTEL_*` variables, for where telemetry goes and what this instance is called, and `REDIS_URL`, for the
//! store that the instances share (`redis://127.0.0.1/` without it).
//!
//! On stdin it takes a command a line:
//!
//! - `hold`: no more requests, until `go`. Told as `held` once those under way have their answers, and loads behind them
//!   are through.
//! - `flush`: the same, and what was counted is delivered. Told as `flushed`: its numbers are exactly what was handed over
//!   so far. An instance that can't deliver ends with an error.
//! - `go`: requests again. Nothing is told.
//!
//! It ends when stdin is closed, or after `--for`: it holds, delivers what is left, tells it as `ended` and exits with 0.
//! The numbers of `ended` are exactly what was handed over in its life.
//!
//! On stdout it tells a line of JSON each time, the first one, `started`, as soon as its requests begin:
//!
//! ```json
//! {"event":"flushed","stats":{"product.by_id":{…},"price.by_id":{…},"session.by_token":{…}},"loads_us":{"product.by_id":[8012,…],…}}
//! ```
//!
//! `stats` are the `cachescope::Stats` of each cache since the process began, which serde reads back; `loads_us` is how
//! long each load took, in microseconds, measured by the loaded functions themselves and in no order. Messages for people go to
//! stderr.

use std::io::{self, BufRead as _};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use cachescope::otel::Guard;
use tokio::sync::mpsc;

use crate::args::InstanceArgs;
use crate::books::{Books, Event};
use crate::shop::Shop;
use crate::telemetry;
use crate::visitors::{Held, Visitors};

/// What an instance is told.
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
        known.with_context(|| format!("no command `{line}`: there are hold, flush and go"))
    }
}

/// Runs one until it is to end.
pub(crate) async fn run(args: &InstanceArgs) -> anyhow::Result<()> {
    let telemetry = telemetry::start()?;
    let shop = Shop::open(&redis_url()).await?;
    let visitors = Visitors::start(&shop, args.rate)?;
    tell(Event::Started, &shop)?;

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
                held = Some(hold(held, &visitors, &shop).await);
                tell(Event::Held, &shop)?;
            }
            Some(Command::Flush) => {
                held = Some(hold(held, &visitors, &shop).await);
                deliver(&telemetry, &shop)?.tell(Event::Flushed)?;
            }
            None => break,
        }
    }
    let _held = hold(held, &visitors, &shop).await;
    shop.close().await?;
    let last = deliver(&telemetry, &shop)?;
    tokio::task::block_in_place(|| telemetry.shutdown()).context("can't deliver what is left")?;
    ensure!(Books::of(&shop).tally() == last.tally(), "something was counted while it ended");
    last.tell(Event::Ended)
}

/// No request begins while what this returns is there, and nothing is under way when it returns.
async fn hold(already: Option<Held>, visitors: &Visitors, shop: &Shop) -> Held {
    let held = match already {
        Some(held) => held,
        None => visitors.hold().await,
    };
    shop.quiet().await;
    held
}

/// Delivers until what was counted before is what was counted after: then that is what was delivered. Stores may still
/// count what they do by themselves.
fn deliver(telemetry: &Guard, shop: &Shop) -> anyhow::Result<Books> {
    const ATTEMPTS: usize = 50;
    for _ in 0..ATTEMPTS {
        let before = Books::of(shop);
        tokio::task::block_in_place(|| telemetry.flush()).context("can't deliver what was counted")?;
        if Books::of(shop).tally() == before.tally() {
            return Ok(before);
        }
    }
    bail!("there was always something more to deliver, though no request is under way")
}

fn tell(event: Event, shop: &Shop) -> anyhow::Result<()> {
    Books::of(shop).tell(event)
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

/// The commands, as they come. A thread of its own reads them: a runtime would wait at its end for one that is reading.
fn commands() -> mpsc::UnboundedReceiver<anyhow::Result<Command>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let lines = io::stdin().lock().lines().map_while(Result::ok);
        lines.map(|line| line.parse()).try_for_each(|command| sender.send(command))
    });
    receiver
}
