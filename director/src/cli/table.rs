//! Columns for people: aligned by spaces alone, no borders, no wrapping, nothing at the end of a line.

use comfy_table::{Cell, Table, presets};

/// A table with these titles.
pub(super) fn new<const N: usize>(titles: [&str; N]) -> Table {
    let mut table = without_title();
    table.set_header(titles.map(Cell::new));
    table
}

/// A table whose rows speak for themselves.
pub(super) fn without_title() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// Its lines, each with `indent` before it.
pub(super) fn render(table: &Table, indent: &str) -> String {
    let mut text = String::new();
    for line in table.lines() {
        // Every cell has a blank on both sides; the first one is the margin.
        let line = line.strip_prefix(' ').unwrap_or(&line).trim_end();
        text.push_str(indent);
        text.push_str(line);
        text.push('\n');
    }
    text
}
