//! The lines of `virtual_ipaddress`: `ADDRESS[/MASK] [brd ADDRESS] [dev INTERFACE] [label NAME] [scope SCOPE] ...`.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    super::{
        Diagnostic,
        address::host_prefix,
        diagnostic::{nearest, quoted},
        settings::Settings,
        tree::{Statement, Word},
        value,
    },
    VirtualAddress,
};

/// Options that keepalived knows and that are passed over, with the number of their words.
const NOT_YET: [(&str, usize); 9] = [
    ("peer", 1),
    ("home", 0),
    ("-nodad", 0),
    ("mngtmpaddr", 0),
    ("noprefixroute", 0),
    ("autojoin", 0),
    ("no_track", 0),
    ("preferred_lft", 1),
    ("track_group", 1),
];
const HONOURED: [&str; 5] = ["brd", "broadcast", "dev", "label", "scope"];

/// `virtual_ipaddress`: an advertisement carries addresses of one family (RFC 9568 section 5.2.9).
pub(super) fn advertised(settings: &mut Settings<'_, '_>) -> Vec<VirtualAddress> {
    let addresses = virtual_addresses(settings, "virtual_ipaddress");
    if let Some((first, rest)) = addresses.split_first()
        && let Some(other) = rest
            .iter()
            .find(|address| address.address.is_ipv4() != first.address.is_ipv4())
    {
        settings.diagnostics.push(
            Diagnostic::error(other.span, "both families in one `virtual_ipaddress`")
                .label("an advertisement carries addresses of one family")
                .related(first.span, "the first one decides the family")
                .note("keepalived would leave this address out")
                .help("move it to `virtual_ipaddress_excluded`, which takes both, or to an instance of its own"),
        );
    }
    addresses
}

/// All addresses of the blocks of this name.
pub(super) fn virtual_addresses(
    settings: &mut Settings<'_, '_>,
    name: &'static str,
) -> Vec<VirtualAddress> {
    let mut addresses = Vec::new();
    for setting in settings.take_all(name) {
        for statement in setting
            .block
            .into_iter()
            .flat_map(|block| &block.statements)
        {
            line(statement, settings.diagnostics, &mut addresses);
        }
    }
    addresses
}

fn line(
    statement: &Statement,
    diagnostics: &mut Vec<Diagnostic>,
    addresses: &mut Vec<VirtualAddress>,
) {
    if let (Some(word), Some(_)) = (statement.words.last(), &statement.block) {
        diagnostics.push(Diagnostic::error(
            word.span,
            "a block cannot stand among addresses",
        ));
        return;
    }
    let mut reader = Line {
        rest: &statement.words,
        diagnostics,
    };
    while let Some(word) = reader.next() {
        let address = reader.address(word);
        addresses.extend(address);
    }
}

struct Line<'a, 'd> {
    rest: &'a [Word],
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'a> Line<'a, '_> {
    fn next(&mut self) -> Option<&'a Word> {
        let (word, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(word)
    }

    /// An address and its options, up to the next address or the end of the line.
    fn address(&mut self, word: &'a Word) -> Option<VirtualAddress> {
        let parsed = self.keep(address_and_mask(word));
        let mut address = parsed.map(|(address, prefix_length)| VirtualAddress {
            address,
            prefix_length,
            interface: None,
            label: None,
            broadcast: None,
            span: word.span,
        });
        while let Some(option) = self.rest.first() {
            if starts_with_address(option) {
                self.diagnostics.push(second_address(option));
                break;
            }
            self.next();
            self.option(option, address.as_mut());
        }
        address
    }

    fn option(&mut self, option: &'a Word, address: Option<&mut VirtualAddress>) {
        if let Some((_, words)) = NOT_YET.iter().find(|(name, _)| *name == option.text) {
            self.diagnostics.push(
                Diagnostic::warning(
                    option.span,
                    format!("{} is not supported yet", quoted(&option.text)),
                )
                .label("the address is added without it"),
            );
            self.rest = self.rest.get(*words..).unwrap_or_default();
            return;
        }
        if !HONOURED.contains(&option.text.as_str()) {
            self.diagnostics.push(unknown_option(option));
            // What follows a word that nobody knows cannot be understood either.
            self.rest = &[];
            return;
        }
        let Some(value) = self.next() else {
            self.diagnostics.push(Diagnostic::error(
                option.span,
                format!("`{}` needs its value", option.text),
            ));
            return;
        };
        let Some(address) = address else { return };
        match option.text.as_str() {
            "dev" => address.interface = self.keep(value::interface(value)),
            "label" => address.label = self.label(option, value, address.address),
            "scope" => self.scope(value),
            _ => address.broadcast = self.keep(broadcast(value, address)).flatten(),
        }
    }

