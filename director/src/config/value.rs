//! Words to values: numbers, durations, switches, addresses, ports, names. Every refusal says what would be right.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use super::{
    Diagnostic, Span,
    address::{self, Unusable},
    diagnostic::{nearest, quoted},
    settings::{Setting, Settings},
    tree::Word,
};

/// The longest duration that any setting takes. keepalived takes more; none of it makes sense.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

/// A value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

impl Settings<'_, '_> {
    /// A whole number; `None` if it is not set, or not right (which was said).
    pub(super) fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> Option<Spanned<u32>> {
        let setting = self.take(name)?;
        self.one(&setting, |word| number(word, name, range))
    }

    /// A duration in seconds, which may have a fraction.
    pub(super) fn duration(
        &mut self,
        name: &'static str,
        least: Duration,
    ) -> Option<Spanned<Duration>> {
        self.duration_in(name, least..=LONGEST)
    }

    /// The same, of a range of its own.
    pub(super) fn duration_in(
        &mut self,
        name: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Spanned<Duration>> {
        let setting = self.take(name)?;
        self.one(&setting, |word| duration(word, name, range))
    }

    /// A keyword that stands alone or before a boolean word.
    pub(super) fn switch(&mut self, name: &'static str) -> Option<bool> {
        let setting = self.take(name)?;
        match setting.arguments.first() {
            Some(word) => self.keep(boolean(word, name)),
            None => Some(true),
        }
    }

    /// A keyword before one of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let setting = self.take(name)?;
        let chosen = self.one(&setting, |word| choice(word, name, choices));
        chosen.map(|chosen| chosen.value)
    }

    /// The first word of a setting, as it is.
    pub(super) fn word(&mut self, name: &'static str) -> Option<Spanned<String>> {
        let setting = self.take(name)?;
        self.one(&setting, |word| Ok(word.text.clone()))
    }

    /// The first word of a setting, converted.
    pub(super) fn one<T>(
        &mut self,
        setting: &Setting<'_>,
        convert: impl FnOnce(&Word) -> Result<T, Diagnostic>,
    ) -> Option<Spanned<T>> {
        let word = setting.arguments.first()?;
        let value = self.keep(convert(word))?;
        Some(Spanned {
            value,
            span: word.span,
        })
    }

    /// Notes what is wrong, and goes on with what is right.
    pub(super) fn keep<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|error| self.diagnostics.push(error)).ok()
    }
}

/// A whole number in a range.
pub(super) fn number<T>(word: &Word, name: &str, range: RangeInclusive<T>) -> Result<T, Diagnostic>
where
    T: FromStr + PartialOrd + Display,
{
    let value = word.text.parse().ok().filter(|_| is_digits(&word.text));
    in_range(word, name, range, value)
}

/// A whole number that may be below zero.
pub(super) fn signed(
    word: &Word,
    name: &str,
    range: RangeInclusive<i32>,
) -> Result<i32, Diagnostic> {
    in_range(word, name, range, word.text.parse().ok())
}

/// What a word says if that is in a range; else what would be right. A number that is too long for its type is out of range, too.
fn in_range<T>(
    word: &Word,
    name: &str,
    range: RangeInclusive<T>,
    value: Option<T>,
) -> Result<T, Diagnostic>
where
    T: PartialOrd + Display,
{
    let wanted = format!(
        "`{name}` takes a whole number from {} to {}",
        range.start(),
        range.end()
    );
    match value {
        Some(value) if range.contains(&value) => Ok(value),
        _ if is_digits(&word.text) || is_number(&word.text) => Err(Diagnostic::error(
            word.span,
            format!("{} is out of range", quoted(&word.text)),
        )
        .label(wanted)),
        _ => Err(
            Diagnostic::error(word.span, format!("{} is not a number", quoted(&word.text)))
                .label(wanted),
        ),
    }
}

