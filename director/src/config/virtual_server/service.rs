//! Reading a `virtual_server`.

use std::{net::IpAddr, time::Duration};

use super::{
    super::{
        Diagnostic, Span,
        check::PaceSettings,
        diagnostic::quoted,
        grammar::VIRTUAL_SERVER,
        settings::{Setting, Settings},
        value::{self, choice},
    },
    ForwardingMethod, Idle, NoFlow, Protocol, RealServer, Scheduler, Switchover, VirtualServer,
    failback::failback,
    farewell::farewells,
    persistence::{Persistence, persistence},
    pool,
    real_server::{self, PoolDefaults},
    scheduler,
};

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
    let Endpoint {
        address,
        port,
        span,
        port_span,
    } = endpoint(&mut settings, setting)?;
    let pace = PaceSettings::read(&mut settings);
    let defaults = PoolDefaults {
        address,
        port,
        weight: real_server::weight(&mut settings).unwrap_or(1),
        inhibit_on_failure: settings.switch("inhibit_on_failure").unwrap_or(false),
        alpha: settings.switch("alpha").unwrap_or(false),
        pace,
    };
    let scheduler = scheduler::scheduler(&mut settings, span);
    let scheduler_flags = scheduler::flags(&mut settings, scheduler);
    forwarding(&mut settings, span);
    let persistence = persistence(&mut settings, address);
    if port == 0 && persistence.span.is_none() {
        settings.diagnostics.push(all_ports(port_span));
    }
    let sorry_server = real_server::sorry_server(&mut settings, defaults);
    let real_servers = real_server::real_servers(&mut settings, defaults);
    let pool = pool::limits(&mut settings, &real_servers);
    let protocol = protocol(&mut settings, span, &real_servers);
    let one_packet = one_packet(&mut settings, protocol, &persistence);
    let on_no_flow = on_no_flow(&mut settings);
    let virtual_server = VirtualServer {
        address,
        port,
        // What was refused is never used.
        protocol: protocol.unwrap_or(Protocol::Tcp),
        scheduler: scheduler.unwrap_or(Scheduler::WeightedLeastConnection),
        scheduler_flags,
        one_packet,
        forwarding: ForwardingMethod::DirectRouting,
        quorum: pool.quorum,
        hysteresis: pool.hysteresis,
        alpha: defaults.alpha,
        persistence_timeout: persistence.timeout,
        persistence_prefix: persistence.prefix,
        idle_timeout: idle_timeout(&mut settings, one_packet),
        on_no_flow,
        on_idle: on_idle(&mut settings),
        on_switchover: on_switchover(&mut settings, on_no_flow),
        farewells: farewells(&mut settings),
        failback: failback(&mut settings),
        sorry_server,
        real_servers,
        span,
        places: settings.places(),
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

struct Endpoint {
    address: IpAddr,
    /// 0: all ports.
    port: u16,
    /// Where both stand.
    span: Span,
    port_span: Span,
}

fn endpoint(settings: &mut Settings<'_, '_>, setting: &Setting<'_>) -> Option<Endpoint> {
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
            Diagnostic::error(address.span, "this virtual server has no port").help(
                "write the port after the address, or 0 for all ports (with `persistence_timeout`)",
            ),
        );
        return None;
    };
    let span = Span {
        end: port.span.end,
        ..address.span
    };
    let port_span = port.span;
    let address = settings.keep(value::service_address(address));
    let port = settings.keep(value::port_or_all(port));
    Some(Endpoint {
        address: address?,
        port: port?,
        span,
        port_span,
    })
}

fn all_ports(span: Span) -> Diagnostic {
    Diagnostic::error(span, "a virtual server for all ports needs persistence")
        .label("port 0 stands for all ports")
        .note("the connections of one client to different ports would go to different real servers; keepalived switches persistence on by itself, and ipvsadm refuses it")
        .help("add `persistence_timeout 360`, or write one port")
}

/// `ops`, which is meant for protocols of one question and one answer.
fn one_packet(
    settings: &mut Settings<'_, '_>,
    protocol: Option<Protocol>,
    persistence: &Persistence,
) -> bool {
    let Some(setting) = settings.take("ops") else {
        return false;
    };
    if protocol == Some(Protocol::Tcp) {
        settings.diagnostics.push(
            Diagnostic::error(setting.span, "`ops` is for UDP only")
                .label("the packets of a TCP connection must go to one real server")
                .help("take it away, or write `protocol UDP`"),
        );
    }
    if let Some(persistent) = persistence.span {
        settings.diagnostics.push(
            Diagnostic::error(setting.span, "`ops` cannot be with `persistence_timeout`")
                .label("this schedules each datagram by itself")
                .related(persistent, "this keeps a client at its real server")
                .help("take one of them away"),
        );
    }
    true
}

fn idle_timeout(settings: &mut Settings<'_, '_>, one_packet: bool) -> Option<Duration> {
    let timeout = settings.duration("idle_timeout", Duration::from_secs(1))?;
    if one_packet {
        settings.diagnostics.push(
            Diagnostic::warning(timeout.span, "`idle_timeout` has no effect with `ops`")
                .label("no flow is kept at all")
                .help("take one of them away"),
        );
    }
    Some(timeout.value)
}

fn on_no_flow(settings: &mut Settings<'_, '_>) -> NoFlow {
    let choices = [
        ("reset", NoFlow::Reset),
        ("pass", NoFlow::Pass),
        ("schedule", NoFlow::Schedule),
    ];
    settings.choice("on_no_flow", &choices).unwrap_or_default()
}

/// Where the other director would take a segment of an unknown flow for one of its own, nobody is told unless it is said.
fn on_switchover(settings: &mut Settings<'_, '_>, on_no_flow: NoFlow) -> Switchover {
    let choices = [("reset", Switchover::Reset), ("keep", Switchover::Keep)];
    let default = match on_no_flow {
        NoFlow::Reset => Switchover::Reset,
        NoFlow::Pass | NoFlow::Schedule => Switchover::Keep,
    };
    settings
        .choice("on_switchover", &choices)
        .unwrap_or(default)
}

fn on_idle(settings: &mut Settings<'_, '_>) -> Idle {
    let choices = [("reset", Idle::Reset), ("silent", Idle::Silent)];
    settings.choice("on_idle", &choices).unwrap_or_default()
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

/// `None` if its word is not a protocol, which was said.
fn protocol(
    settings: &mut Settings<'_, '_>,
    span: Span,
    real_servers: &[RealServer],
) -> Option<Protocol> {
    let Some(setting) = settings.take("protocol") else {
        settings.diagnostics.push(no_protocol(span, real_servers));
        return Some(Protocol::Udp);
    };
    let choices = [("TCP", Protocol::Tcp), ("UDP", Protocol::Udp)];
    let protocol = settings.one(&setting, |word| {
        match word.text.to_ascii_uppercase().as_str() {
            "SCTP" => Err(Diagnostic::error(word.span, "SCTP is not supported")
                .label("`protocol` takes `TCP` or `UDP`")),
            _ => choice(word, "protocol", &choices),
        }
    })?;
    Some(protocol.value)
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
