//! The cache that a trace runs through.

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

/// Without a time to live the clock moves in steps of this: it costs more than a hit, and tables of time need no more.
const STEP: Duration = Duration::from_millis(100);
/// Steps in a time to live, at least: so that an entry lives as long as it should to a quarter of a percent.
const STEPS: u32 = 400;

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Setting {
    pub(crate) store: StoreKind,
    #[serde(flatten)]
    pub(crate) limit: Limit,
    #[serde(skip)]
    pub(crate) ttl: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StoreKind {
    Moka,
    QuickCache,
}

/// How much room it has.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum Limit {
    #[serde(rename = "capacity")]
    Entries(u64),
    #[serde(rename = "byte_limit")]
    Bytes(u64),
}

impl Setting {
    /// The same with this much room, in what its own is counted in.
    pub(crate) const fn with_room(self, room: u64) -> Self {
        let limit = match self.limit {
            Limit::Entries(_) => Limit::Entries(room),
            Limit::Bytes(_) => Limit::Bytes(room),
        };
        Self { limit, ..self }
    }

    /// The same with this time to live.
    pub(crate) const fn with_ttl(self, ttl: Duration) -> Self {
        Self { ttl: Some(ttl), ..self }
    }

    /// How far the trace's time gets ahead of the cache's clock before that is moved.
    pub(crate) fn step(&self) -> Duration {
        self.ttl.map_or(STEP, |ttl| STEP.min(ttl / STEPS))
    }
}
