//! Checks that Prometheus shows the exact counts of several processes: `cargo run -p cachescope-fleet --example fleet`.
//!
//! Problem: instances start, crash and end, and the collector restarts. Can you trust the sums? This program measures
//! it. Instances of a service, which are processes of this program, start one after the other, share a Redis, and send
//! their metrics to one gateway, which Prometheus scrapes. One instance is killed and starts again, one delivers only
//! at its end; with `--gateway-restart` the gateway is killed as well. Finally the program compares the counts in
//! Prometheus with the counts of the caches themselves.
//!
//! - `-- --instances 8 --for 30s --temporality cumulative --gateway instances` changes the settings.
//! - `-- --json` ends with one line of JSON: `counted` and `collected` are requests by result, `difference` is the sum
//!   of missing and surplus counts over all metrics. The program fails if there is a difference.
//! - `-- --rate 25000` shows the cost of the collector, which depends on the number of series and not on requests.
//!
//! A killed process loses the counts that it hasn't sent, which are reported as `lost_in_crash`. A killed gateway loses
//! the counts that it received and Prometheus hasn't scraped, which are reported as `lost_in_restart`. Both numbers are
//! exact: the instance that crashes exports only on command, and before the gateway is killed all instances report
//! their delivered counts.
//!
//! The module `instance` documents the commands and reports of an instance.

mod args;
mod collected;
mod cost;
mod crash;
mod instance;
mod instance_handle;
mod load_times;
mod outcome;
mod quantiles;
mod restart;
mod run;
mod screen;
mod servers;
mod shop;
mod tally;
mod telemetry;
mod totals;
mod traffic;

use std::process::ExitCode;

use clap::Parser as _;
use console::Term;

use crate::args::{Args, FleetArgs, Role};

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    match args.role {
        Some(Role::Instance(args)) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(instance::run(&args))?;
            Ok(ExitCode::SUCCESS)
        }
        None => fleet(&args.fleet),
    }
}

fn fleet(args: &FleetArgs) -> anyhow::Result<ExitCode> {
    let screen = if args.json { Term::stderr() } else { Term::stdout() };
    let outcome = run::run(args, &|text| screen.write_line(text))?;
    screen.write_line(&screen::text(&outcome))?;
    if args.json {
        println!("{}", serde_json::to_string(&outcome.summary())?);
    }
    Ok(if outcome.difference() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
