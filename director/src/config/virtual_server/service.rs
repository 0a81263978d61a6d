//! Reading a `virtual_server`.

use std::{net::IpAddr, time::Duration};

use super::{
    super::{
        Diagnostic, Span,
        check::PaceSettings,
        diagnostic::{nearest, quoted},
        grammar::VIRTUAL_SERVER,
        settings::{Setting, Settings},
        tree::Word,
        value::{self, choice},
    },
    ForwardingMethod, Protocol, RealServer, Scheduler, VirtualServer, pool,
    real_server::{self, PoolDefaults},
};

/// The schedulers of IPVS that are not supported yet.
const SCHEDULERS_NOT_YET: [&str; 12] = [
    "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq", "twos",
];
/// keepalived's value of `persistence_timeout` without a number.
const DEFAULT_PERSISTENCE: Duration = Duration::from_secs(360);

/// All virtual servers, in order.
pub(in super::super) fn virtual_servers(root: &mut Settings<'_, '_>) -> Vec<VirtualServer> {
    root.take_all("virtual_server")
        .iter()
        .filter_map(|setting| virtual_server(setting, root.diagnostics))
        .collect()
}

fn virtual_server(
    setting: &Setting<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<VirtualServer> {
    let mut settings = Settings::read(&VIRTUAL_SERVER, setting.block?, diagnostics);
    let (address, port, span) = endpoint(&mut settings, setting)?;
    let pace = PaceSettings::read(&mut settings);
    let defaults = PoolDefaults {
        address,
        port,
        weight: real_server::weight(&mut settings).unwrap_or(1),
        inhibit_on_failure: settings.switch("inhibit_on_failure").unwrap_or(false),
        alpha: settings.switch("alpha").unwrap_or(false),
        pace,
    };
    let scheduler = scheduler(&mut settings, span);
    forwarding(&mut settings, span);
    let sorry_server = real_server::sorry_server(&mut settings, defaults);
    let real_servers = real_server::real_servers(&mut settings, defaults);
    let pool = pool::limits(&mut settings, &real_servers);
    let virtual_server = VirtualServer {
        address,
        port,
        protocol: protocol(&mut settings, span, &real_servers),
        scheduler,
        forwarding: ForwardingMethod::DirectRouting,
        quorum: pool.quorum,
        hysteresis: pool.hysteresis,
        alpha: defaults.alpha,
        persistence_timeout: persistence(&mut settings),
        sorry_server,
        real_servers,
        span,
    };
    // A real server that was refused is one all the same: its error says enough.
    if settings.take_all("real_server").is_empty() {
        settings.diagnostics.push(no_servers(&virtual_server));
    }
    settings.finish();
    Some(virtual_server)
}

fn no_servers(server: &VirtualServer) -> Diagnostic {
    let effect = match server.sorry_server {
        Some(_) => "all its connections go to the sorry server",
        None => "nobody answers its connections",
    };
    Diagnostic::warning(server.span, "this virtual server has no real servers")
        .label(effect)
        .help("add a `real_server ADDRESS PORT { ... }`")
}

/// Address and port, and where both stand.
fn endpoint(settings: &mut Settings<'_, '_>, setting: &Setting<'_>) -> Option<(IpAddr, u16, Span)> {
    let [address, rest @ ..] = setting.arguments else {
        return None;
    };
    if let "fwmark" | "group" = address.text.as_str() {
        settings.diagnostics.push(
            Diagnostic::error(
                address.span,
                format!(
                    "virtual servers by `{}` are not supported yet",
                    address.text
                ),
            )
            .help("write one `virtual_server ADDRESS PORT` for each address and port"),
        );
        return None;
    }
    let Some(port) = rest.first() else {
        settings.diagnostics.push(
            Diagnostic::error(address.span, "this virtual server has no port")
                .help("write the port after the address; virtual servers for all ports are not supported yet"),
        );
        return None;
    };
    let span = Span {
        end: port.span.end,
        ..address.span
    };
    let address = settings.keep(value::address(address));
    let port = settings.keep(value::port(port));
    Some((address?, port?, span))
}

/// Another scheduler is never taken in silence: how connections are spread decides what servers must bear.
fn scheduler(settings: &mut Settings<'_, '_>, span: Span) -> Scheduler {
    let any = Scheduler::RoundRobin;
    let Some(setting) = settings.take_either(&["lb_algo", "lvs_sched"]) else {
        settings.diagnostics.push(
            Diagnostic::error(span, "this virtual server has no `lb_algo`")
                .label("keepalived would take `wlc`, which is not supported yet")
                .help("add `lb_algo rr` or `lb_algo wrr`"),
        );
        return any;
    };
    settings
        .one(&setting, |word| scheduler_word(word, setting.name))
        .map_or(any, |found| found.value)
}

fn scheduler_word(word: &Word, keyword: &str) -> Result<Scheduler, Diagnostic> {
    match word.text.as_str() {
        "rr" => Ok(Scheduler::RoundRobin),
        "wrr" => Ok(Scheduler::WeightedRoundRobin),
        text if SCHEDULERS_NOT_YET.contains(&text) => Err(Diagnostic::error(
            word.span,
            format!("scheduler `{text}` is not supported yet"),
        )
        .label(format!("`{keyword}` takes `rr` or `wrr`"))
        .help(format!(
            "write `{keyword} wrr`: it spreads new connections by the weights of the real servers"
        ))),
        text => {
            let error = Diagnostic::error(word.span, format!("unknown scheduler {}", quoted(text)));
            let near = nearest(text, ["rr", "wrr"].into_iter().chain(SCHEDULERS_NOT_YET));
            Err(error.label(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("`{keyword}` takes `rr` or `wrr`"),
            }))
        }
    }
}

