//! `lb_algo` and its flags: IPVS's schedulers by their words. How they choose is no matter of this file.

use serde::{Deserialize, Serialize};

use super::super::{
    Diagnostic, Span,
    diagnostic::{nearest, quoted},
    settings::Settings,
    tree::Word,
};

/// `lb_algo`, `lvs_sched`: how the real server of a new flow is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scheduler {
    /// `rr`: one after the other, whatever their weights.
    #[serde(rename = "rr")]
    RoundRobin,
    /// `wrr`: in proportion to their weights.
    #[serde(rename = "wrr")]
    WeightedRoundRobin,
    /// `lc`: the one with the fewest flows.
    #[serde(rename = "lc")]
    LeastConnection,
    /// `wlc`: the one with the fewest flows for its weight.
    #[serde(rename = "wlc")]
    WeightedLeastConnection,
    /// `lblc`: the last one of this virtual address, unless it has too many flows.
    #[serde(rename = "lblc")]
    LocalityBasedLeastConnection,
    /// `lblcr`: the least loaded of a set that this virtual address has.
    #[serde(rename = "lblcr")]
    LocalityBasedLeastConnectionWithReplication,
    /// `sh`: by a hash of the client's address.
    #[serde(rename = "sh")]
    SourceHash,
    /// `mh`: by a hash of the client's address, which moves few clients when servers come and go (Maglev).
    #[serde(rename = "mh")]
    Maglev,
    /// `dh`: by a hash of the virtual address.
    #[serde(rename = "dh")]
    DestinationHash,
    /// `fo`: the one with the highest weight.
    #[serde(rename = "fo")]
    WeightedFailover,
    /// `ovf`: the one with the highest weight, until it has as many flows as its weight says.
    #[serde(rename = "ovf")]
    WeightedOverflow,
    /// `sed`: the one with the fewest flows for its weight, with the new flow counted in.
    #[serde(rename = "sed")]
    ShortestExpectedDelay,
    /// `nq`: an idle one, else as `sed`.
    #[serde(rename = "nq")]
    NeverQueue,
    /// `twos`: the better of two that are drawn by lot.
    #[serde(rename = "twos")]
    PowerOfTwo,
}

/// What a scheduler by hash does besides; only `sh` and `mh` have flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerFlags {
    /// `sh-port`, `mh-port`: the client's port is part of the hash.
    pub port: bool,
    /// `sh-fallback`, `mh-fallback`: a client whose server is not available goes to another one.
    pub fallback: bool,
}

impl Scheduler {
    /// All of them, in keepalived's order.
    pub const ALL: [Self; 14] = [
        Self::RoundRobin,
        Self::WeightedRoundRobin,
        Self::LeastConnection,
        Self::WeightedLeastConnection,
        Self::LocalityBasedLeastConnection,
        Self::SourceHash,
        Self::Maglev,
        Self::DestinationHash,
        Self::WeightedFailover,
        Self::WeightedOverflow,
        Self::LocalityBasedLeastConnectionWithReplication,
        Self::ShortestExpectedDelay,
        Self::NeverQueue,
        Self::PowerOfTwo,
    ];

    /// The word of ipvsadm and keepalived.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "rr",
            Self::WeightedRoundRobin => "wrr",
            Self::LeastConnection => "lc",
            Self::WeightedLeastConnection => "wlc",
            Self::LocalityBasedLeastConnection => "lblc",
            Self::LocalityBasedLeastConnectionWithReplication => "lblcr",
            Self::SourceHash => "sh",
            Self::Maglev => "mh",
            Self::DestinationHash => "dh",
            Self::WeightedFailover => "fo",
            Self::WeightedOverflow => "ovf",
            Self::ShortestExpectedDelay => "sed",
            Self::NeverQueue => "nq",
            Self::PowerOfTwo => "twos",
        }
    }
}

impl SchedulerFlags {
    /// The words of ipvsadm, in its order; none for a scheduler without flags.
    #[must_use]
    pub fn names(self, scheduler: Scheduler) -> Vec<&'static str> {
        let (fallback, port) = match scheduler {
            Scheduler::SourceHash => ("sh-fallback", "sh-port"),
            Scheduler::Maglev => ("mh-fallback", "mh-port"),
            _ => return Vec::new(),
        };
        let mut names = Vec::new();
        names.extend(self.fallback.then_some(fallback));
        names.extend(self.port.then_some(port));
        names
    }
}

