//! Reading `real_server` and `sorry_server`.

use std::net::{IpAddr, SocketAddr};

use super::{
    super::{
        Diagnostic, Span,
        check::{CheckDefaults, PaceSettings, tcp_checks},
        grammar::REAL_SERVER,
        settings::{Setting, Settings},
        tree::Word,
        value,
    },
    RealServer, SorryServer,
    pool::MOST_WEIGHT,
    service::forwarding_words,
};

/// What a virtual server gives to its real servers.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolDefaults {
    /// The virtual server's own address and port.
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) weight: u32,
    pub(super) inhibit_on_failure: bool,
    pub(super) alpha: bool,
    pub(super) pace: PaceSettings,
}

/// All real servers of a virtual server, in order.
pub(super) fn real_servers(
    settings: &mut Settings<'_, '_>,
    defaults: PoolDefaults,
) -> Vec<RealServer> {
    let found = settings.take_all("real_server");
    let servers: Vec<_> = found
        .iter()
        .filter_map(|setting| real_server(setting, defaults, settings.diagnostics))
        .collect();
    duplicates(&servers, settings.diagnostics);
    servers
}

fn real_server(
    setting: &Setting<'_>,
    defaults: PoolDefaults,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<RealServer> {
    let mut settings = Settings::read(&REAL_SERVER, setting.block?, diagnostics);
    let endpoint = endpoint(&mut settings, setting, defaults);
    // A server whose address is not one is read all the same, so that one run says everything that is wrong.
    let (address, span) = endpoint.unwrap_or((defaults.address, setting.span));
    let pace = PaceSettings::read(&mut settings).within(defaults.pace);
    if let Some(method) = settings.take("lvs_method") {
        forwarding_words(&mut settings, &method);
    }
    let own_alpha = settings.switch("alpha").unwrap_or(defaults.alpha);
    let connect = SocketAddr::new(address, defaults.port);
    let checks = tcp_checks(&mut settings, CheckDefaults { connect, pace });
    let alpha = if checks.is_empty() {
        own_alpha
    } else {
        checks.iter().any(|check| check.alpha.unwrap_or(own_alpha))
    };
    let thresholds = thresholds(&mut settings);
    let server = RealServer {
        address,
        port: defaults.port,
        weight: weight(&mut settings).unwrap_or(defaults.weight),
        upper_threshold: thresholds.upper,
        lower_threshold: thresholds.lower,
        inhibit_on_failure: settings
            .switch("inhibit_on_failure")
            .unwrap_or(defaults.inhibit_on_failure),
        on_removal: None,
        alpha,
        checks: checks.into_iter().map(|check| check.check).collect(),
        span,
        places: settings.places(),
    };
    settings.finish();
    endpoint.is_some().then_some(server)
}

/// `sorry_server`.
pub(super) fn sorry_server(
    settings: &mut Settings<'_, '_>,
    defaults: PoolDefaults,
) -> Option<SorryServer> {
    let setting = settings.take("sorry_server")?;
    let (address, span) = endpoint(settings, &setting, defaults)?;
    Some(SorryServer {
        address,
        port: defaults.port,
        span,
    })
}

/// `weight`; 0 gets no new connections.
pub(super) fn weight(settings: &mut Settings<'_, '_>) -> Option<u32> {
    settings
        .number("weight", 0..=MOST_WEIGHT)
        .map(|weight| weight.value)
}

/// Most flows in a threshold: what ipvsadm takes.
pub(in super::super) const MOST_THRESHOLD: u32 = 65535;

struct Thresholds {
    upper: u32,
    lower: u32,
}

/// `uthreshold` and `lthreshold`, in flows; 0 is none.
fn thresholds(settings: &mut Settings<'_, '_>) -> Thresholds {
    let upper = settings.number("uthreshold", 0..=MOST_THRESHOLD);
    let lower = settings.number("lthreshold", 0..=MOST_THRESHOLD);
    // One that was refused is set all the same.
    let limited = upper.map_or(!settings.take_all("uthreshold").is_empty(), |found| {
        found.value > 0
    });
    let mut thresholds = Thresholds {
        upper: upper.map_or(0, |found| found.value),
        lower: lower.map_or(0, |found| found.value),
    };
    let Some(lower) = lower.filter(|found| found.value > 0) else {
        return thresholds;
    };
    if !limited {
        settings.diagnostics.push(
            Diagnostic::warning(
                lower.span,
                "`lthreshold` has no effect without `uthreshold`",
            )
            .label("the server gets new connections however many it has")
            .help("add `uthreshold`, or take this away"),
        );
        thresholds.lower = 0;
    } else if let Some(upper) = upper
        && lower.value > upper.value
    {
        settings.diagnostics.push(
            Diagnostic::error(lower.span, "`lthreshold` is above `uthreshold`")
                .label(format!("at most {} can stand here", upper.value))
                .related(upper.span, "the server gets no new connections from here on")
                .help("the lower threshold says when a full server gets new connections again; without it, below three quarters of `uthreshold`"),
        );
    }
    thresholds
}

/// The address, and where address and port stand. The port can only be the virtual server's: direct routing changes
/// nothing in the packet that a port stands in.
fn endpoint(
    settings: &mut Settings<'_, '_>,
    setting: &Setting<'_>,
    defaults: PoolDefaults,
) -> Option<(IpAddr, Span)> {
    let [word, rest @ ..] = setting.arguments else {
        return None;
    };
    let port_word = rest.first();
    let port = port_word.map(|word| {
        settings.keep(match defaults.port {
            0 => value::port_or_all(word),
            _ => value::port(word),
        })
    });
    let address = settings.keep(value::service_address(word))?;
    if let (Some(Some(port)), Some(word)) = (port, port_word)
        && port != defaults.port
    {
        settings
            .diagnostics
            .push(other_port(setting.name, word, defaults.port));
    }
    if address == defaults.address {
        settings
            .diagnostics
            .push(virtual_address(setting.name, word));
        return None;
    }
    if address.is_ipv4() != defaults.address.is_ipv4() {
        settings
            .diagnostics
            .push(other_family(setting.name, word, defaults.address));
        return None;
    }
    let span = Span {
        end: port_word.unwrap_or(word).span.end,
        ..word.span
    };
    // A port that is not one was refused above; the server itself is right.
    Some((address, span))
}

fn other_port(name: &str, word: &Word, port: u16) -> Diagnostic {
    if port == 0 {
        return Diagnostic::warning(
            word.span,
            format!("`{name}` has one port, and its virtual server all of them"),
        )
        .label("every port goes to the same port of this server")
        .note("direct routing cannot translate ports")
        .help("write 0 here, or no port");
    }
    Diagnostic::warning(
        word.span,
        format!("`{name}` has another port than its virtual server"),
    )
    .label(format!("{port} is used, as in keepalived"))
    .note("direct routing cannot translate ports")
    .help(format!(
        "write {port} here, or another port at the virtual server"
    ))
}

fn other_family(name: &str, word: &Word, virtual_address: IpAddr) -> Diagnostic {
    let (own, wanted) = match virtual_address {
        IpAddr::V4(_) => ("IPv6", "IPv4"),
        IpAddr::V6(_) => ("IPv4", "IPv6"),
    };
    Diagnostic::error(
        word.span,
        format!("this `{name}` has an {own} address, its virtual server an {wanted} address"),
    )
    .label(format!("an {wanted} address is wanted here"))
    .note("direct routing changes only the hardware addresses of a packet; it cannot make one family into the other")
    .help(format!(
        "write the server's {wanted} address, or a virtual server of its own for {own}"
    ))
}

fn virtual_address(name: &str, word: &Word) -> Diagnostic {
    Diagnostic::error(word.span, format!("this `{name}` is the virtual address itself"))
        .label("packets would come back to the director for ever")
        .help("write the server's own address on the network; the virtual address belongs on its loopback interface only")
}

fn duplicates(servers: &[RealServer], diagnostics: &mut Vec<Diagnostic>) {
    let mut seen = std::collections::HashMap::new();
    for server in servers {
        if let Some(earlier) = seen.insert(server.address, server.span) {
            diagnostics.push(
                Diagnostic::error(
                    server.span,
                    format!(
                        "real server {} is listed twice in this virtual server",
                        SocketAddr::new(server.address, server.port)
                    ),
                )
                .related(earlier, "first listed here")
                .help("take one of them away; a larger share is given by `weight`"),
            );
        }
    }
}
