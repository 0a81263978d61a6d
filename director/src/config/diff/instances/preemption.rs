//! Who takes over from whom. Only what the director with the higher priority has counts: the other one takes over from nobody who is
//! well.

use super::super::{
    Finding, Gravity,
    object::Object,
    rules::{self, PREEMPTION},
};

pub(super) fn compare(subject: &str, a: Object<'_>, b: Object<'_>, findings: &mut Vec<Finding>) {
    let priority = |instance: Object<'_>| instance.get("priority").as_u64();
    let better = match priority(a) >= priority(b) {
        true => a,
        false => b,
    };
    let mut found = Vec::new();
    rules::apply(PREEMPTION, subject, a, b, &mut found);
    let judge = |finding: Finding| {
        match is_held_back(better, &finding.setting) {
        true => Finding {
            gravity: Gravity::Note,
            ..finding
        }
        .leads_to("it is allowed: the other one, with the lower priority, takes over from nobody who is well"),
        false => finding.help("write it in the file with the higher priority: there it counts"),
    }
    };
    findings.extend(found.into_iter().map(judge));
}

/// Whether a setting keeps an instance from taking over at once.
fn is_held_back(instance: Object<'_>, keyword: &str) -> bool {
    match keyword {
        "nopreempt" => instance.get("preempt").as_bool() == Some(false),
        _ => instance.get("preempt_delay").as_f64() > Some(0.0),
    }
}
