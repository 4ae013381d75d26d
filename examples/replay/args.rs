//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Parser};

use crate::config::{CacheConfig, Limit, StoreKind};
use crate::format::Format;

/// Replays an access trace through a cache, and shows its hit rate, and the hit rates of other capacities and TTLs
///
/// A trace is lines of text, plain, gzip or zstd:
///   arc   `start count - -`: `count` keys, which are start, start + 1, …
///   keys  one key on each line, a number or any text
///   csv   with a header that names `key`, and optionally `time` (seconds), `size` (bytes) and others;
///         without a header the columns are time,key,size, or the first two of these
#[derive(Debug, Parser)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The trace; `-` is standard input
    pub(crate) trace: PathBuf,
    #[command(flatten)]
    limit: LimitArgs,
    /// The store, whose eviction policy decides which entries stay
    #[arg(long, value_enum, default_value_t = StoreKind::Moka)]
    store: StoreKind,
    /// The TTL of entries, such as 60s [default: entries don't expire]
    #[arg(long, value_name = "DURATION", value_parser = parse_ttl)]
    ttl: Option<Duration>,
    /// The time between two requests, for a trace without times
    #[arg(long, value_name = "DURATION", default_value = "1ms", value_parser = humantime::parse_duration)]
    pub(crate) pace: Duration,
    /// The format of the trace [default: detected from the file's name, else from the first line]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Replay the trace with the other capacities too, and with --ttl the other TTLs, and show the error of each
    /// prediction
    #[arg(long)]
    pub(crate) check: bool,
    /// Print the result as one line of JSON on stdout, and everything else on stderr
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Group)]
#[group(required = true, multiple = false)]
struct LimitArgs {
    /// The capacity in entries
    #[arg(long, value_name = "ENTRIES", value_parser = clap::value_parser!(u64).range(1..))]
    capacity: Option<u64>,
    /// The capacity in bytes, by the sizes in a CSV
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    byte_limit: Option<u64>,
}

impl Args {
    /// Returns the configuration of the cache.
    pub(crate) fn config(&self) -> CacheConfig {
        let limit = match (self.limit.byte_limit, self.limit.capacity) {
            (Some(bytes), _) => Limit::Bytes(bytes),
            // clap requires one of the two.
            (None, entries) => Limit::Entries(entries.unwrap_or(1)),
        };
        CacheConfig { store: self.store, limit, ttl: self.ttl }
    }
}

fn parse_ttl(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("ttl must be greater than zero, got 0s".to_owned()),
        time => time.map_err(|error| error.to_string()),
    }
}
