//! Metrics as a table.

use comfy_table::{CellAlignment, Table, presets};

use crate::clean::clean;
use crate::quantity::quantity;
use crate::series::{self, Reading, Series};

const HEAD: [&str; 7] = ["metric", "attributes", "value", "mean", "p50", "p99", "max"];

/// Every series in one row; of a histogram, the value is the count.
pub(crate) fn table(all: &[Series<'_>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEAD);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for series in all {
        let mut row = vec![clean(series.metric), clean(&series::text(&series.attributes, " "))];
        let shown = |value: f64| quantity(value, series.unit);
        match series.reading {
            Reading::Value { value } => row.push(shown(value.approximate())),
            Reading::Spread(spread) => {
                row.push(spread.count.to_string());
                let figures = [spread.mean(), spread.p50, spread.p99, spread.max];
                row.extend(figures.map(|figure| figure.map_or_else(String::new, shown)));
            }
        }
        table.add_row(row);
    }
    table.trim_fmt() + "\n"
}