/// Reads `lb_algo`; `None` if its word is not a scheduler, which was said.
pub(super) fn scheduler(settings: &mut Settings<'_, '_>, span: Span) -> Option<Scheduler> {
    let Some(setting) = settings.take_either(&["lb_algo", "lvs_sched"]) else {
        settings.diagnostics.push(
            Diagnostic::warning(span, "this virtual server has no `lb_algo`")
                .label("it takes `wlc`, as in keepalived")
                .help("add `lb_algo wlc`, or another scheduler"),
        );
        return Some(Scheduler::WeightedLeastConnection);
    };
    let found = settings.one(&setting, |word| scheduler_word(word, setting.name))?;
    Some(found.value)
}

fn scheduler_word(word: &Word, keyword: &str) -> Result<Scheduler, Diagnostic> {
    let text = word.text.as_str();
    if let Some(found) = Scheduler::ALL
        .into_iter()
        .find(|known| known.name() == text)
    {
        return Ok(found);
    }
    let error = Diagnostic::error(word.span, format!("unknown scheduler {}", quoted(text)));
    let names = Scheduler::ALL.map(Scheduler::name);
    Err(error.label(match nearest(text, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("`{keyword}` takes one of {}", names.join(" ")),
    }))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flag {
    Fallback,
    Port,
}

const FLAGS: [(&str, Flag, &[Scheduler]); 6] = [
    ("sh-fallback", Flag::Fallback, &[Scheduler::SourceHash]),
    ("sh-port", Flag::Port, &[Scheduler::SourceHash]),
    ("mh-fallback", Flag::Fallback, &[Scheduler::Maglev]),
    ("mh-port", Flag::Port, &[Scheduler::Maglev]),
    (
        "flag-1",
        Flag::Fallback,
        &[Scheduler::SourceHash, Scheduler::Maglev],
    ),
    (
        "flag-2",
        Flag::Port,
        &[Scheduler::SourceHash, Scheduler::Maglev],
    ),
];

/// Words that IPVS takes and that change nothing, with the reason.
const WITHOUT_EFFECT: [(&str, &str); 2] = [
    ("flag-3", "no scheduler has a third flag"),
    ("hashed", "IPVS keeps this mark for itself"),
];

/// Reads the flags. They may stand before `lb_algo` or after it.
pub(super) fn flags(
    settings: &mut Settings<'_, '_>,
    scheduler: Option<Scheduler>,
) -> SchedulerFlags {
    let mut flags = SchedulerFlags::default();
    for (name, flag, schedulers) in FLAGS {
        let Some(setting) = settings.take(name) else {
            continue;
        };
        if let Some(scheduler) = scheduler.filter(|scheduler| !schedulers.contains(scheduler)) {
            let error = lacks(scheduler, name, flag, schedulers);
            settings.diagnostics.push(error(setting.span));
            continue;
        }
        match flag {
            Flag::Fallback => flags.fallback = true,
            Flag::Port => flags.port = true,
        }
    }
    for (name, why) in WITHOUT_EFFECT {
        if let Some(setting) = settings.take(name) {
            settings.diagnostics.push(
                Diagnostic::warning(setting.span, format!("`{name}` has no effect"))
                    .label(why)
                    .help("take it away"),
            );
        }
    }
    flags
}

/// keepalived ignores such a flag, with a line in its log.
fn lacks(
    scheduler: Scheduler,
    name: &'static str,
    flag: Flag,
    schedulers: &'static [Scheduler],
) -> impl FnOnce(Span) -> Diagnostic {
    move |span| {
        let having: Vec<_> = schedulers
            .iter()
            .map(|scheduler| format!("`{}`", scheduler.name()))
            .collect();
        let verb = if having.len() == 1 { "has" } else { "have" };
        let own = FLAGS
            .iter()
            .find(|(_, other, schedulers)| *other == flag && **schedulers == [scheduler]);
        Diagnostic::error(
            span,
            format!("scheduler `{}` has no flag `{name}`", scheduler.name()),
        )
        .label(format!("{} {verb} it", having.join(" and ")))
        .help(match own {
            Some((own, ..)) => format!("write `{own}`"),
            None => "take it away, or choose another scheduler".to_owned(),
        })
    }
}
