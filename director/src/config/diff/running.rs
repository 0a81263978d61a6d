//! A file held against what a daemon runs: each setting that is not the same. Pure.
//!
//! Both are what `director config show --json` prints, which has no passwords: two of them that differ are not found.

use serde::Serialize;
use serde_json::{Map, Value as Json};

/// One setting that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The way to it, by the names of the blocks: `vrrp_instances INT priority`.
    pub setting: String,
    /// What the file says; `None`: it has no such thing.
    pub file: Option<String>,
    /// What runs; `None`: it has no such thing.
    pub running: Option<String>,
}

/// All of them, in the order of the file.
#[must_use]
pub fn differences(file: &Json, running: &Json) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&mut Vec::new(), Some(file), Some(running), &mut found);
    found
}

fn compare(
    way: &mut Vec<String>,
    file: Option<&Json>,
    running: Option<&Json>,
    found: &mut Vec<Difference>,
) {
    match (file, running) {
        (Some(Json::Object(file)), Some(Json::Object(running))) => {
            compare_blocks(way, file, running, found);
        }
        (Some(Json::Array(file)), Some(Json::Array(running))) => {
            compare_lists(way, file, running, found);
        }
        (file, running) if file == running => {}
        (file, running) => found.push(Difference {
            setting: way.join(" "),
            file: file.map(shown),
            running: running.map(shown),
        }),
    }
}

fn compare_blocks(
    way: &mut Vec<String>,
    file: &Map<String, Json>,
    running: &Map<String, Json>,
    found: &mut Vec<Difference>,
) {
    let more = running.keys().filter(|key| !file.contains_key(*key));
    for key in file.keys().chain(more) {
        way.push(key.clone());
        compare(way, file.get(key), running.get(key), found);
        way.pop();
    }
}

/// Blocks with a name are compared with that of the same name, wherever it stands; other lists as a whole.
fn compare_lists(
    way: &mut Vec<String>,
    file: &[Json],
    running: &[Json],
    found: &mut Vec<Difference>,
) {
    let (Some(in_file), Some(that_run)) = (named(file), named(running)) else {
        if file != running {
            found.push(Difference {
                setting: way.join(" "),
                file: Some(shown(&Json::Array(file.to_vec()))),
                running: Some(shown(&Json::Array(running.to_vec()))),
            });
        }
        return;
    };
    let is_new = |(name, _): &&(String, &Json)| block_of(&in_file, name).is_none();
    for (name, _) in in_file.iter().chain(that_run.iter().filter(is_new)) {
        way.push(name.clone());
        match (block_of(&in_file, name), block_of(&that_run, name)) {
            (Some(file), Some(running)) => compare(way, Some(file), Some(running), found),
            // All that is in a block is not told one by one.
            (file, running) => found.push(Difference {
                setting: way.join(" "),
                file: file.map(|_| "it is there".to_owned()),
                running: running.map(|_| "it is there".to_owned()),
            }),
        }
        way.pop();
    }
}

/// All blocks of a list with their names. `None`: not all have one.
fn named(list: &[Json]) -> Option<Vec<(String, &Json)>> {
    let named = list.iter().map(|block| Some((name(block)?, block)));
    named.collect()
}

fn block_of<'a>(named: &[(String, &'a Json)], name: &str) -> Option<&'a Json> {
    let mut blocks = named.iter();
    blocks
        .find(|(known, _)| known == name)
        .map(|(_, block)| *block)
}

/// What a block is known by. `None`: it has no name.
fn name(block: &Json) -> Option<String> {
    if let Some(name) = block.get("name") {
        return name.as_str().map(str::to_owned);
    }
    let mut name = block.get("address")?.as_str()?.to_owned();
    for part in ["port", "protocol"] {
        match block.get(part) {
            Some(Json::String(text)) => name = format!("{name} {text}"),
            Some(Json::Number(number)) => name = format!("{name} {number}"),
            _ => {}
        }
    }
    Some(name)
}

fn shown(value: &Json) -> String {
    match value {
        Json::Null => "nothing".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