fn forwarding(settings: &mut Settings<'_, '_>, span: Span) {
    let Some(setting) = settings.take_either(&["lb_kind", "lvs_method"]) else {
        settings.diagnostics.push(
            Diagnostic::error(span, "this virtual server has no `lb_kind`")
                .label("keepalived would take `NAT`, which is not supported")
                .help("add `lb_kind DR` if the real servers have the address on their loopback interface"),
        );
        return;
    };
    forwarding_words(settings, &setting);
}

/// DR, or an error: a server that expects NAT or a tunnel could not answer what direct routing sends it.
pub(super) fn forwarding_words(settings: &mut Settings<'_, '_>, setting: &Setting<'_>) {
    let [method, rest @ ..] = setting.arguments else {
        return;
    };
    let name = setting.name;
    let error = match method.text.to_ascii_uppercase().as_str() {
        "DR" => match rest.first() {
            None => return,
            Some(word) => Diagnostic::error(word.span, format!("unexpected {} after `DR`", quoted(&word.text))).help(format!("write `{name} DR`")),
        },
        method_name @ ("NAT" | "TUN") => Diagnostic::error(method.span, format!("`{name} {method_name}` is not supported"))
            .label("the director works in direct routing only")
            .help(format!("write `{name} DR`, and give the real servers the virtual address on their loopback interface, without ARP")),
        _ => Diagnostic::error(method.span, format!("{} is not a value of `{name}`", quoted(&method.text))).label("write `DR`, for direct routing"),
    };
    settings.diagnostics.push(error);
}

fn protocol(settings: &mut Settings<'_, '_>, span: Span, real_servers: &[RealServer]) -> Protocol {
    let Some(setting) = settings.take("protocol") else {
        settings.diagnostics.push(no_protocol(span, real_servers));
        return Protocol::Udp;
    };
    let choices = [("TCP", Protocol::Tcp), ("UDP", Protocol::Udp)];
    let protocol = settings.one(&setting, |word| {
        match word.text.to_ascii_uppercase().as_str() {
            "SCTP" => Err(Diagnostic::error(word.span, "SCTP is not supported")
                .label("`protocol` takes `TCP` or `UDP`")),
            _ => choice(word, "protocol", &choices),
        }
    });
    protocol.map_or(Protocol::Tcp, |protocol| protocol.value)
}

/// keepalived takes UDP. A pool that is checked by TCP surely serves TCP, and would get nothing.
fn no_protocol(span: Span, real_servers: &[RealServer]) -> Diagnostic {
    let message = "this virtual server has no `protocol`";
    if real_servers.iter().any(|server| !server.checks.is_empty()) {
        return Diagnostic::error(span, message)
            .label("keepalived would take UDP, but its real servers are checked by TCP")
            .help("add `protocol TCP`, or `protocol UDP` if that is meant");
    }
    Diagnostic::warning(span, message)
        .label("it takes UDP, as in keepalived")
        .help("add `protocol UDP` or `protocol TCP`")
}

fn persistence(settings: &mut Settings<'_, '_>) -> Option<Duration> {
    let setting = settings.take("persistence_timeout")?;
    settings.diagnostics.push(
        Diagnostic::warning(setting.span, "persistence is not supported yet")
            .label("connections are scheduled one by one")
            .note("connections of one client can go to different real servers"),
    );
    if setting.arguments.is_empty() {
        return Some(DEFAULT_PERSISTENCE);
    }
    let range = Duration::from_secs(1)..=Duration::from_secs(31 * 24 * 3600);
    settings
        .one(&setting, |word| value::duration(word, setting.name, range))
        .map(|found| found.value)
}
