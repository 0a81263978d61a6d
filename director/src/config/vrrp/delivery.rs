//! Reading where advertisements go, and where they come from: `unicast_peer` and its companions, `mcast_src_ip`.

use std::net::IpAddr;

use super::{
    super::{
        Diagnostic, Family, Span,
        diagnostic::{nearest, quoted},
        settings::{Setting, Settings},
        tree::Word,
        value::{self, Spanned, number},
    },
    Delivery, InstanceDefaults, UnicastPeer, VirtualAddress,
};

/// What was written; whether it is right needs the rest of the instance.
pub(super) struct WrittenDelivery<'a> {
    /// The first block, if there is one, and what stands in all of them.
    peers: Option<(Setting<'a>, Vec<UnicastPeer>)>,
    /// Whether there is any word in the block, right or not.
    names_peers: bool,
    unicast_source: Option<Spanned<IpAddr>>,
    multicast_source: Option<Spanned<IpAddr>>,
    ttl: Option<Spanned<u32>>,
    check_source: Option<bool>,
    check_source_span: Option<Span>,
    fault_no_peer: Option<Span>,
    /// Whether a peer has limits, which only help if others than peers do not count.
    has_limits: bool,
}

impl<'a> WrittenDelivery<'a> {
    pub(super) fn read(settings: &mut Settings<'a, '_>) -> Self {
        let blocks = settings.take_all("unicast_peer");
        let mut reader = Peers {
            peers: Vec::new(),
            has_limits: false,
        };
        let statements = blocks
            .iter()
            .filter_map(|setting| setting.block)
            .flat_map(|block| &block.statements);
        let mut names_peers = false;
        for statement in statements {
            names_peers = true;
            if let (Some(_), Some(word)) = (&statement.block, statement.words.last()) {
                settings.diagnostics.push(Diagnostic::error(
                    word.span,
                    "a block cannot stand among the addresses of peers",
                ));
                continue;
            }
            reader.line(settings, &statement.words);
        }
        let check_source_span = settings.places().of("check_unicast_src");
        Self {
            peers: blocks.first().map(|block| (*block, reader.peers)),
            names_peers,
            unicast_source: source(settings, "unicast_src_ip"),
            multicast_source: source(settings, "mcast_src_ip"),
            ttl: settings.number("unicast_ttl", 1..=u8::MAX.into()),
            check_source: settings.switch("check_unicast_src"),
            check_source_span,
            fault_no_peer: settings
                .take("unicast_fault_no_peer")
                .map(|setting| setting.span),
            has_limits: reader.has_limits,
        }
    }

    /// Whether it is by unicast.
    pub(super) const fn is_unicast(&self) -> bool {
        self.peers.is_some()
    }

    /// The family of what was written, for an instance without addresses.
    pub(super) fn family(&self) -> Option<Family> {
        let peers = self.peers.as_ref().map(|(_, peers)| peers.as_slice());
        let peer = peers.and_then(<[_]>::first).map(|peer| peer.address);
        let source = self.unicast_source.or(self.multicast_source);
        peer.or(source.map(|source| source.value)).map(Family::of)
    }

