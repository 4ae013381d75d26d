//! What instances tell: their caches' numbers and the truth about their loads.

use std::collections::BTreeMap;

use anyhow::Context as _;
use cachescope::Stats;
use serde::{Deserialize, Serialize};

use crate::shop::Shop;
use crate::tally::Tally;

/// When an instance tells something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Event {
    Started,
    Held,
    Flushed,
    Ended,
}

/// What one instance has counted, or several together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Books {
    stats: BTreeMap<String, Stats>,
    loads_us: BTreeMap<String, Vec<u64>>,
}

/// A line that an instance tells.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) event: Event,
    #[serde(flatten)]
    pub(crate) books: Books,
}

impl Books {
    /// What has been counted by now.
    pub(crate) fn of(shop: &Shop) -> Self {
        // Loads after the numbers: none is among the numbers and not here.
        let stats = shop.stats();
        Self { stats, loads_us: shop.loads() }
    }

    /// Tells it, on stdout.
    pub(crate) fn tell(self, event: Event) -> anyhow::Result<()> {
        let line = serde_json::to_string(&Report { event, books: self }).context("numbers that JSON can't hold")?;
        println!("{line}");
        Ok(())
    }

    /// The counts of all caches together.
    pub(crate) fn tally(&self) -> Tally {
        self.stats
            .values()
            .cloned()
            .reduce(|all, one| all.merge(&one))
            .map_or_else(Tally::default, |all| Tally::of(&all))
    }

    /// What each cache has counted.
    pub(crate) fn stats(&self) -> &BTreeMap<String, Stats> {
        &self.stats
    }

    /// How long the loads of this cache took, in microseconds.
    pub(crate) fn loads(&self, cache: &str) -> &[u64] {
        self.loads_us.get(cache).map_or(&[], Vec::as_slice)
    }

    /// Adds what another instance has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        for (cache, stats) in &other.stats {
            let together = self.stats.get(cache).map_or_else(|| stats.clone(), |mine| mine.merge(stats));
            self.stats.insert(cache.clone(), together);
        }
        for (cache, loads) in &other.loads_us {
            self.loads_us.entry(cache.clone()).or_default().extend(loads);
        }
    }
}
