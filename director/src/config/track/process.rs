//! Reading a `vrrp_track_process`.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    super::{
        Diagnostic,
        diagnostic::quoted,
        grammar::VRRP_TRACK_PROCESS,
        settings::{Setting, Settings},
        tree::Word,
        value::choice,
    },
    ProcessMatch, TrackProcess,
    definition::{Defined, FILE_WEIGHT, Weight},
};

/// keepalived's limit.
const MOST_PROCESSES: u32 = 65_535;
/// keepalived's limits.
const DELAYS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);

pub(super) fn read(
    setting: &Setting<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Defined<TrackProcess>> {
    let name = setting.arguments.first()?;
    let mut settings = Settings::read(&VRRP_TRACK_PROCESS, setting.block?, diagnostics);
    let process = process(&mut settings, name);
    let matching = matching(&mut settings, process);
    let (quorum, quorum_max) = quorum(&mut settings);
    let both = settings.duration_in("delay", DELAYS);
    let fork_delay = settings.duration_in("fork_delay", DELAYS).or(both);
    let terminate_delay = settings.duration_in("terminate_delay", DELAYS).or(both);
    let weight = Weight::read(&mut settings, 0, FILE_WEIGHT);
    settings.finish();
    let value = TrackProcess {
        name: name.text.clone(),
        process: process.iter().map(|word| word.text.clone()).collect(),
        matching,
        quorum,
        quorum_max,
        fork_delay: fork_delay.map_or(Duration::ZERO, |found| found.value),
        terminate_delay: terminate_delay.map_or(Duration::ZERO, |found| found.value),
        span: name.span,
    };
    Some(Defined::new(value, weight))
}

fn process<'a>(settings: &mut Settings<'a, '_>, name: &Word) -> &'a [Word] {
    let Some(setting) = settings.take("process") else {
        settings.diagnostics.push(
            Diagnostic::error(
                name.span,
                format!(
                    "`vrrp_track_process` {} has no `process`",
                    quoted(&name.text)
                ),
            )
            .help("add `process NAME`, as `ps -o comm` shows it"),
        );
        return &[];
    };
    let nameless = setting
        .arguments
        .first()
        .is_none_or(|program| program.text.is_empty());
    if nameless {
        settings.diagnostics.push(
            Diagnostic::error(setting.span, "`process` needs its value")
                .label("the name of a process is missing after this word"),
        );
    }
    setting.arguments
}

/// What of a process is compared. Arguments are in its command line only, so they look at that.
fn matching(settings: &mut Settings<'_, '_>, process: &[Word]) -> ProcessMatch {
    // keepalived's code and its manual agree, against the comments in its header.
    const CHOICES: [(&str, ProcessMatch); 3] = [
        ("initial", ProcessMatch::PartialArguments),
        ("partial", ProcessMatch::InitialArguments),
        ("exact", ProcessMatch::ExactArguments),
    ];
    let full_command = settings.take("full_command").is_some();
    if let Some(setting) = settings.take("param_match") {
        return match setting.arguments.first() {
            Some(word) => settings
                .keep(choice(word, "param_match", &CHOICES))
                .unwrap_or(ProcessMatch::ExactArguments),
            None => ProcessMatch::ExactArguments,
        };
    }
    match process {
        [_, _, ..] => ProcessMatch::ExactArguments,
        _ if full_command => ProcessMatch::FullCommand,
        _ => {
            if let Some(program) = process.first() {
                warn_of_path(settings, program);
            }
            ProcessMatch::Name
        }
    }
}

fn warn_of_path(settings: &mut Settings<'_, '_>, program: &Word) {
    let Some((_, name)) = program.text.rsplit_once('/') else {
        return;
    };
    settings.diagnostics.push(
        Diagnostic::warning(
            program.span,
            format!("{} is not the name of a process", quoted(&program.text)),
        )
        .label("the kernel's names of processes have no path: none will be found")
        .help(format!(
            "write {}, or add `full_command`",
            quoted(&format!("process {name}"))
        )),
    );
}

/// Least and greatest number of processes.
fn quorum(settings: &mut Settings<'_, '_>) -> (u32, Option<u32>) {
    let least = settings.number("quorum", 1..=MOST_PROCESSES);
    let most = settings.number("quorum_max", 0..=MOST_PROCESSES);
    let Some(most) = most else {
        return (least.map_or(1, |least| least.value), None);
    };
    if let Some(least) = least
        && least.value > most.value
    {
        settings.diagnostics.push(
            Diagnostic::error(least.span, "`quorum` is above `quorum_max`")
                .label("no number of processes would be right")
                .related(most.span, "at most so many may run"),
        );
    }
    (
        least.map_or(most.value.min(1), |least| least.value),
        Some(most.value),
    )
}
