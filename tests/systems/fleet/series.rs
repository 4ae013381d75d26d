//! The series of caches on a page, in a form that can be added up and compared.

use std::collections::BTreeMap;

use cachescope_harness::eventually;
pub(crate) use cachescope_tests::scrape::samples;
use prometheus_parse::{Sample, Value};

use super::PATIENCE;

/// Values by metric and labels.
pub(crate) type Series = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// The labels that a cache sets, without those of its sender.
fn own(sample: &Sample) -> BTreeMap<String, String> {
    let is_own = |key: &str| key.starts_with("cachescope_") || key == "error_type";
    sample.labels.iter().filter(|(key, _)| is_own(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The sums of caches whose names begin with `caches`: counters, and histograms with count, sum and each bucket. Summed
/// over all other labels. Without zeros, which may be sent or not.
pub(crate) fn sums(url: &str, caches: &str) -> anyhow::Result<Series> {
    let mut sums = Series::new();
    for sample in samples(url)? {
        let labels = own(&sample);
        if !labels.get("cachescope_cache_name").is_some_and(|name| name.starts_with(caches)) {
            continue;
        }
        match &sample.value {
            Value::Counter(value) | Value::Untyped(value) => {
                *sums.entry((sample.metric, labels)).or_default() += value;
            }
            Value::Histogram(buckets) => {
                for bucket in buckets {
                    let mut labels = labels.clone();
                    labels.insert("le".to_owned(), bucket.less_than.to_string());
                    *sums.entry((sample.metric.clone(), labels)).or_default() += bucket.count;
                }
            }
            Value::Gauge(_) | Value::Summary(_) => {}
        }
    }
    sums.retain(|_, value| *value != 0.0);
    Ok(sums)
}

/// The gauge `metric` of a cache, by instance.
pub(crate) fn usage(url: &str, metric: &str, cache: &str) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut usage = BTreeMap::new();
    for sample in samples(url)?.iter().filter(|sample| sample.metric == metric) {
        let Value::Gauge(value) = sample.value else { continue };
        if own(sample).get("cachescope_cache_name").is_some_and(|name| name == cache) {
            let instance = sample.labels.get("service_instance_id").unwrap_or_default().to_owned();
            anyhow::ensure!(usage.insert(instance, value).is_none(), "{metric} of {cache} twice");
        }
    }
    Ok(usage)
}

/// Adds `more` to `sums`.
pub(crate) fn add(sums: &mut Series, more: &Series) {
    for (name, value) in more {
        *sums.entry(name.clone()).or_default() += value;
    }
}

/// The increase from `earlier` to `later`.
pub(crate) fn since(later: &Series, earlier: &Series) -> Series {
    let difference = |(name, value): (&(String, _), &f64)| (name.clone(), value - earlier.get(name).unwrap_or(&0.0));
    later.iter().map(difference).filter(|(_, value)| *value != 0.0).collect()
}

/// The series that differ. Counts must be equal; seconds may differ by rounding, as they are added in another order.
pub(crate) fn differences(found: &Series, truth: &Series) -> Vec<String> {
    let near = |one: f64, other: f64| (one - other).abs() <= other.abs() * 1e-9;
    let names: std::collections::BTreeSet<_> = found.keys().chain(truth.keys()).collect();
    let value = |series: &Series, name| series.get(name).copied().unwrap_or_default();
    let differing = names.into_iter().filter(|name| !near(value(found, name), value(truth, name)));
    differing.map(|name| format!("{name:?}: found {}, counted {}", value(found, name), value(truth, name))).collect()
}

/// Waits until `read` returns the counts.
pub(crate) fn awaits(
    what: &str,
    truth: &Series,
    mut read: impl FnMut() -> anyhow::Result<Series>,
) -> anyhow::Result<()> {
    anyhow::ensure!(!truth.is_empty(), "{what}: nothing was counted");
    eventually(what, PATIENCE, || Ok(differences(&read()?, truth)), Vec::is_empty)?;
    println!("{what}: {} series, no difference", truth.len());
    Ok(())
}

#[test]
fn difference_of_one_is_found_and_rounding_is_ignored() {
    let series = |value| Series::from([(("a".to_owned(), BTreeMap::new()), value)]);
    assert!(
        differences(&series(1e6), &series(1e6 + 1.0)).len() == 1
            && differences(&series(0.3), &series(0.1 + 0.2)).is_empty()
    );
    assert!(
        differences(&Series::new(), &series(1.0)).len() == 1 && differences(&series(1.0), &Series::new()).len() == 1
    );
    assert_eq!(since(&series(3.0), &series(1.0)), series(2.0));
}
