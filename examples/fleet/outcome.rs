//! What a run shows: counts of both sides, and what became of the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use crate::cost::Cost;
use crate::quantiles::Quantile;
use crate::tally::{FAILED, REQUESTS, Row, Tally};

/// The end of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What processes counted and handed over.
    pub(crate) counted: Tally,
    /// Counted, and never handed over: no part of the above.
    pub(crate) lost_in_crash: Tally,
    /// Handed over, and lost by the gateway.
    pub(crate) lost_in_restart: Tally,
    /// By Prometheus, in both lives of the gateway if it had two.
    pub(crate) shown: Tally,
    pub(crate) quantiles: Vec<Quantile>,
    pub(crate) cost: Cost,
    pub(crate) ran_for: Duration,
}

/// A row of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) metric: &'a str,
    pub(crate) by: &'a str,
    pub(crate) counted: u64,
    pub(crate) lost_in_restart: u64,
    pub(crate) collected: u64,
    /// What was counted, and neither lost where that is known nor collected.
    pub(crate) difference: i64,
    /// Beside all others: it was never sent.
    pub(crate) lost_in_crash: u64,
}

/// For programs.
#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    /// Requests by result.
    counted: BTreeMap<&'a str, u64>,
    collected: BTreeMap<&'a str, u64>,
    lost_in_restart: BTreeMap<&'a str, u64>,
    lost_in_crash: BTreeMap<&'a str, u64>,
    /// Of those that failed, in the same way.
    counted_errors: BTreeMap<&'a str, u64>,
    /// Over all metrics, each one's taken as positive.
    difference: u64,
    metrics: Vec<Line<'a>>,
    quantiles: &'a [Quantile],
    #[serde(flatten)]
    cost: &'a Cost,
    requests_per_second: f64,
}

impl Outcome {
    /// By metric and attribute.
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

    /// Zero if all that was handed over and not known to be lost was collected, once.
    pub(crate) fn difference(&self) -> u64 {
        self.lines().iter().map(|line| line.difference.unsigned_abs()).sum()
    }

    /// Of all instances, over the whole run.
    pub(crate) fn requests_per_second(&self) -> f64 {
        let counted = self.counted.total(REQUESTS) + self.lost_in_crash.total(REQUESTS);
        counted as f64 / self.ran_for.as_secs_f64()
    }

    pub(crate) fn summary(&self) -> Summary<'_> {
        Summary {
            counted: self.counted.of_metric(REQUESTS),
            collected: self.shown.of_metric(REQUESTS),
            lost_in_restart: self.lost_in_restart.of_metric(REQUESTS),
            lost_in_crash: self.lost_in_crash.of_metric(REQUESTS),
            counted_errors: self.counted.of_metric(FAILED),
            difference: self.difference(),
            metrics: self.lines(),
            quantiles: &self.quantiles,
            cost: &self.cost,
            requests_per_second: self.requests_per_second(),
        }
    }
}
