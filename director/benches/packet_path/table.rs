//! How figures are printed.

use comfy_table::{CellAlignment, Table, presets};

/// A table with these titles. The first `words` columns are words; the others are figures, to the right.
pub(crate) fn titled(titles: &[&str], words: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(titles);
    for column in table.column_iter_mut().skip(words) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
