//! One true number from several processes: `cargo run --example fleet`.
//!
//! Instances of a service, which are processes of this same program, come one after the other, share a Redis, and send
//! what their caches count to one gateway, which Prometheus scrapes. One is killed and begins anew, one delivers only at
//! its end; with `--gateway-restart` the gateway is killed as well. In the end, what Prometheus shows is compared with
//! what the processes counted, read from the caches themselves.
//!
//! - `-- --instances 8 --for 30s --temporality cumulative --gateway instances` varies it.
//! - `-- --json` ends with one line of JSON: `counted` and `collected` are requests by result, `difference` is what is
//!   missing or too much over all metrics. If there is any, the program fails.
//! - `-- --rate 25000` for what the collector costs, which follows from the number of series and not of requests.
//!
//! What a killed process had counted and not sent is lost, and said to be, as `lost_in_crash`; so is what a killed
//! gateway had received and nobody scraped, as `lost_in_restart`. Neither is guessed: the instance that crashes exports
//! only when it is told to, and before the gateway dies all instances say what they had handed over.
//!
//! `instance` says how a process of the fleet is told what to do.

mod args;
mod books;
mod cost;
mod crash;
mod instance;
mod loads;
mod member;
mod outcome;
mod places;
mod quantiles;
mod restart;
mod run;
mod screen;
mod shop;
mod shown;
mod tally;
mod telemetry;
mod visitors;

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
