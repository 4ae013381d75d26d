//! A shop's service over SQLite, its query cached, under load: `cargo run --example quickstart`.
//!
//! The part worth copying is `service::products`, five lines that wrap a query with a cache. `telemetry::start` is
//! how what the cache does gets out; all else is a service to look at and a load to make it interesting.

mod args;
mod catalog;
mod end;
mod figures;
mod load;
mod screen;
mod service;
mod telemetry;

use std::time::{Duration, Instant};

use clap::Parser;
use console::Term;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::args::Args;
use crate::catalog::Catalog;
use crate::figures::Figures;
use crate::load::Load;
use crate::screen::Screen;
use crate::service::{Products, Server};

/// The first figures come sooner than the next ones, which come once a second.
const FIRST_FIGURES: Duration = Duration::from_millis(250);

/// The last figures, for programs.
#[derive(Debug, Serialize)]
struct Summary {
    #[serde(flatten)]
    figures: Figures,
    first_number_after_ms: Option<u128>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let started = Instant::now();
    let args = Args::parse();
    let telemetry = telemetry::start()?;
    let mut screen = Screen::new(if args.json { Term::stderr() } else { Term::stdout() }, started);

    let products = service::products(Catalog::open(&args.database).await?);
    let metrics = telemetry.prometheus().map(|metrics| metrics.router());
    let server = Server::start(service::router(products.clone(), metrics), args.port).await?;
    screen.say(&format!("service  http://{}/products/1", server.address()))?;
    let page = live_page().await?;
    screen.say(&format!("caches   http://{}/", page.address()))?;
    if telemetry.prometheus().is_some() {
        screen.say(&format!("metrics  http://{}/metrics", server.address()))?;
    }
    if let Some(collector) = telemetry::collector() {
        screen.say(&format!("OTLP     {collector}"))?;
    }

    let load = Load::start(&products, server.address())?;
    let first_number_after_ms = watch(&products, &mut screen, args.run_for).await?;
    // In this order no request is left under way: who asks ends first, then who answers.
    load.stop().await?;
    server.stop().await;

    let figures = read(&products);
    screen.finish(&figures)?;
    if args.json {
        println!("{}", serde_json::to_string(&Summary { figures, first_number_after_ms })?);
    }
    Ok(())
}

/// The page of this process's caches: at its usual port, or at any other if that is taken.
async fn live_page() -> Result<cachescope_zpages::Server, cachescope_zpages::Error> {
    match cachescope_zpages::serve().await {
        Err(error) if error.is_bind() => cachescope_zpages::Server::bind("127.0.0.1:0").await,
        served => served,
    }
}

/// Shows figures until the end; returns when the first of them were there.
async fn watch(products: &Products, screen: &mut Screen, run_for: Option<Duration>) -> anyhow::Result<Option<u128>> {
    let mut ticks = interval_at(tokio::time::Instant::now() + FIRST_FIGURES, Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut end = std::pin::pin!(end::end(run_for));
    let mut first_number_after_ms = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let age = screen.update(&read(products))?;
                first_number_after_ms.get_or_insert(age.as_millis());
            }
            ended = &mut end => {
                ended?;
                return Ok(first_number_after_ms);
            }
        }
    }
}

fn read(products: &Products) -> Figures {
    Figures::of(&products.metrics().stats())
}
