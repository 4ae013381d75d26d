//! The table of metrics.

use comfy_table::{CellAlignment, Table, presets};

use crate::escape::escape_control_chars;
use crate::quantity::format_quantity;
use crate::series::{self, SeriesValue, TimeSeries};

const HEAD: [&str; 7] = ["metric", "attributes", "value", "mean", "p50", "p99", "max"];

/// Formats all series as a table, one row each. The value of a histogram is its count.
pub(crate) fn table(all: &[TimeSeries<'_>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEAD);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for series in all {
        let mut row =
            vec![escape_control_chars(series.metric), escape_control_chars(&series::text(&series.attributes, " "))];
        let shown = |value: f64| format_quantity(value, series.unit);
        match series.value {
            SeriesValue::Value { value } => row.push(shown(value.approximate())),
            SeriesValue::Histogram(summary) => {
                row.push(summary.count.to_string());
                let figures = [summary.mean(), summary.p50, summary.p99, summary.max];
                row.extend(figures.map(|figure| figure.map_or_else(String::new, shown)));
            }
        }
        table.add_row(row);
    }
    table.trim_fmt() + "\n"
}
