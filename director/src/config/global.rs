//! `global_defs`.

use std::{collections::HashMap, iter, path::PathBuf, time::Duration};

use serde::Serialize;

use super::{
    Diagnostic, Places, Span,
    diagnostic::{nearest, quoted},
    grammar::GLOBAL_DEFS,
    notify::{self, Fifo},
    script::ScriptUser,
    settings::{Setting, Settings},
    tree::Word,
    value::{Spanned, absolute_path, choice, number},
    vrrp::InstanceDefaults,
};

/// More connections than one thread tells in a second.
const MOST_RESETS: u32 = 10_000_000;

/// Settings of the whole daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Global {
    /// `router_id`: the name of this director in notices. Default: the host name (read by the daemon, not here).
    pub router_id: Option<String>,
    /// `lvs_timeouts`.
    pub lvs_timeouts: LvsTimeouts,
    /// `director_flow_table_size` and the like.
    pub table_sizes: TableSizes,
    /// `director_reset_rate`: connections of a real server that went which are told in a second; 0: as fast as it goes.
    pub reset_rate: Option<u32>,
    /// `director_event_log`: file to which each connection that was ended is added; an absolute path.
    pub event_log: Option<PathBuf>,
    /// `director_pair_port`: UDP port by which two directors compare their configurations. Default 8850; 0: they do not.
    pub pair_port: Option<u16>,
    /// `script_user`.
    pub script_user: Option<ScriptUser>,
    /// `enable_script_security`: a script that somebody else than its user could change is not run as root.
    pub script_security: bool,
    /// `notify_fifo`.
    pub notify_fifo: Option<Fifo>,
    /// `vrrp_notify_fifo`.
    pub vrrp_notify_fifo: Option<Fifo>,
    /// `vrrp_rt_priority`: of the thread that speaks VRRP, SCHED_RR, 1 to 99. Default 50; 0: none.
    pub vrrp_rt_priority: Option<u8>,
    /// `vrrp_startup_delay`: no instance speaks before.
    #[serde(with = "super::optional_seconds")]
    pub vrrp_startup_delay: Option<Duration>,
    /// Where its settings stand.
    #[serde(skip)]
    pub places: Places,
}

/// `lvs_timeouts`: how long flows without packets are kept; `None`: the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LvsTimeouts {
    /// `tcp`: established TCP flows.
    #[serde(with = "super::optional_seconds")]
    pub tcp: Option<Duration>,
    /// `tcpfin`: TCP flows after a FIN.
    #[serde(with = "super::optional_seconds")]
    pub tcpfin: Option<Duration>,
    /// `udp`: UDP flows.
    #[serde(with = "super::optional_seconds")]
    pub udp: Option<Duration>,
}

/// How many entries the tables of the packet path hold; `None`: the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableSizes {
    /// `director_flow_table_size`: established flows, of each address family.
    pub flows: Option<u32>,
    /// `director_half_open_table_size`: flows whose handshake is not done.
    pub half_open: Option<u32>,
    /// `director_persistence_table_size`: clients that stay with their real server.
    pub persistence: Option<u32>,
    /// `director_fragment_table_size`: fragmented packets whose later parts may still come.
    pub fragments: Option<u32>,
}

