//! Reading `TCP_CHECK`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{
    super::{
        Diagnostic,
        grammar::TCP_CHECK,
        settings::{Setting, Settings},
        value,
    },
    PaceSettings, TcpCheck,
};

/// What the real server gives to its checks.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct CheckDefaults {
    /// The real server's address and port.
    pub(in super::super) connect: SocketAddr,
    pub(in super::super) pace: PaceSettings,
}

/// A check, and the `alpha` that it sets for its real server.
pub(in super::super) struct ReadCheck {
    pub(in super::super) check: TcpCheck,
    pub(in super::super) alpha: Option<bool>,
}

/// All TCP checks of a real server, in order.
pub(in super::super) fn tcp_checks(
    real_server: &mut Settings<'_, '_>,
    defaults: CheckDefaults,
) -> Vec<ReadCheck> {
    let checks = real_server.take_all("TCP_CHECK");
    checks
        .iter()
        .filter_map(|setting| tcp_check(setting, defaults, real_server.diagnostics))
        .collect()
}

fn tcp_check(
    setting: &Setting<'_>,
    defaults: CheckDefaults,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<ReadCheck> {
    let mut settings = Settings::read(&TCP_CHECK, setting.block?, diagnostics);
    let retry = retry(&mut settings);
    let pace = PaceSettings::read_with_retry(&mut settings, retry).within(defaults.pace);
    let address = settings
        .take("connect_ip")
        .and_then(|setting| settings.one(&setting, value::check_address));
    let connect = SocketAddr::new(
        address.map_or(defaults.connect.ip(), |found| found.value),
        connect_port(&mut settings, setting, defaults.connect.port()),
    );
    let check = TcpCheck {
        connect,
        bind: bind(&mut settings, connect.ip()),
        connect_timeout: pace.connect_timeout(),
        pace: pace.pace(),
    };
    let alpha = settings.switch("alpha");
    settings.finish();
    Some(ReadCheck { check, alpha })
}

/// `retry`, or `nb_get_retry`, which is a keyword of HTTP_GET that many files have here (scenario 2.14). Its author meant
/// `retry`, so it is taken for that.
fn retry<'a>(settings: &mut Settings<'a, '_>) -> Option<Setting<'a>> {
    let misplaced = settings.take("nb_get_retry");
    let retry = settings.take("retry");
    if let Some(misplaced) = misplaced {
        let effect = if retry.is_some() {
            "no effect: `retry` is set as well"
        } else {
            "taken as `retry`"
        };
        let value = misplaced
            .arguments
            .first()
            .map_or("", |word| word.text.as_str());
        settings.diagnostics.push(
            Diagnostic::warning(
                misplaced.span,
                "`nb_get_retry` is not a keyword of TCP_CHECK",
            )
            .label(effect)
            .note("keepalived ignores it here and retries once")
            .help(format!("write `retry {value}`")),
        );
    }
    retry.or(misplaced)
}

/// `connect_port`. A virtual server for all ports (port 0) names none to connect to.
fn connect_port(settings: &mut Settings<'_, '_>, check: &Setting<'_>, default: u16) -> u16 {
    let Some(setting) = settings.take("connect_port") else {
        if default == 0 {
            settings.diagnostics.push(
                Diagnostic::error(check.span, "this `TCP_CHECK` has no port to connect to")
                    .label("its virtual server stands for all ports")
                    .help("add `connect_port` with a port that the real server always answers on"),
            );
        }
        return default;
    };
    let port = settings.one(&setting, value::port);
    port.map_or(default, |found| found.value)
}

/// `bindto` and `bind_port`; either may stand alone.
fn bind(settings: &mut Settings<'_, '_>, connect: IpAddr) -> Option<(IpAddr, u16)> {
    let address = settings
        .take("bindto")
        .and_then(|setting| settings.one(&setting, value::check_address));
    let port = settings
        .take("bind_port")
        .and_then(|setting| settings.one(&setting, value::port));
    if address.is_none() && port.is_none() {
        return None;
    }
    if let Some(address) = address
        && address.value.is_ipv4() != connect.is_ipv4()
    {
        settings.diagnostics.push(
            Diagnostic::error(
                address.span,
                format!("the check cannot connect from here to {connect}"),
            )
            .label("one is an IPv4 address, the other an IPv6 address")
            .help("write an address of the director in the family of the real server"),
        );
    }
    let any = match connect {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    Some((
        address.map_or(any, |found| found.value),
        port.map_or(0, |found| found.value),
    ))
}
