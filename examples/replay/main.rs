//! An access trace, replayed through a cache: what it makes of it, and what it says another size would.
//!
//! `cargo run --release --example replay -- TRACE --capacity 10000` prints the hit rate, the curve of hit rates over
//! sizes that the cache predicted from this one run, what other times to live would make of it, how large its working
//! set is, which keys are hot, and what the cache advises.
//!
//! - `--check` replays the trace with those other sizes too, and says how wrong each prediction was.
//! - `--ttl 10s` gives entries a time to live. Time is the trace's own, so that a day takes seconds.
//! - `--store quick-cache` is the other store; `--byte-limit` counts bytes, by a CSV's sizes.
//! - `--json` ends with one line of JSON.
//!
//! Nothing of a trace is kept but what is in the cache, so it may be as long as it likes; `--help` has the formats.

mod args;
mod check;
mod columns;
mod format;
mod key;
mod layout;
mod lines;
mod outcome;
mod predicted;
mod run;
mod screen;
mod setting;
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
        let setting = args.setting();
        let mut outcome = Outcome::of(setting, Run::of(&args, &setting, true).await?);
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
