//! Counts by metric and attribute, from the stats of caches and from series in Prometheus.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use cachescope::Stats;
use cachescope::metrics::{
    EvictionReason, LoadTrigger, Operation, RejectionReason, RequestOutcome, RequestResult, StaleEvent, StoreErrorKind,
    WaitOutcome,
};
use cachescope_harness::Prometheus;

/// A metric, and how to read its counts from both sides.
struct Family {
    /// The name in OpenTelemetry.
    metric: &'static str,
    attribute: &'static str,
    /// The name in Prometheus.
    series: &'static str,
    /// A label matcher that selects the series of this family.
    only: &'static str,
    count: fn(&Stats) -> Vec<(&'static str, u64)>,
}

/// The key of a row: a metric and the value of its attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) metric: &'static str,
    pub(crate) value: String,
}

/// Counts by row. Zero counts are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally(BTreeMap<Row, u64>);

pub(crate) const REQUESTS: &str = "cachescope.requests";
/// Requests with an error, of any result.
pub(crate) const FAILED: &str = "cachescope.requests, failed";

const FAMILIES: [Family; 10] = [
    Family {
        metric: REQUESTS,
        attribute: "cachescope_result",
        series: "cachescope_requests_total",
        only: "",
        count: |stats| RequestResult::ALL.map(|result| (result.as_str(), stats.result(result))).into(),
    },
    Family {
        metric: FAILED,
        attribute: "cachescope_result",
        series: "cachescope_requests_total",
        only: "error_type!=\"\"",
        count: |stats| {
            let failed = |result| move |ending: &RequestOutcome| ending.result == result && ending.failure.is_some();
            let count =
                |result| RequestOutcome::all(true).filter(failed(result)).map(|ending| stats.ended(ending)).sum();
            RequestResult::ALL.map(|result| (result.as_str(), count(result))).into()
        },
    },
    Family {
        metric: "cachescope.request.duration",
        attribute: "cachescope_result",
        series: "cachescope_request_duration_seconds_count",
        only: "",
        count: |stats| RequestResult::ALL.map(|result| (result.as_str(), stats.latency(result).count())).into(),
    },
    Family {
        metric: "cachescope.load.duration",
        attribute: "cachescope_load_trigger",
        series: "cachescope_load_duration_seconds_count",
        only: "",
        count: |stats| LoadTrigger::ALL.map(|by| (by.as_str(), stats.load_duration_by(by).count())).into(),
    },
    Family {
        metric: "cachescope.wait.duration",
        attribute: "cachescope_wait_outcome",
        series: "cachescope_wait_duration_seconds_count",
        only: "",
        count: |stats| {
            WaitOutcome::ALL.map(|end| (end.as_str(), stats.waits(end).saturating_add(stats.store_waits(end)))).into()
        },
    },
    Family {
        metric: "cachescope.operation.duration",
        attribute: "cachescope_operation",
        series: "cachescope_operation_duration_seconds_count",
        only: "",
        count: |stats| {
            let count = |of| stats.operation(of).count().saturating_add(stats.store_operation(of).count());
            Operation::ALL.map(|of| (of.as_str(), count(of))).into()
        },
    },
    Family {
        metric: "cachescope.store.errors",
        attribute: "cachescope_operation",
        series: "cachescope_store_errors_total",
        only: "",
        count: |stats| {
            let count = |of| StoreErrorKind::ALL.map(|kind| stats.store_errors(of, kind)).iter().sum();
            Operation::ALL.map(|of| (of.as_str(), count(of))).into()
        },
    },
    Family {
        metric: "cachescope.stale.age",
        attribute: "cachescope_stale_event",
        series: "cachescope_stale_age_seconds_count",
        only: "",
        count: |stats| StaleEvent::ALL.map(|event| (event.as_str(), stats.stale_age(event).count())).into(),
    },
    Family {
        metric: "cachescope.evictions",
        attribute: "cachescope_eviction_reason",
        series: "cachescope_evictions_total",
        only: "",
        count: |stats| EvictionReason::ALL.map(|reason| (reason.as_str(), stats.evictions(reason))).into(),
    },
    Family {
        metric: "cachescope.rejections",
        attribute: "cachescope_rejection_reason",
        series: "cachescope_rejections_total",
        only: "",
        count: |stats| RejectionReason::ALL.map(|reason| (reason.as_str(), stats.rejections(reason))).into(),
    },
];

impl Tally {
    /// Reads the counts of a cache's stats.
    pub(crate) fn from_stats(stats: &Stats) -> Self {
        let rows = FAMILIES.iter().flat_map(|family| {
            let row = |(value, count): (&str, u64)| (Row { metric: family.metric, value: value.to_owned() }, count);
            (family.count)(stats).into_iter().map(row)
        });
        Self(rows.filter(|(_, count)| *count > 0).collect())
    }

    /// Queries Prometheus for the counts of all instances of `job`.
    pub(crate) fn query(prometheus: &Prometheus, job: &str) -> anyhow::Result<Self> {
        let mut rows = BTreeMap::new();
        for Family { metric, attribute, series, only, .. } in FAMILIES {
            let query = format!("sum by ({attribute}) ({series}{{job=\"{job}\", {only}}})");
            for sample in prometheus.query(&query)? {
                ensure!(
                    sample.value >= 0.0 && sample.value.fract() == 0.0,
                    "{query}: a count must be a whole number, got {}",
                    sample.value
                );
                let value = sample.labels.get(attribute).with_context(|| format!("{query}: no {attribute}"))?;
                rows.insert(Row { metric, value: value.clone() }, sample.value as u64);
            }
        }
        rows.retain(|_, count| *count > 0);
        Ok(Self(rows))
    }

    pub(crate) fn count(&self, row: &Row) -> u64 {
        self.0.get(row).copied().unwrap_or_default()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.0.keys()
    }

    /// Returns the counts of one metric, by attribute.
    pub(crate) fn by_attribute(&self, metric: &str) -> BTreeMap<&str, u64> {
        self.0.iter().filter(|(row, _)| row.metric == metric).map(|(row, count)| (row.value.as_str(), *count)).collect()
    }

    pub(crate) fn total(&self, metric: &str) -> u64 {
        self.by_attribute(metric).values().sum()
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        for (row, count) in &other.0 {
            *sum.0.entry(row.clone()).or_default() += count;
        }
        sum
    }

    /// Returns the increase since an earlier tally of the same counts.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let later = self.0.iter().map(|(row, count)| (row.clone(), count.saturating_sub(earlier.count(row))));
        Self(later.filter(|(_, count)| *count > 0).collect())
    }
}
