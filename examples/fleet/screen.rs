//! Prints the result as tables.

use comfy_table::{CellAlignment, Table, presets};

use crate::cost::Cost;
use crate::outcome::{Line, Outcome};
use crate::quantiles::Quantile;

/// Returns the whole result as text.
pub(crate) fn text(outcome: &Outcome) -> String {
    let mut parts = vec![counts(&outcome.lines()).to_string()];
    if !outcome.quantiles.is_empty() {
        parts.push(quantiles(&outcome.quantiles).to_string());
    }
    parts.push(format!("{:.0} requests per second; {}", outcome.requests_per_second(), cost(&outcome.cost)));
    parts.push(match outcome.difference() {
        0 => "No difference: every delivered count is in Prometheus once, or known to be lost.".to_owned(),
        difference => format!("DIFFERENCE: {difference} counts are missing in Prometheus, or surplus."),
    });
    parts.join("\n")
}

fn counts(lines: &[Line<'_>]) -> Table {
    let mut table = table(&[
        "metric",
        "by",
        "counted",
        "lost in restart",
        "in Prometheus",
        "difference",
        "lost in crash, not included",
    ]);
    for line in lines {
        let numbers = [line.counted, line.lost_in_restart, line.collected].map(|number| number.to_string());
        let rest = [line.difference.to_string(), line.lost_in_crash.to_string()];
        table.add_row([line.metric.to_owned(), line.by.to_owned()].into_iter().chain(numbers).chain(rest));
    }
    align(table, 2)
}

fn quantiles(rows: &[Quantile]) -> Table {
    let mut table = table(&["loads of", "quantile", "exact", "caches, merged", "Prometheus"]);
    for row in rows {
        let seconds = [row.exact, row.stats, row.prometheus].map(|seconds| format!("{:.1} ms", seconds * 1_000.0));
        table.add_row([row.cache.clone(), row.quantile.to_string()].into_iter().chain(seconds));
    }
    align(table, 1)
}

fn cost(cost: &Cost) -> String {
    let known = |value: Option<f64>, format: fn(f64) -> String| value.map_or_else(|| "?".to_owned(), format);
    format!(
        "the collector uses {} of a core and {}; {} series of caches",
        known(cost.collector_cpu, |share| format!("{:.1}%", share * 100.0)),
        known(cost.collector_rss_bytes, |bytes| format!("{:.0} MiB", bytes / 1_048_576.0)),
        known(cost.series, |series| series.to_string()),
    )
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header);
    table
}

fn align(mut table: Table, from: usize) -> Table {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
