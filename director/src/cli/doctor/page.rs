//! The page of `director doctor`. Pure.

use comfy_table::{Cell, Color};

use super::findings::{Finding, Level};
use crate::cli::{status::Style, table};

/// One line for each finding, and what to do below it.
pub(super) fn render(findings: &[Finding], style: Style) -> String {
    let mut rows = table::without_title();
    for finding in findings {
        let mut level = Cell::new(finding.level.word());
        if style == Style::Colored {
            rows.enforce_styling();
            level = level.fg(finding.level.color());
        }
        rows.add_row([level, Cell::new(finding.area), Cell::new(&finding.text)]);
        if let Some(help) = &finding.help {
            rows.add_row([
                Cell::new(""),
                Cell::new(""),
                Cell::new(format!("-> {help}")),
            ]);
        }
    }
    table::render(&rows, "")
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }

    const fn color(self) -> Color {
        match self {
            Self::Ok => Color::Green,
            Self::Warning => Color::Yellow,
            Self::Problem => Color::Red,
        }
    }
}
