//! Counts by name, to be sent and stored: names outlive the order that indices follow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::histogram::Distribution;
use super::measured::{Durations, Sizes};
use super::number::{Number, Series};
use super::totals::{Counts, Totals};

/// [`Counts`] as they are serialized. What is zero is left out, and a name that isn't known is passed over.
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

/// A distribution, with what a reader of it would compute.
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
    /// The index of each bucket that holds something, and how much.
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
            buckets: distribution.held().collect(),
        }
    }
}

impl From<NamedDistribution> for Distribution {
    fn from(named: NamedDistribution) -> Self {
        Self::from_held(named.sum, named.max, named.buckets)
    }
}

impl From<Counts> for NamedCounts {
    fn from(counts: Counts) -> Self {
        let numbers = Number::all().map(|number| (number.name(), counts.totals.get(number)));
        let durations = Series::all().map(|series| (series.name(), counts.durations[series.index()].distribution()));
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
        for number in Number::all() {
            totals.0[number.index()] = named.numbers.get(&number.name()).copied().unwrap_or(0);
        }
        let mut durations: [Durations; Series::COUNT] = Default::default();
        for series in Series::all() {
            if let Some(held) = named.durations.remove(&series.name()) {
                durations[series.index()] = Durations::of(held.into());
            }
        }
        Self {
            totals,
            active: named.active,
            loads_active: named.loads_active,
            waits_active: named.waits_active,
            durations,
            entry_sizes: named.entry_sizes.map(|held| Sizes::of(held.into())).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_tell_all_apart() {
        let names: Vec<String> = Number::all().map(Number::name).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        assert!(names.contains(&"requests.miss.expired.error".to_owned()), "{names:?}");
        let names: Vec<String> = Series::all().map(Series::name).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), Series::COUNT);
    }

    #[test]
    fn counts_come_back_as_they_went_and_unknown_names_are_passed_over() {
        let mut counts = Counts { active: 3, ..Counts::default() };
        for (index, number) in Number::all().enumerate() {
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
    fn buckets_that_do_not_exist_are_passed_over() {
        let json = r#"{"numbers":{},"durations":{"load.miss":{"sum":1,"max":1,"buckets":[[3,1],[100000,1]]}}}"#;
        let counts: Counts = serde_json::from_str(json).unwrap();
        assert_eq!(counts.load_durations(crate::LoadTrigger::Miss).count(), 1);
    }
}
