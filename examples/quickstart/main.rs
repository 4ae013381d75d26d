//! A shop's service over SQLite with a cached query, under load: `cargo run --example quickstart`.
//!
//! Problem: a query is expensive, and its cache is a black box. `service::products` wraps the query with
//! `try_cached` in five lines, and `telemetry::start` exports the metrics and traces of the cache. These two parts are
//! worth copying; the rest is a service to cache for, and traffic that makes the numbers move.

mod args;
mod catalog;
mod figures;
mod screen;
mod service;
mod shutdown;
mod telemetry;
mod traffic;

use std::time::{Duration, Instant};

use clap::Parser;
use console::Term;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::args::Args;
use crate::catalog::Catalog;
use crate::figures::Figures;
use crate::screen::Screen;
use crate::service::{Products, Server};
use crate::traffic::Traffic;

/// The first figures come early; later ones come once a second.
const FIRST_FIGURES: Duration = Duration::from_millis(250);

/// The last figures, as JSON.
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
    screen.write_line(&format!("service  http://{}/products/1", server.address()))?;
    let page = live_page().await?;
    screen.write_line(&format!("caches   http://{}/", page.address()))?;
    if telemetry.prometheus().is_some() {
        screen.write_line(&format!("metrics  http://{}/metrics", server.address()))?;
    }
    if let Some(collector) = telemetry::collector() {
        screen.write_line(&format!("OTLP     {collector}"))?;
    }

    let traffic = Traffic::start(&products, server.address())?;
    let first_number_after_ms = watch(&products, &mut screen, args.run_for).await?;
    // The clients stop before the server, so every request is answered.
    traffic.stop().await?;
    server.stop().await;

    let figures = read(&products);
    screen.finish(&figures)?;
    if args.json {
        println!("{}", serde_json::to_string(&Summary { figures, first_number_after_ms })?);
    }
    Ok(())
}

/// Serves the live page of this process's caches on its default port, or on any free port if that one is in use.
async fn live_page() -> Result<cachescope_zpages::Server, cachescope_zpages::Error> {
    match cachescope_zpages::serve().await {
        Err(error) if error.is_bind() => cachescope_zpages::Server::bind("127.0.0.1:0").await,
        served => served,
    }
}

/// Shows figures until the run ends. Returns the milliseconds from the start of the program to the first figures.
async fn watch(products: &Products, screen: &mut Screen, run_for: Option<Duration>) -> anyhow::Result<Option<u128>> {
    let mut ticks = interval_at(tokio::time::Instant::now() + FIRST_FIGURES, Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut shutdown = std::pin::pin!(shutdown::shutdown(run_for));
    let mut first_number_after_ms = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let age = screen.update(&read(products))?;
                first_number_after_ms.get_or_insert(age.as_millis());
            }
            result = &mut shutdown => {
                result?;
                return Ok(first_number_after_ms);
            }
        }
    }
}

fn read(products: &Products) -> Figures {
    Figures::new(&products.metrics().stats())
}
