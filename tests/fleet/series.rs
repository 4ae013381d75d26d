//! What a page says of caches, in a form that can be added up and compared.

use std::collections::BTreeMap;

use cachescope_stack::eventually;
use prometheus_parse::{Sample, Scrape, Value};

use crate::PATIENCE;

/// Values by metric and labels.
pub(crate) type Series = BTreeMap<(String, BTreeMap<String, String>), f64>;

pub(crate) fn samples(url: &str) -> anyhow::Result<Vec<Sample>> {
    let text = ureq::get(url).call()?.body_mut().read_to_string()?;
    Ok(Scrape::parse(text.lines().map(|line| Ok(line.to_owned())))?.samples)
}

/// The labels by which a cache tells its series apart, without those of who sent it.
fn own(sample: &Sample) -> BTreeMap<String, String> {
    let is_own = |key: &str| key.starts_with("cachescope_") || key == "error_type";
    sample.labels.iter().filter(|(key, _)| is_own(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// What adds up, of caches whose name begins so: counters, and histograms with count, sum and each bucket. Added up over
/// whatever else tells series apart; zeros are left out, which may be sent or not.
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

/// The level `metric` of a cache, by the instance that a series says it is of.
pub(crate) fn levels(url: &str, metric: &str, cache: &str) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut levels = BTreeMap::new();
    for sample in samples(url)?.iter().filter(|sample| sample.metric == metric) {
        let Value::Gauge(value) = sample.value else { continue };
        if own(sample).get("cachescope_cache_name").is_some_and(|name| name == cache) {
            let instance = sample.labels.get("service_instance_id").unwrap_or_default().to_owned();
            anyhow::ensure!(levels.insert(instance, value).is_none(), "{metric} of {cache} twice");
        }
    }
    Ok(levels)
}

/// Adds `more` to `sums`.
pub(crate) fn add(sums: &mut Series, more: &Series) {
    for (name, value) in more {
        *sums.entry(name.clone()).or_default() += value;
    }
}

/// What `later` has more than `earlier`.
pub(crate) fn since(later: &Series, earlier: &Series) -> Series {
    let difference = |(name, value): (&(String, _), &f64)| (name.clone(), value - earlier.get(name).unwrap_or(&0.0));
    later.iter().map(difference).filter(|(_, value)| *value != 0.0).collect()
}

/// Counts have to be equal; seconds were added up in another order.
pub(crate) fn differences(found: &Series, truth: &Series) -> Vec<String> {
    let near = |one: f64, other: f64| (one - other).abs() <= other.abs() * 1e-9;
    let names: std::collections::BTreeSet<_> = found.keys().chain(truth.keys()).collect();
    let value = |series: &Series, name| series.get(name).copied().unwrap_or_default();
    let differing = names.into_iter().filter(|name| !near(value(found, name), value(truth, name)));
    differing.map(|name| format!("{name:?}: found {}, counted {}", value(found, name), value(truth, name))).collect()
}

/// Waits for `read` to give what was counted.
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
fn a_difference_of_one_shows_and_one_of_rounding_does_not() {
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
