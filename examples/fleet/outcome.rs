//! The result of a run: the counts of both sides, and the lost counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use crate::cost::Cost;
use crate::quantiles::Quantile;
use crate::tally::{FAILED, REQUESTS, Row, Tally};

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Counted and delivered by processes.
    pub(crate) counted: Tally,
    /// Counted and never delivered; not included in `counted`.
    pub(crate) lost_in_crash: Tally,
    /// Delivered, and lost by the gateway.
    pub(crate) lost_in_restart: Tally,
    /// The counts in Prometheus, before and after a restart of the gateway.
    pub(crate) shown: Tally,
    pub(crate) quantiles: Vec<Quantile>,
    pub(crate) cost: Cost,
    pub(crate) ran_for: Duration,
}

/// A row of the table of counts.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) metric: &'a str,
    pub(crate) by: &'a str,
    pub(crate) counted: u64,
    pub(crate) lost_in_restart: u64,
    pub(crate) collected: u64,
    /// Counted, but neither lost in the restart nor collected.
    pub(crate) difference: i64,
    /// Never sent, so not included in the other numbers.
    pub(crate) lost_in_crash: u64,
}

/// The result as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    /// Requests by result.
    counted: BTreeMap<&'a str, u64>,
    collected: BTreeMap<&'a str, u64>,
    lost_in_restart: BTreeMap<&'a str, u64>,
    lost_in_crash: BTreeMap<&'a str, u64>,
    /// Failed requests by result.
    counted_errors: BTreeMap<&'a str, u64>,
    /// The sum of the absolute differences of all metrics.
    difference: u64,
    metrics: Vec<Line<'a>>,
    quantiles: &'a [Quantile],
    #[serde(flatten)]
    cost: &'a Cost,
    requests_per_second: f64,
}

impl Outcome {
    /// Returns a row for each metric and attribute.
    pub(crate) fn lines<'a>(&'a self) -> Vec<Line<'a>> {
        let rows: BTreeSet<&Row> =
            [&self.counted, &self.lost_in_crash, &self.shown].iter().flat_map(|tally| tally.rows()).collect();
        let line = |row: &'a Row| {
            let (counted, lost_in_restart) = (self.counted.count(row), self.lost_in_restart.count(row));
            let (collected, lost_in_crash) = (self.shown.count(row), self.lost_in_crash.count(row));
            let difference = counted.cast_signed() - lost_in_restart.cast_signed() - collected.cast_signed();
            Line { metric: row.metric, by: &row.value, counted, lost_in_restart, collected, difference, lost_in_crash }
        };
        rows.into_iter().map(line).collect()
    }

    /// Returns zero if every count that was delivered and not lost was collected exactly once.
    pub(crate) fn difference(&self) -> u64 {
        self.lines().iter().map(|line| line.difference.unsigned_abs()).sum()
    }

    /// Returns the requests per second of all instances, over the whole run.
    pub(crate) fn requests_per_second(&self) -> f64 {
        let counted = self.counted.total(REQUESTS) + self.lost_in_crash.total(REQUESTS);
        counted as f64 / self.ran_for.as_secs_f64()
    }

    pub(crate) fn summary(&self) -> Summary<'_> {
        Summary {
            counted: self.counted.by_attribute(REQUESTS),
            collected: self.shown.by_attribute(REQUESTS),
            lost_in_restart: self.lost_in_restart.by_attribute(REQUESTS),
            lost_in_crash: self.lost_in_crash.by_attribute(REQUESTS),
            counted_errors: self.counted.by_attribute(FAILED),
            difference: self.difference(),
            metrics: self.lines(),
            quantiles: &self.quantiles,
            cost: &self.cost,
            requests_per_second: self.requests_per_second(),
        }
    }
}
