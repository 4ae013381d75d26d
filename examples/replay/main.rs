//! Replays an access trace through a cache, and prints its hit rate and the hit rates of other capacities.
//!
//! Problem: which capacity and which TTL does a cache need? `Cached::insight` answers from one run, without trying
//! each.
//!
//! `cargo run --release -p cachescope-replay --example replay -- TRACE --capacity 10000` prints the hit rate, the
//! hit-rate curve over capacities that the cache predicted from this one run, the hit rates of other TTLs, the size of
//! the working set, the hot keys, and the advice of the cache.
//!
//! - `--check` replays the trace with each of the other capacities too, and reports the error of each prediction.
//! - `--ttl 10s` gives entries a TTL. Time is the time of the trace, so a day takes seconds.
//! - `--store quick-cache` selects the other store; `--byte-limit` limits bytes, by the sizes in a CSV.
//! - `--json` ends with one line of JSON.
//!
//! Memory holds the entries of the cache and one batch of requests, so a trace can have any length. `--help` lists the
//! formats.

mod args;
mod check;
mod columns;
mod config;
mod format;
mod key;
mod layout;
mod lines;
mod outcome;
mod predictions;
mod run;
mod screen;
mod source;
mod timeline;
mod trace;

use anyhow::ensure;
use clap::Parser as _;
use console::Term;

use crate::args::Args;
use crate::outcome::Outcome;
use crate::run::Run;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    ensure!(
        !(args.check && source::is_stdin(&args.trace)),
        "--check reads the trace several times, which standard input doesn't allow: give a file"
    );
    let screen = if args.json { Term::stderr() } else { Term::stdout() };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let outcome = runtime.block_on(async {
        let config = args.config();
        let mut outcome = Outcome::new(config, Run::new(&args, &config, true).await?);
        if args.check {
            check::check(&mut outcome, &args, &|text| screen.write_line(text)).await?;
        }
        anyhow::Ok(outcome)
    })?;
    screen.write_line(&screen::text(&outcome))?;
    if args.json {
        println!("{}", serde_json::to_string(&outcome)?);
    }
    Ok(())
}
