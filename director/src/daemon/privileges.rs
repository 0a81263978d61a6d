//! What the daemon may do, asked before it tries: one sentence at the start is better than a refusal in the middle.

use caps::{CapSet, Capability};

use crate::api::response::Problem;

/// What each capability is for. `CAP_SYS_ADMIN` stands for `CAP_BPF` and `CAP_PERFMON` as well.
const NEEDED: [(Capability, &str); 4] = [
    (
        Capability::CAP_NET_ADMIN,
        "to attach XDP programs and to add addresses",
    ),
    (Capability::CAP_NET_RAW, "to send gratuitous ARP"),
    (Capability::CAP_BPF, "to load BPF programs and maps"),
    (
        Capability::CAP_PERFMON,
        "to load BPF programs that walk through packets",
    ),
];

/// Looks whether this process has every capability that it needs.
pub(super) fn check() -> Result<(), Problem> {
    let effective = caps::read(None, CapSet::Effective).map_err(|error| {
        Problem::new("reading this process's capabilities").because(error.to_string())
    })?;
    let has = |capability| {
        effective.contains(&capability)
            || (matches!(capability, Capability::CAP_BPF | Capability::CAP_PERFMON)
                && effective.contains(&Capability::CAP_SYS_ADMIN))
    };
    let missing: Vec<_> = NEEDED
        .into_iter()
        .filter(|(capability, _)| !has(*capability))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let problem =
        Problem::new("this process may not do what a director does").help("run it as root");
    Err(missing
        .into_iter()
        .fold(problem, |problem, (capability, purpose)| {
            problem.because(format!("{capability} is missing, {purpose}"))
        }))
}
