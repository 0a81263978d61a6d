use std::path::Path;

use super::*;
use crate::config::parse;

const FILE: &str = include_str!("../../../../../examples/keepalived-master.conf");

fn document(text: &str) -> Json {
    let config = parse(Path::new("test.conf"), text.as_bytes()).config;
    serde_json::to_value(config.expect("it is right")).expect("it has a form in JSON")
}

/// What is found when the daemon runs the example with one stretch changed: `setting: file | running`.
fn found(from: &str, to: &str) -> Vec<String> {
    assert!(FILE.contains(from), "{from} is not in the example");
    let running = document(&FILE.replacen(from, to, 1));
    let lines = differences(&document(FILE), &running).into_iter();
    let side = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    lines
        .map(|one| {
            format!(
                "{}: {} | {}",
                one.setting,
                side(one.file),
                side(one.running)
            )
        })
        .collect()
}

#[test]
fn what_runs_as_the_file_says_has_no_differences_wherever_things_stand() {
    assert!(found("priority 100", "\n\n  priority   100").is_empty());
}

#[test]
fn a_setting_is_named_by_its_blocks_with_both_values() {
    assert_eq!(
        found("priority 100", "priority 90"),
        ["vrrp_instances INT priority: 100 | 90"]
    );
    assert_eq!(
        found("weight 1", "weight 3"),
        ["virtual_servers 192.168.66.251 3306 TCP real_servers 192.168.66.253 3306 weight: 1 | 3"]
    );
}

#[test]
fn a_block_that_one_side_has_alone_is_one_line() {
    let services = found("251 3308 {", "251 3309 {");
    assert_eq!(
        services,
        [
            "virtual_servers 192.168.66.251 3308 TCP: it is there | -",
            "virtual_servers 192.168.66.251 3309 TCP: - | it is there",
        ]
    );
}

#[test]
fn a_list_without_names_is_compared_as_a_whole() {
    let (a, b) = (
        serde_json::json!({ "l": [1, 2] }),
        serde_json::json!({ "l": [2, 1] }),
    );
    assert_eq!(differences(&a, &a), []);
    let found = differences(&a, &b);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].file.as_deref(), Some("[1,2]"));
}