/// Reads `global_defs`, and what it says for all instances. keepalived takes several such blocks as one.
pub(super) fn read(root: &mut Settings<'_, '_>) -> (Global, InstanceDefaults) {
    let mut global = Global::default();
    let mut defaults = InstanceDefaults::default();
    let mut fifos = Fifos::default();
    for setting in root.take_all("global_defs") {
        let Some(block) = setting.block else { continue };
        let mut settings = Settings::read(&GLOBAL_DEFS, block, root.diagnostics);
        global.places.extend(settings.places());
        if let Some(Spanned { value, .. }) = settings.word("router_id") {
            global.router_id = Some(value);
        }
        defaults.read(&mut settings);
        lvs_timeouts(&mut settings, &mut global.lvs_timeouts);
        table_sizes(&mut settings, &mut global.table_sizes);
        if let Some(rate) = settings.number("director_reset_rate", 0..=MOST_RESETS) {
            global.reset_rate = Some(rate.value);
        }
        if let Some(port) = settings.number("director_pair_port", 0..=u32::from(u16::MAX)) {
            global.pair_port = u16::try_from(port.value).ok();
        }
        if let Some(path) = event_log(&mut settings) {
            global.event_log = Some(path);
        }
        scripts(&mut settings, &mut global);
        fifos.read(&mut settings);
        vrrp_process(&mut settings, &mut global);
        settings.finish();
    }
    fifos.settle(&mut global, root.diagnostics);
    (global, defaults)
}

/// `script_user`, `enable_script_security`.
fn scripts(settings: &mut Settings<'_, '_>, global: &mut Global) {
    if let Some(setting) = settings.take("script_user") {
        global.script_user = ScriptUser::read(setting.arguments);
    }
    if let Some(security) = settings.switch("enable_script_security") {
        global.script_security = security;
    }
}

/// How instances start and run, all of them together.
fn vrrp_process(settings: &mut Settings<'_, '_>, global: &mut Global) {
    // Linux has 99 real-time priorities; 0 stands for none.
    if let Some(priority) = settings.number("vrrp_rt_priority", 0..=99) {
        global.vrrp_rt_priority = u8::try_from(priority.value).ok();
    }
    if let Some(delay) = settings.duration("vrrp_startup_delay", Duration::ZERO) {
        global.vrrp_startup_delay = Some(delay.value);
    }
    // An interface that is not there is waited for in any case.
    if let Some(word) = settings
        .take("dynamic_interfaces")
        .and_then(|setting| setting.arguments.first())
    {
        settings.keep(choice(
            word,
            "dynamic_interfaces",
            &[("allow_if_changes", ())],
        ));
    }
}

/// The pipes, until all blocks are read.
#[derive(Default)]
struct Fifos {
    of_all: Option<Spanned<Fifo>>,
    of_vrrp: Option<Spanned<Fifo>>,
}

impl Fifos {
    fn read(&mut self, settings: &mut Settings<'_, '_>) {
        let of_all = Fifo::read(settings, "notify_fifo", "notify_fifo_script");
        let of_vrrp = Fifo::read(settings, "vrrp_notify_fifo", "vrrp_notify_fifo_script");
        self.of_all = of_all.or(self.of_all.take());
        self.of_vrrp = of_vrrp.or(self.of_vrrp.take());
    }

    fn settle(self, global: &mut Global, diagnostics: &mut Vec<Diagnostic>) {
        notify::judge_paths(self.of_all.as_ref(), self.of_vrrp.as_ref(), diagnostics);
        global.notify_fifo = self.of_all.map(|fifo| fifo.value);
        global.vrrp_notify_fifo = self.of_vrrp.map(|fifo| fifo.value);
    }
}

fn event_log(settings: &mut Settings<'_, '_>) -> Option<PathBuf> {
    let setting = settings.take("director_event_log")?;
    let path = settings.one(&setting, |word| {
        absolute_path(word, "director_event_log /var/log/director/events.json")
    });
    path.map(|path| path.value)
}

fn table_sizes(settings: &mut Settings<'_, '_>, sizes: &mut TableSizes) {
    /// A smaller one is full at once, and a larger one needs more memory than any director has.
    const ENTRIES: std::ops::RangeInclusive<u32> = 1024..=134_217_728;
    let tables = [
        ("director_flow_table_size", &mut sizes.flows),
        ("director_half_open_table_size", &mut sizes.half_open),
        ("director_persistence_table_size", &mut sizes.persistence),
        ("director_fragment_table_size", &mut sizes.fragments),
    ];
    for (name, size) in tables {
        if let Some(found) = settings.number(name, ENTRIES) {
            *size = Some(found.value);
        }
    }
}