/// A path from the root, such as that of a file that the daemon opens whatever folder it was started in.
pub(super) fn absolute_path(word: &Word, example: &str) -> Result<PathBuf, Diagnostic> {
    match word.text.starts_with('/') {
        true => Ok(PathBuf::from(&word.text)),
        false => Err(Diagnostic::error(
            word.span,
            format!("{} is no absolute path", quoted(&word.text)),
        )
        .label("a path from the root is wanted here")
        .help(format!("write `{example}`"))),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Seconds, with a fraction of at most microseconds, as keepalived takes them.
pub(super) fn duration(
    word: &Word,
    name: &str,
    range: RangeInclusive<Duration>,
) -> Result<Duration, Diagnostic> {
    let seconds = |duration: &Duration| humantime::format_duration(*duration).to_string();
    let wanted = format!(
        "`{name}` takes seconds, from {} to {}",
        seconds(range.start()),
        seconds(range.end())
    );
    let plain = word.text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let parsed = word
        .text
        .parse::<f64>()
        .ok()
        .filter(|_| plain)
        .and_then(|value| Duration::try_from_secs_f64(value).ok());
    match parsed {
        Some(value) if range.contains(&value) => Ok(value),
        None if !is_number(&word.text) => Err(Diagnostic::error(
            word.span,
            format!("{} is not a duration", quoted(&word.text)),
        )
        .label(wanted)
        .help("write a plain number of seconds, such as `20` or `0.5`")),
        _ => Err(
            Diagnostic::error(word.span, format!("{} is out of range", quoted(&word.text)))
                .label(wanted),
        ),
    }
}

fn boolean(word: &Word, name: &str) -> Result<bool, Diagnostic> {
    match word.text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" => Ok(true),
        "off" | "false" | "no" => Ok(false),
        _ => Err(Diagnostic::error(
            word.span,
            format!("{} is neither yes nor no", quoted(&word.text)),
        )
        .label(format!(
            "`{name}` takes `on`, `true`, `yes`, `off`, `false` or `no`, or no value for `on`"
        ))),
    }
}

/// The address of one host.
pub(super) fn address(word: &Word) -> Result<IpAddr, Diagnostic> {
    let address = word.text.parse().map_err(|_| not_an_address(word))?;
    let usable = address::of_host(address).map(|()| address);
    usable.map_err(|kind| unusable(kind, word))
}

/// An address that a host can have on a network.
pub(super) fn network_address(word: &Word) -> Result<IpAddr, Diagnostic> {
    let address = address(word)?;
    if address.is_loopback() {
        return Err(unusable(Unusable::Loopback, word));
    }
    Ok(address)
}

/// The address of a virtual, real or sorry server.
pub(super) fn service_address(word: &Word) -> Result<IpAddr, Diagnostic> {
    let address = address(word)?;
    let usable = address::of_server(address).map(|()| address);
    usable.map_err(|kind| unusable(kind, word))
}

/// The address of a check's either end, which may be the director itself.
pub(super) fn check_address(word: &Word) -> Result<IpAddr, Diagnostic> {
    let address = address(word)?;
    let usable = address::scoped(address).map(|()| address);
    usable.map_err(|kind| unusable(kind, word))
}

fn not_an_address(word: &Word) -> Diagnostic {
    let error = Diagnostic::error(
        word.span,
        format!("{} is not an IP address", quoted(&word.text)),
    );
    if word.text.contains('/') {
        return error.label("an address without a mask is wanted here");
    }
    if let Some((address, port)) = with_port(&word.text) {
        return error.label(format!(
            "write the port as a word of its own: `{address} {port}`"
        ));
    }
    match word.text.split_once('%') {
        Some((address, _)) if address.parse::<Ipv6Addr>().is_ok() => {
            error.label("an address without an interface is wanted here")
        }
        _ => error.label(
            "an address such as 192.168.66.251 or fd00::251 is wanted here; names are not resolved",
        ),
    }
}

/// `ADDRESS:PORT`, or `[ADDRESS]:PORT` with IPv6.
fn with_port(text: &str) -> Option<(IpAddr, &str)> {
    let (address, port) = text.rsplit_once(':')?;
    let bare = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().ok()?.into(),
        None => address.parse::<Ipv4Addr>().ok()?.into(),
    };
    Some((address, port))
}

fn unusable(kind: Unusable, word: &Word) -> Diagnostic {
    let error = Diagnostic::error(word.span, format!("{} is {kind}", quoted(&word.text)));
    match kind {
        Unusable::MappedV4(v4) => error
            .label("no packet on a network has it")
            .help(format!("write `{v4}`")),
        Unusable::Loopback => error
            .label("no packet on a network has it")
            .help("write the address on the network"),
        Unusable::LinkLocal => error
            .label("it is another host on each network, and no interface can be written here")
            .help("write a unique local (fd00::/8) or a global address of the same host"),
        Unusable::Unspecified | Unusable::Multicast | Unusable::Broadcast => {
            error.label("the address of one host is wanted here")
        }
    }
}

/// A port from 1 to 65535.
pub(super) fn port(word: &Word) -> Result<u16, Diagnostic> {
    number(word, "the port", 1..=u16::MAX)
        .map_err(|error| error.label("a port is a whole number from 1 to 65535"))
}

/// The same, or 0 for all ports.
pub(super) fn port_or_all(word: &Word) -> Result<u16, Diagnostic> {
    number(word, "the port", 0..=u16::MAX).map_err(|error| {
        error.label("a port is a whole number from 1 to 65535, or 0 for all ports")
    })
}

/// The name of a network interface, as the kernel takes it (15 bytes, no slash, no blank).
pub(super) fn interface(word: &Word) -> Result<String, Diagnostic> {
    const LONGEST_BYTES: usize = 15;
    let text = &word.text;
    let bad = text.contains('/')
        || text.chars().any(|c| c.is_whitespace() || c.is_control())
        || matches!(text.as_str(), "" | "." | "..");
    if bad || text.len() > LONGEST_BYTES {
        return Err(Diagnostic::error(
            word.span,
            format!("{} cannot be the name of an interface", quoted(text)),
        )
        .label(format!(
            "at most {LONGEST_BYTES} bytes, without blanks and slashes"
        )));
    }
    Ok(text.clone())
}

/// One of a few words, whatever their case.
pub(super) fn choice<T: Copy>(
    word: &Word,
    name: &str,
    choices: &[(&str, T)],
) -> Result<T, Diagnostic> {
    if let Some((_, value)) = choices
        .iter()
        .find(|(text, _)| text.eq_ignore_ascii_case(&word.text))
    {
        return Ok(*value);
    }
    let names: Vec<String> = choices
        .iter()
        .map(|(text, _)| format!("`{text}`"))
        .collect();
    let error = Diagnostic::error(
        word.span,
        format!("{} is not a value of `{name}`", quoted(&word.text)),
    );
    Err(
        match nearest(&word.text, choices.iter().map(|(text, _)| *text)) {
            Some(text) => error.label(format!("did you mean `{text}`?")),
            None => error.label(format!("`{name}` takes {}", names.join(", "))),
        },
    )
}
