//! `director map`: the BPF maps as they are, readable while the daemon is down. Reading them is the data plane's part;
//! this file renders.

use std::{ops::ControlFlow, path::Path, process::ExitCode};

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use comfy_table::CellAlignment;
use director_common::limits;
use serde_json::Value;

use super::{CliError, PinOptions, output, table};
use crate::{
    api::response::Problem,
    dataplane::dump::{self, MapInfo, Row},
};

/// Verbs on the BPF maps.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// List the maps: type, sizes, entries, memory.
    #[command(after_help = "Example:\n  director map list")]
    List(MapOptions),
    /// Print every entry of one map, keys and values decoded.
    #[command(after_help = "Example:\n  director map dump FLOWS_V4 --json | head")]
    Dump(DumpOptions),
}

/// Options of `director map list`, and those that `dump` shares.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct MapOptions {
    /// Which pins to use.
    #[command(flatten)]
    pub pins: PinOptions,

    /// Print JSON; `dump` prints one entry a line.
    #[arg(long)]
    pub json: bool,
}

/// Options of `director map dump`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct DumpOptions {
    /// The map's name.
    #[arg(value_name = "NAME", ignore_case = true, value_parser = names())]
    pub map: String,

    /// Which pins, and the form of the output.
    #[command(flatten)]
    pub options: MapOptions,
}

pub(super) fn run(command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::List(options) => list(&options),
        Command::Dump(options) => dump(&options),
    }
}

fn names() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(limits::map::ALL).map(|name| name.to_ascii_uppercase())
}

fn list(options: &MapOptions) -> Result<ExitCode, CliError> {
    let maps = read_maps(&options.pins.folder)?;
    output::print(|out| {
        if options.json {
            return output::write_json(out, &maps);
        }
        Ok(out.write_all(render(&maps).as_bytes())?)
    })
}

fn dump(DumpOptions { map, options }: &DumpOptions) -> Result<ExitCode, CliError> {
    output::print(|out| {
        walk_map(&options.pins.folder, map, &mut |row| {
            if options.json {
                output::write_json_line(out, row)
            } else {
                Ok(writeln!(out, "{}", render_row(row))?)
            }
        })
    })
}

/// All pinned maps.
fn read_maps(pins: &Path) -> Result<Vec<MapInfo>, Problem> {
    dump::list(pins).map_err(|error| Problem::from_error(&error).help(error.help()))
}

/// Gives every entry of a map to `visit` and stops at its first error.
fn walk_map(
    pins: &Path,
    map: &str,
    visit: &mut dyn FnMut(&Row) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut result = Ok(());
    dump::dump(pins, map, |row| {
        result = visit(row);
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })
    .map_err(|error| Problem::from_error(&error).help(error.help()))?;
    result
}

/// `director map list`, for people.
#[must_use]
pub fn render(maps: &[MapInfo]) -> String {
    let mut rows = table::new(["Name", "Type", "Key", "Value", "Entries", "Room", "Memory"]);
    for column in rows.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for map in maps {
        rows.add_row([
            map.name.clone(),
            map.kind.clone(),
            format!("{} B", map.key_size),
            format!("{} B", map.value_size),
            map.entries.to_string(),
            map.max_entries.to_string(),
            format!("{} KiB", map.memory_bytes.div_ceil(1024)),
        ]);
    }
    table::render(&rows, "")
}

/// One line of `director map dump`, for people: `field=value ... -> field=value ...`.
#[must_use]
pub fn render_row(row: &Row) -> String {
    format!("{} -> {}", flat(&row.key), flat(&row.value))
}

fn flat(value: &Value) -> String {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name}={}", nested(value)))
            .collect::<Vec<_>>()
            .join(" "),
        other => nested(other),
    }
}

fn nested(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(nested).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(_) => format!("{{{}}}", flat(value)),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn maps_are_listed_in_aligned_columns() {
        let map = |name: &str, kind: &str, entries| MapInfo {
            name: name.into(),
            kind: kind.into(),
            key_size: 16,
            value_size: 32,
            max_entries: 262_144,
            entries,
            memory_bytes: 25_165_825,
        };
        assert_eq!(
            render(&[
                map("SERVICES", "hash", 2),
                map("FLOWS_V4", "lru_hash", 12_345)
            ]),
            "\
Name      Type       Key  Value  Entries    Room     Memory
SERVICES  hash      16 B   32 B        2  262144  24577 KiB
FLOWS_V4  lru_hash  16 B   32 B    12345  262144  24577 KiB
"
        );
    }

    #[test]
    fn an_entry_is_one_line_with_its_fields_in_order() {
        let row = Row {
            key: json!({"source": "192.168.1.20:55746", "protocol": "TCP"}),
            value: json!({"server": 1, "path": [1, 2], "inner": {"z": 1, "a": null}}),
        };
        assert_eq!(
            render_row(&row),
            "source=192.168.1.20:55746 protocol=TCP -> server=1 path=[1 2] inner={z=1 a=null}"
        );
    }

    #[test]
    fn a_plain_key_stands_alone() {
        let row = Row {
            key: json!(7),
            value: json!("MASTER"),
        };
        assert_eq!(render_row(&row), "7 -> MASTER");
    }
}
