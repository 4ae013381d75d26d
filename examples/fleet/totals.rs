//! The reports of instances: the stats of their caches, and the exact durations of their loads.

use std::collections::BTreeMap;

use anyhow::Context as _;
use cachescope::Stats;
use serde::{Deserialize, Serialize};

use crate::shop::Shop;
use crate::tally::Tally;

/// The reason of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Event {
    Started,
    Held,
    Flushed,
    Ended,
}

/// The counts of one instance, or the sum of several instances.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Totals {
    stats: BTreeMap<String, Stats>,
    loads_us: BTreeMap<String, Vec<u64>>,
}

/// A line on the stdout of an instance.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) event: Event,
    #[serde(flatten)]
    pub(crate) totals: Totals,
}

impl Totals {
    /// Reads the current counts.
    pub(crate) fn read(shop: &Shop) -> Self {
        // Loads are read after the stats, so `loads_us` has every load that the stats have.
        let stats = shop.stats();
        Self { stats, loads_us: shop.loads() }
    }

    /// Prints a report on stdout.
    pub(crate) fn print(self, event: Event) -> anyhow::Result<()> {
        let line = serde_json::to_string(&Report { event, totals: self }).context("failed to write JSON")?;
        println!("{line}");
        Ok(())
    }

    /// Returns the counts of all caches together.
    pub(crate) fn tally(&self) -> Tally {
        self.stats
            .values()
            .cloned()
            .reduce(|all, one| all.merge(&one))
            .map_or_else(Tally::default, |all| Tally::from_stats(&all))
    }

    /// Returns the stats of each cache.
    pub(crate) fn stats(&self) -> &BTreeMap<String, Stats> {
        &self.stats
    }

    /// Returns the durations of the loads of `cache`, in microseconds.
    pub(crate) fn loads(&self, cache: &str) -> &[u64] {
        self.loads_us.get(cache).map_or(&[], Vec::as_slice)
    }

    /// Adds the counts of another instance.
    pub(crate) fn add(&mut self, other: &Self) {
        for (cache, stats) in &other.stats {
            let sum = self.stats.get(cache).map_or_else(|| stats.clone(), |mine| mine.merge(stats));
            self.stats.insert(cache.clone(), sum);
        }
        for (cache, loads) in &other.loads_us {
            self.loads_us.entry(cache.clone()).or_default().extend(loads);
        }
    }
}
