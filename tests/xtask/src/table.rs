//! Tables in one style.

use comfy_table::Table;
use comfy_table::presets::NOTHING;

/// A table without lines.
pub(crate) fn plain<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header);
    table
}
