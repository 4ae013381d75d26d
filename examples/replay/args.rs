//! What the user may choose.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Parser};

use crate::format::Format;
use crate::setting::{Limit, Setting, StoreKind};

/// Replays an access trace through a cache, and shows what the cache makes of it: its hit rate, and what it would be
/// with more room or another time to live
///
/// A trace is lines of text, plain, gzip or zstd:
///   arc   `start count - -`: the keys start, start + 1, …, count of them
///   keys  a key a line, a number or any text
///   csv   with a header that names `key`, and may name `time` (seconds), `size` (bytes) and others;
///         without one the columns are time,key,size, or the first two of them
#[derive(Debug, Parser)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The trace; `-` is standard input
    pub(crate) trace: PathBuf,
    #[command(flatten)]
    room: Room,
    /// The store, whose policy decides what is kept
    #[arg(long, value_enum, default_value_t = StoreKind::Moka)]
    store: StoreKind,
    /// How long entries are fresh, such as 60s [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = some_time)]
    ttl: Option<Duration>,
    /// The time from one request to the next, where the trace has none
    #[arg(long, value_name = "DURATION", default_value = "1ms", value_parser = humantime::parse_duration)]
    pub(crate) pace: Duration,
    /// How the trace is written [default: by its name, else by its first line]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Replay it with the other capacities too, and with --ttl the other times, and say how wrong each prediction was
    #[arg(long)]
    pub(crate) check: bool,
    /// Print the result as one line of JSON on stdout, and all else on stderr
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Group)]
#[group(required = true, multiple = false)]
struct Room {
    /// Room for so many entries
    #[arg(long, value_name = "ENTRIES", value_parser = clap::value_parser!(u64).range(1..))]
    capacity: Option<u64>,
    /// Room for so many bytes, by the sizes in a CSV
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    byte_limit: Option<u64>,
}

impl Args {
    /// The cache that is asked for.
    pub(crate) fn setting(&self) -> Setting {
        let limit = match (self.room.byte_limit, self.room.capacity) {
            (Some(bytes), _) => Limit::Bytes(bytes),
            // One of both is there: clap sees to it.
            (None, entries) => Limit::Entries(entries.unwrap_or(1)),
        };
        Setting { store: self.store, limit, ttl: self.ttl }
    }
}

fn some_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("entries that are never fresh are never hit: give more than 0".to_owned()),
        time => time.map_err(|error| error.to_string()),
    }
}
