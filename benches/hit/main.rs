//! What a hit through `cached(...)` costs beside the bare store's own get.
//!
//! `hit ratio` measures time, batch by batch in turns. `hit cases` lists what `hit count CASE N` runs N
//! times for a tool that counts instructions.

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
    /// Times every case against its bare store, in turns.
    Ratio {
        /// Pairs of batches a case.
        #[arg(long, default_value_t = 400)]
        rounds: usize,
    },
    /// Times hits with insight over hits without, in turns, on one thread and on two.
    Insight {
        /// Pairs of batches a case.
        #[arg(long, default_value_t = 400)]
        rounds: usize,
    },
    /// Lists the cases, one a line.
    Cases,
    /// Runs one case and nothing else, so many times.
    Count {
        /// A name that `cases` lists.
        case: String,
        /// How many hits.
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
                let pair = batch::compare(&mut *bare.prepare(), &mut *cached.prepare(), rounds);
                println!("{:<20} {:>9.1} {:>12.1} {:>8.3}", bare.name(), pair.bare_ns, pair.ours_ns, pair.ratio);
            }
        }
        Command::Insight { rounds } => {
            println!(
                "{:<20} {:>8} {:>12} {:>12} {:>8}",
                "store and value", "threads", "without ns", "with ns", "ratio"
            );
            let cases = Case::all().filter(|case| matches!(case.access, Access::Bare));
            for case in cases.flat_map(|case| [1, 2].map(|threads| Case { threads, ..case })) {
                let [plain, cached] = [Access::Plain, Access::Cached].map(|access| Case { access, ..case });
                let pair = batch::compare(&mut *plain.prepare(), &mut *cached.prepare(), rounds);
                let threads = case.threads;
                println!(
                    "{:<20} {threads:>8} {:>12.1} {:>12.1} {:>8.3}",
                    case.name(),
                    pair.bare_ns,
                    pair.ours_ns,
                    pair.ratio
                );
            }
        }
        Command::Cases => Case::all().for_each(|case| println!("{}", case.name())),
        Command::Count { case, hits } => {
            let named = Case::all().find(|known| known.name() == case);
            let mut run = named.with_context(|| format!("no case {case}: `hit cases` lists them"))?.prepare();
            run(hits);
        }
    }
    Ok(())
}
