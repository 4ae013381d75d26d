//! Measures a hit through `cached(...)` against a get from the bare store.
//!
//! `hit ratio` measures time, in alternating batches. `hit count CASE N` runs a case N times, for a tool that counts
//! instructions. `hit cases` lists the cases.

mod batch;
mod case;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::case::{Access, Case};

#[derive(Parser)]
#[command(about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Times each case against its bare store, in turns.
    Ratio {
        /// The number of pairs of batches for each case.
        #[arg(long, default_value_t = 400)]
        rounds: usize,
    },
    /// Times hits with insight against hits without insight, in turns, on one thread and on two threads.
    Insight {
        /// The number of pairs of batches for each case.
        #[arg(long, default_value_t = 400)]
        rounds: usize,
    },
    /// Lists the cases, one per line.
    Cases,
    /// Runs one case for a number of hits, and nothing else.
    Count {
        /// The name of the case, as `cases` lists it.
        case: String,
        /// The number of hits.
        hits: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let command = Arguments::parse().command;
    let _providers = case::providers();
    match command {
        Command::Ratio { rounds } => {
            println!("{:<20} {:>9} {:>12} {:>8}", "store and value", "bare ns", "cached ns", "ratio");
            for bare in Case::all().filter(|case| matches!(case.access, Access::Bare)) {
                let cached = Case { access: Access::Cached, ..bare };
                let comparison = batch::compare(&mut *bare.prepare(), &mut *cached.prepare(), rounds);
                println!(
                    "{:<20} {:>9.1} {:>12.1} {:>8.3}",
                    bare.name(),
                    comparison.bare_ns,
                    comparison.cached_ns,
                    comparison.ratio
                );
            }
        }
        Command::Insight { rounds } => {
            println!(
                "{:<20} {:>8} {:>12} {:>12} {:>8}",
                "store and value", "threads", "without ns", "with ns", "ratio"
            );
            let cases = Case::all().filter(|case| matches!(case.access, Access::Bare));
            for case in cases.flat_map(|case| [1, 2].map(|threads| Case { threads, ..case })) {
                let [without, with] = [Access::WithoutInsight, Access::Cached].map(|access| Case { access, ..case });
                let comparison = batch::compare(&mut *without.prepare(), &mut *with.prepare(), rounds);
                let threads = case.threads;
                println!(
                    "{:<20} {threads:>8} {:>12.1} {:>12.1} {:>8.3}",
                    case.name(),
                    comparison.bare_ns,
                    comparison.cached_ns,
                    comparison.ratio
                );
            }
        }
        Command::Cases => Case::all().for_each(|case| println!("{}", case.name())),
        Command::Count { case, hits } => {
            let named = Case::all().find(|known| known.name() == case);
            let mut run = named
                .with_context(|| format!("CASE must be one of the names that `hit cases` lists, got {case}"))?
                .prepare();
            run(hits);
        }
    }
    Ok(())
}