    fn label(&mut self, option: &Word, value: &Word, address: IpAddr) -> Option<String> {
        let label = self.keep(value::interface(value))?;
        if address.is_ipv4() {
            return Some(label);
        }
        self.diagnostics.push(
            Diagnostic::warning(option.span, "an IPv6 address has no label")
                .label("the address is added without it"),
        );
        None
    }

    fn scope(&mut self, value: &Word) {
        if value.text != "global" {
            self.diagnostics.push(
                Diagnostic::warning(value.span, "scopes are not supported yet")
                    .label("the address gets scope `global`"),
            );
        }
    }

    fn keep<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|error| self.diagnostics.push(error)).ok()
    }
}

fn second_address(word: &Word) -> Diagnostic {
    Diagnostic::warning(word.span, "a second address on one line")
        .label("taken as an address of its own")
        .note("keepalived reads one address of a line")
        .help("write each address on a line of its own")
}

fn unknown_option(word: &Word) -> Diagnostic {
    let error = Diagnostic::error(
        word.span,
        format!("unknown word {} after an address", quoted(&word.text)),
    );
    let names = HONOURED
        .into_iter()
        .chain(NOT_YET.iter().map(|(name, _)| *name));
    match nearest(&word.text, names) {
        Some(name) => error.label(format!("did you mean `{name}`?")),
        None => {
            error.help("an address can have `brd`, `dev`, `label` and `scope`, each with its value")
        }
    }
}

fn starts_with_address(word: &Word) -> bool {
    let address = word.text.split('/').next().unwrap_or("");
    address.parse::<IpAddr>().is_ok()
}

/// `ADDRESS` or `ADDRESS/BITS`; without a mask the address stands for itself alone.
fn address_and_mask(word: &Word) -> Result<(IpAddr, u8), Diagnostic> {
    let (text, mask) = match word.text.split_once('/') {
        Some((text, mask)) => (text, Some(mask)),
        None => (word.text.as_str(), None),
    };
    // A link-local address is one of the instance's interface.
    let address = value::network_address(&Word {
        text: text.to_owned(),
        span: word.span,
    })?;
    let all_bits = host_prefix(address);
    let Some(mask) = mask else {
        return Ok((address, all_bits));
    };
    let mask = Word {
        text: mask.to_owned(),
        span: word.span,
    };
    let bits = value::number(&mask, "the mask", 1..=all_bits).map_err(|error| {
        error.label(format!("the mask is a number of bits from 1 to {all_bits}"))
    })?;
    Ok((address, bits))
}

/// `brd ADDRESS`, `brd +` (the last address of the network), `brd -` (none).
fn broadcast(word: &Word, address: &VirtualAddress) -> Result<Option<IpAddr>, Diagnostic> {
    match (word.text.as_str(), address.address) {
        ("-", _) => Ok(None),
        (_, IpAddr::V6(_)) => Err(Diagnostic::error(
            word.span,
            "an IPv6 address has no broadcast address",
        )
        .help("take `brd` away")),
        ("+", IpAddr::V4(own)) => {
            let host_bits = u32::MAX
                .checked_shr(address.prefix_length.into())
                .unwrap_or(0);
            Ok(Some(Ipv4Addr::from_bits(own.to_bits() | host_bits).into()))
        }
        (text, _) => match text.parse::<Ipv4Addr>() {
            Ok(address) => Ok(Some(address.into())),
            Err(_) => Err(Diagnostic::error(
                word.span,
                format!("{} is not a broadcast address", quoted(text)),
            )
            .label("an IPv4 address, `+` or `-` is wanted here")),
        },
    }
}