    /// Says what is wrong with it in an instance of this family with these addresses, and takes the rest.
    pub(super) fn settled(
        self,
        family: Family,
        addresses: &[VirtualAddress],
        defaults: &InstanceDefaults,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Delivery {
        for source in [self.unicast_source, self.multicast_source]
            .into_iter()
            .flatten()
        {
            same_family(source, family, "this source", diagnostics);
        }
        let Some((block, peers)) = &self.peers else {
            return self.multicast(diagnostics);
        };
        if !self.names_peers {
            diagnostics.push(
                Diagnostic::error(block.span, "`unicast_peer` names no peer")
                    .note("keepalived would send by multicast, or take no part in elections")
                    .help("list the address of each other director, or take the block away"),
            );
        }
        let source = self.unicast_source_of(diagnostics);
        self.judge_peers(family, addresses, source, diagnostics);
        Delivery::Unicast {
            peers: peers.clone(),
            source: source.map(|source| source.value),
            ttl: self
                .ttl
                .and_then(|ttl| u8::try_from(ttl.value).ok())
                .unwrap_or(u8::MAX),
            check_source: self.check_source.unwrap_or(defaults.check_unicast_src)
                || self.has_limits,
        }
    }

    fn multicast(&self, diagnostics: &mut Vec<Diagnostic>) -> Delivery {
        if let Some(span) = self.fault_no_peer {
            diagnostics.push(
                Diagnostic::error(span, "`unicast_fault_no_peer` without `unicast_peer`")
                    .label("keepalived would stay in FAULT")
                    .help("add `unicast_peer { ... }` with the addresses of the other directors"),
            );
        }
        let needless = [
            ("unicast_ttl", self.ttl.map(|ttl| ttl.span)),
            ("check_unicast_src", self.check_source_span),
        ];
        for (name, span) in needless {
            if let Some(span) = span {
                diagnostics.push(
                    Diagnostic::warning(span, format!("`{name}` without `unicast_peer`"))
                        .label("it has no effect: advertisements go by multicast"),
                );
            }
        }
        if let Some(source) = self.unicast_source {
            diagnostics.push(
                Diagnostic::warning(source.span, "`unicast_src_ip` without `unicast_peer`")
                    .label("advertisements go by multicast, from this address, as in keepalived")
                    .help("write `mcast_src_ip`, or add `unicast_peer { ... }`"),
            );
        }
        let source = self.multicast_source.or(self.unicast_source);
        Delivery::Multicast {
            source: source.map(|source| source.value),
        }
    }

    fn unicast_source_of(&self, diagnostics: &mut Vec<Diagnostic>) -> Option<Spanned<IpAddr>> {
        let Some(multicast) = self.multicast_source else {
            return self.unicast_source;
        };
        let warning = Diagnostic::warning(multicast.span, "`mcast_src_ip` with `unicast_peer`");
        diagnostics.push(match self.unicast_source {
            Some(unicast) => warning
                .label("it has no effect")
                .related(unicast.span, "this is the source of advertisements"),
            None => warning
                .label("advertisements go to the peers, from this address, as in keepalived")
                .help("write `unicast_src_ip`"),
        });
        self.unicast_source.or(self.multicast_source)
    }

    fn judge_peers(
        &self,
        family: Family,
        addresses: &[VirtualAddress],
        source: Option<Spanned<IpAddr>>,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let peers = self.peers.as_ref().map(|(_, peers)| peers.as_slice());
        let peers = peers.unwrap_or_default();
        for (index, peer) in peers.iter().enumerate() {
            let spanned = Spanned {
                value: peer.address,
                span: peer.span,
            };
            same_family(spanned, family, "this peer", diagnostics);
            let mut earlier = peers.iter().take(index);
            if let Some(earlier) = earlier.find(|earlier| earlier.address == peer.address) {
                diagnostics.push(
                    Diagnostic::error(peer.span, format!("{} is a peer twice", peer.address))
                        .related(earlier.span, "first listed here")
                        .help("take one of them away"),
                );
            }
            if let Some(source) = source
                && source.value == peer.address
            {
                diagnostics.push(
                    Diagnostic::error(
                        peer.span,
                        format!("{} is this director itself", peer.address),
                    )
                    .label("it would send its advertisements to itself")
                    .related(source.span, "its own address")
                    .help("list the addresses of the other directors only"),
                );
            }
            if let Some(held) = addresses.iter().find(|held| held.address == peer.address) {
                diagnostics.push(
                    Diagnostic::error(peer.span, format!("{} is a virtual address", peer.address))
                        .label("it would be this director's own while it is MASTER")
                        .related(held.span, "held here")
                        .help("write the other director's own address"),
                );
            }
        }
    }
}

fn source(settings: &mut Settings<'_, '_>, name: &'static str) -> Option<Spanned<IpAddr>> {
    let setting = settings.take(name)?;
    settings.one(&setting, value::network_address)
}

fn same_family(
    address: Spanned<IpAddr>,
    family: Family,
    what: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let own = Family::of(address.value);
    if own != family {
        diagnostics.push(
            Diagnostic::error(
                address.span,
                format!("{what} has an {own} address, the instance speaks {family}"),
            )
            .label(format!("an {family} address is wanted here"))
            .help("an instance speaks by the family of its `virtual_ipaddress`; give each family an instance of its own"),
        );
    }
}

/// The lines of `unicast_peer`.
struct Peers {
    peers: Vec<UnicastPeer>,
    has_limits: bool,
}

impl Peers {
    /// `ADDRESS [min_ttl N] [max_ttl N]`, and perhaps further ones.
    fn line(&mut self, settings: &mut Settings<'_, '_>, words: &[Word]) {
        let mut rest = words;
        while let Some((address, options)) = rest.split_first() {
            if rest.len() < words.len() {
                settings.diagnostics.push(second_address(address));
            }
            rest = self.peer(settings, address, options);
        }
    }

    /// One peer; what is left starts with another address.
    fn peer<'a>(
        &mut self,
        settings: &mut Settings<'_, '_>,
        word: &Word,
        options: &'a [Word],
    ) -> &'a [Word] {
        let address = settings.keep(value::network_address(word));
        let (mut min_ttl, mut max_ttl) = (u8::MIN, u8::MAX);
        let mut rest = options;
        while let Some((option, following)) = rest.split_first() {
            let limit = match option.text.as_str() {
                "min_ttl" => &mut min_ttl,
                "max_ttl" => &mut max_ttl,
                text if text.parse::<IpAddr>().is_ok() => break,
                _ => {
                    settings.diagnostics.push(unknown_option(option));
                    rest = &[];
                    break;
                }
            };
            let Some((value, following)) = following.split_first() else {
                settings.diagnostics.push(Diagnostic::error(
                    option.span,
                    format!("`{}` needs its value", option.text),
                ));
                rest = &[];
                break;
            };
            rest = following;
            self.has_limits = true;
            let value = number(value, option.text.as_str(), 0..=u8::MAX);
            *limit = settings.keep(value).unwrap_or(*limit);
        }
        if min_ttl > max_ttl {
            settings.diagnostics.push(
                Diagnostic::error(word.span, "`min_ttl` of this peer is above its `max_ttl`")
                    .label("all its advertisements would be dropped"),
            );
        }
        self.peers.extend(address.map(|address| UnicastPeer {
            address,
            min_ttl,
            max_ttl,
            span: word.span,
        }));
        rest
    }
}

fn second_address(word: &Word) -> Diagnostic {
    Diagnostic::warning(word.span, "a second address on one line")
        .label("taken as a peer of its own")
        .note("keepalived reads one address of a line")
        .help("write each address on a line of its own")
}

fn unknown_option(word: &Word) -> Diagnostic {
    let error = Diagnostic::error(
        word.span,
        format!("unknown word {} after a peer", quoted(&word.text)),
    );
    match nearest(&word.text, ["min_ttl", "max_ttl"]) {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None => error.help("a peer can have `min_ttl` and `max_ttl`, each with its value"),
    }
}
