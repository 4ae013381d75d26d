//! The configuration of the cache.

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

/// The step of the clock without a TTL. Moving the clock costs more than a hit, and no result needs finer time.
const STEP: Duration = Duration::from_millis(100);
/// The minimum number of steps in a TTL, so the TTL of an entry is exact to a quarter of a percent.
const STEPS: u32 = 400;

/// The store, its capacity and the TTL.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct CacheConfig {
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

/// The capacity.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum Limit {
    #[serde(rename = "capacity")]
    Entries(u64),
    #[serde(rename = "byte_limit")]
    Bytes(u64),
}

impl CacheConfig {
    /// Returns the same configuration with another capacity, in the same unit.
    pub(crate) const fn with_limit(self, capacity: u64) -> Self {
        let limit = match self.limit {
            Limit::Entries(_) => Limit::Entries(capacity),
            Limit::Bytes(_) => Limit::Bytes(capacity),
        };
        Self { limit, ..self }
    }

    /// Returns the same configuration with another TTL.
    pub(crate) const fn with_ttl(self, ttl: Duration) -> Self {
        Self { ttl: Some(ttl), ..self }
    }

    /// Returns the step of the cache's clock: the trace's time runs ahead of the clock by less than one step.
    pub(crate) fn step(&self) -> Duration {
        self.ttl.map_or(STEP, |ttl| STEP.min(ttl / STEPS))
    }
}