/// `lvs_timeouts [tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]`, also one below the other in a block.
fn lvs_timeouts(settings: &mut Settings<'_, '_>, timeouts: &mut LvsTimeouts) {
    let Some(setting) = settings.take("lvs_timeouts") else {
        return;
    };
    if setting.block.is_some() {
        settings.diagnostics.push(
            Diagnostic::warning(setting.span, "`lvs_timeouts` in braces is not read by keepalived")
                .label("it is read here")
                .note("keepalived takes the closing brace for the end of `global_defs`, and nothing after it as part of that block")
                .help("write it on one line: `lvs_timeouts tcp 900 tcpfin 120 udp 300`"),
        );
    }
    let lines = setting
        .block
        .into_iter()
        .flat_map(|block| &block.statements);
    for statement in lines.clone() {
        if let (Some(_), Some(word)) = (&statement.block, statement.words.last()) {
            settings.diagnostics.push(Diagnostic::error(
                word.span,
                "a block cannot stand among timeouts",
            ));
        }
    }
    let lines = iter::once(setting.arguments).chain(lines.map(|line| line.words.as_slice()));
    let mut pairs = lines.flat_map(|line| line.chunks(2)).peekable();
    if pairs.peek().is_none() {
        settings.diagnostics.push(no_timeouts(&setting));
    }
    let mut timeouts = Timeouts {
        timeouts,
        set: HashMap::new(),
    };
    for pair in pairs {
        timeouts.pair(settings, pair);
    }
}

fn no_timeouts(setting: &Setting<'_>) -> Diagnostic {
    Diagnostic::error(setting.span, "`lvs_timeouts` has no timeout")
        .label("at least one of `tcp`, `tcpfin` and `udp` is wanted, each with its seconds")
}

struct Timeouts<'a> {
    timeouts: &'a mut LvsTimeouts,
    /// Where each of them was set last, whether its value was right or not.
    set: HashMap<&'static str, Span>,
}

impl Timeouts<'_> {
    fn pair(&mut self, settings: &mut Settings<'_, '_>, pair: &[Word]) {
        /// keepalived's limit: 31 days.
        const MOST_SECONDS: u32 = 31 * 24 * 3600;
        let Some(name) = pair.first() else { return };
        let (known, timeout) = match name.text.as_str() {
            "tcp" => ("tcp", &mut self.timeouts.tcp),
            "tcpfin" => ("tcpfin", &mut self.timeouts.tcpfin),
            "udp" => ("udp", &mut self.timeouts.udp),
            _ => {
                settings.diagnostics.push(unknown_timeout(name));
                return;
            }
        };
        if let Some(earlier) = self.set.insert(known, name.span) {
            settings.diagnostics.push(
                Diagnostic::warning(earlier, format!("`{known}` is set more than once"))
                    .label("this one has no effect")
                    .related(name.span, "the last one wins")
                    .help("take one of them away"),
            );
        }
        let Some(word) = pair.get(1) else {
            settings.diagnostics.push(
                Diagnostic::error(name.span, format!("`{known}` needs its value"))
                    .label("its seconds are missing after this word"),
            );
            return;
        };
        if let Some(seconds) = settings.keep(number(word, known, 0..=MOST_SECONDS)) {
            // 0 leaves the kernel's value as it is in IPVS.
            *timeout = (seconds > 0).then(|| Duration::from_secs(seconds.into()));
        }
    }
}

fn unknown_timeout(name: &Word) -> Diagnostic {
    let error = Diagnostic::error(
        name.span,
        format!("unknown word {} in `lvs_timeouts`", quoted(&name.text)),
    );
    match nearest(&name.text, ["tcp", "tcpfin", "udp"]) {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None => error.label("it takes `tcp`, `tcpfin` and `udp`, each with its seconds"),
    }
}
