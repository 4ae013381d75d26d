//! Counts by name, for sending and storing. Names stay the same when indices change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::counter_id::CounterId;
use super::counts::Counts;
use super::distribution::Distribution;
use super::duration_series::DurationSeries;
use super::histogram::{Durations, Sizes};
use super::totals::Totals;

/// The serialized form of [`Counts`]. Zeros are left out, and unknown names are ignored.
#[derive(Deserialize, Serialize)]
pub(super) struct NamedCounts {
    #[serde(default)]
    active: u64,
    #[serde(default)]
    loads_active: u64,
    #[serde(default)]
    waits_active: u64,
    numbers: BTreeMap<String, u64>,
    /// In nanoseconds.
    durations: BTreeMap<String, NamedDistribution>,
    /// In bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry_sizes: Option<NamedDistribution>,
}

/// A distribution, with the statistics that a reader would compute.
#[derive(Deserialize, Serialize)]
struct NamedDistribution {
    #[serde(skip_deserializing)]
    count: u64,
    sum: u64,
    max: u64,
    #[serde(skip_deserializing)]
    p50: Option<u64>,
    #[serde(skip_deserializing)]
    p90: Option<u64>,
    #[serde(skip_deserializing)]
    p99: Option<u64>,
    /// The index and the count of each bucket that isn't empty.
    buckets: Vec<(usize, u64)>,
}

impl From<&Distribution> for NamedDistribution {
    fn from(distribution: &Distribution) -> Self {
        Self {
            count: distribution.count(),
            sum: distribution.sum(),
            max: distribution.max(),
            p50: distribution.quantile(0.5),
            p90: distribution.quantile(0.9),
            p99: distribution.quantile(0.99),
            buckets: distribution.non_empty().collect(),
        }
    }
}

impl From<NamedDistribution> for Distribution {
    fn from(named: NamedDistribution) -> Self {
        Self::from_non_empty(named.sum, named.max, named.buckets)
    }
}

impl From<Counts> for NamedCounts {
    fn from(counts: Counts) -> Self {
        let numbers = CounterId::all().map(|number| (number.name(), counts.totals.get(number)));
        let durations =
            DurationSeries::all().map(|series| (series.name(), counts.durations[series.index()].distribution()));
        let sizes = counts.entry_sizes.distribution();
        Self {
            active: counts.active,
            loads_active: counts.loads_active,
            waits_active: counts.waits_active,
            numbers: numbers.filter(|(_, number)| *number > 0).collect(),
            durations: durations.filter(|(_, held)| held.count() > 0).map(|(name, held)| (name, held.into())).collect(),
            entry_sizes: (sizes.count() > 0).then(|| sizes.into()),
        }
    }
}

impl From<NamedCounts> for Counts {
    fn from(mut named: NamedCounts) -> Self {
        let mut totals = Totals::default();
        for number in CounterId::all() {
            totals.0[number.index()] = named.numbers.get(&number.name()).copied().unwrap_or(0);
        }
        let mut durations: [Durations; DurationSeries::COUNT] = Default::default();
        for series in DurationSeries::all() {
            if let Some(held) = named.durations.remove(&series.name()) {
                durations[series.index()] = Durations::new(held.into());
            }
        }
        Self {
            totals,
            active: named.active,
            loads_active: named.loads_active,
            waits_active: named.waits_active,
            durations,
            entry_sizes: named.entry_sizes.map(|held| Sizes::new(held.into())).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let names: Vec<String> = CounterId::all().map(CounterId::name).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        assert!(names.contains(&"requests.miss.expired.error".to_owned()), "{names:?}");
        let names: Vec<String> = DurationSeries::all().map(DurationSeries::name).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), DurationSeries::COUNT);
    }

    #[test]
    fn counts_survive_json_and_unknown_names_are_ignored() {
        let mut counts = Counts { active: 3, ..Counts::default() };
        for (index, number) in CounterId::all().enumerate() {
            counts.totals.0[number.index()] = index as u64;
        }
        for (index, durations) in counts.durations.iter_mut().enumerate() {
            durations.distribution_mut().add_cell(0, 1_000 + index as u64);
            durations.distribution_mut().add_cell(1, 700);
            durations.distribution_mut().add_cell(20 + index, 5);
        }
        let json = serde_json::to_string(&counts).unwrap();
        assert_eq!(serde_json::from_str::<Counts>(&json).unwrap(), counts);
        let newer = json.replace("\"numbers\":{", "\"numbers\":{\"requests.teleported\":7,");
        assert_ne!(newer, json);
        assert_eq!(serde_json::from_str::<Counts>(&newer).unwrap(), counts);
    }

    #[test]
    fn buckets_that_do_not_exist_are_ignored() {
        let json = r#"{"numbers":{},"durations":{"load.miss":{"sum":1,"max":1,"buckets":[[3,1],[100000,1]]}}}"#;
        let counts: Counts = serde_json::from_str(json).unwrap();
        assert_eq!(counts.load_durations(cachescope_core::LoadTrigger::Miss).count(), 1);
    }
}
