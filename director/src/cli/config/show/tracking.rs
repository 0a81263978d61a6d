//! What is tracked, and who is told.

use std::fmt::{self, Formatter};

use super::seconds;
use crate::config::{
    Config, Fifo, Global, Notify, ProcessMatch, Script, ScriptUser, StartsAs, Track, TrackFile,
    TrackProcess, Tracked, VrrpScript,
};

/// Who scripts run as, and the pipes.
pub(super) fn global(f: &mut Formatter<'_>, global: &Global) -> fmt::Result {
    if let Some(user) = &global.script_user {
        writeln!(f, "scripts run as {}", shown_user(user))?;
    }
    if global.script_security {
        writeln!(
            f,
            "a script that others than its user can change is not run as root"
        )?;
    }
    let pipes = [
        ("everything", &global.notify_fifo),
        ("VRRP", &global.vrrp_notify_fifo),
    ];
    for (what, pipe) in pipes {
        if let Some(pipe) = pipe {
            fifo(f, what, pipe)?;
        }
    }
    Ok(())
}

fn fifo(f: &mut Formatter<'_>, what: &str, fifo: &Fifo) -> fmt::Result {
    write!(
        f,
        "changes of {what} are written to {}",
        fifo.path.display()
    )?;
    if let Some(script) = &fifo.script {
        write!(f, ", which {} reads", shown(script))?;
    }
    writeln!(f)
}

/// Everything that instances and groups can track by its name.
pub(super) fn definitions(f: &mut Formatter<'_>, config: &Config) -> fmt::Result {
    config
        .vrrp_scripts
        .iter()
        .try_for_each(|defined| script(f, defined))?;
    config
        .track_processes
        .iter()
        .try_for_each(|defined| process(f, defined))?;
    config
        .track_files
        .iter()
        .try_for_each(|defined| file(f, defined))
}

fn script(f: &mut Formatter<'_>, defined: &VrrpScript) -> fmt::Result {
    writeln!(f, "\nscript {}: {}", defined.name, shown(&defined.script))?;
    writeln!(
        f,
        "  runs every {}, is ended after {}",
        seconds(defined.interval),
        seconds(defined.timeout)
    )?;
    let start = match defined.starts_as {
        StartsAs::Unknown => "its instances wait for its first run",
        StartsAs::Failed => "counts as failed until it succeeds",
    };
    writeln!(
        f,
        "  well after {} good runs, failed after {} bad ones; {start}",
        defined.rise, defined.fall
    )
}

fn process(f: &mut Formatter<'_>, defined: &TrackProcess) -> fmt::Result {
    let compared = match defined.matching {
        ProcessMatch::Name => "by its name",
        ProcessMatch::FullCommand => "by its command",
        ProcessMatch::InitialArguments => "by its command and its first arguments",
        ProcessMatch::PartialArguments => "by its command and the beginning of its arguments",
        ProcessMatch::ExactArguments => "by its command and all its arguments",
    };
    writeln!(
        f,
        "\nprocess {}: {}, {compared}",
        defined.name,
        defined.process.join(" ")
    )?;
    write!(f, "  at least {} must run", defined.quorum)?;
    if let Some(most) = defined.quorum_max {
        write!(f, ", at most {most} may")?;
    }
    writeln!(
        f,
        "; counts as running after {}, as gone after {}",
        seconds(defined.fork_delay),
        seconds(defined.terminate_delay)
    )
}

fn file(f: &mut Formatter<'_>, defined: &TrackFile) -> fmt::Result {
    write!(f, "\nfile {}: {}", defined.name, defined.file.display())?;
    if let Some(init) = defined.init {
        let when = if init.overwrite {
            "at the start"
        } else {
            "at the start if it is not there"
        };
        write!(f, ", {} is written to it {when}", init.value)?;
    }
    writeln!(f)
}

/// What an instance or a group depends on.
pub(super) fn track(f: &mut Formatter<'_>, track: &Track) -> fmt::Result {
    let kinds = [
        ("interface", &track.interfaces),
        ("script", &track.scripts),
        ("process", &track.processes),
        ("file", &track.files),
    ];
    for (kind, list) in kinds {
        for one in list {
            tracked(f, kind, one)?;
        }
    }
    Ok(())
}

fn tracked(f: &mut Formatter<'_>, kind: &str, tracked: &Tracked) -> fmt::Result {
    write!(f, "  tracks {kind} {}", tracked.name)?;
    match tracked.weight {
        0 => write!(f, ": FAULT while it fails")?,
        weight => write!(f, " with weight {weight}")?,
    }
    if tracked.reverse {
        write!(f, ", reversed")?;
    }
    writeln!(f)
}

/// Who is told of changes.
pub(super) fn notify(f: &mut Formatter<'_>, notify: &Notify) -> fmt::Result {
    for (keyword, script) in notify.scripts() {
        writeln!(f, "  {keyword}: {}", shown(script))?;
    }
    if notify.priority_changes {
        writeln!(f, "  pipes are told of other priorities, too")?;
    }
    Ok(())
}

fn shown(script: &Script) -> String {
    match &script.user {
        Some(user) => format!("`{}` as {}", script.shown(), shown_user(user)),
        None => format!("`{}`", script.shown()),
    }
}

fn shown_user(user: &ScriptUser) -> String {
    match &user.group {
        Some(group) => format!("{}:{group}", user.user),
        None => user.user.clone(),
    }
}
