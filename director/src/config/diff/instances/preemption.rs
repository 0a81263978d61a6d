//! Who takes over from whom. Only what the director with the higher priority has counts: the other one takes over from nobody who is
//! well.

use super::super::{
    Finding,
    object::Object,
    rules::{NOPREEMPT, PREEMPT_DELAY},
};

const ENOUGH: &str =
    "it is allowed: the other one, with the lower priority, takes over from nobody who is well";

pub(super) fn compare(subject: &str, a: Object<'_>, b: Object<'_>, findings: &mut Vec<Finding>) {
    let priority = |instance: Object<'_>| instance.get("priority").as_u64();
    let better = match priority(a) >= priority(b) {
        true => a,
        false => b,
    };
    let stays_away = better.get("preempt").as_bool() == Some(false);
    let waits = better.get("preempt_delay").as_f64() > Some(0.0);
    for (rule, counts) in [(NOPREEMPT, stays_away), (PREEMPT_DELAY, waits)] {
        let found = rule.judge(subject, a, b);
        findings.extend(found.map(|finding| match counts {
            true => finding.note().leads_to(ENOUGH),
            false => finding.help("write it in the file with the higher priority: there it counts"),
        }));
    }
}
