//! Reading a `vrrp_instance`.

use std::{num::NonZeroU8, time::Duration};

use super::{
    super::{
        Diagnostic,
        diagnostic::quoted,
        grammar::{AUTHENTICATION, VRRP_INSTANCE},
        notify::Notify,
        settings::{Setting, Settings},
        track::Track,
        tree::Word,
        value::{self, Spanned, choice, number},
    },
    Authentication, AuthenticationType, Delivery, GratuitousArp, InitialState, Version,
    VrrpInstance, address,
};

/// Bytes of a password that a VRRPv2 packet has room for (RFC 2338 section 5.3.6.1).
const PASSWORD_BYTES: usize = 8;
/// Priority of the router that owns the addresses (RFC 9568 section 5.2.4).
const ADDRESS_OWNER: u8 = 255;
/// RFC 9568 section 6.1.
const DEFAULT_PRIORITY: u8 = 100;
/// RFC 9568 section 6.1 has three advertisements missed.
const DOWN_TIMER_ADVERTS: NonZeroU8 = NonZeroU8::new(3).unwrap();

impl Version {
    /// Reads `name`; version 3 is known, and not spoken yet.
    pub(in super::super) fn read(
        settings: &mut Settings<'_, '_>,
        name: &'static str,
    ) -> Option<Self> {
        let version = settings.number(name, 2..=3)?;
        if version.value == 2 {
            return Some(Self::Two);
        }
        settings.diagnostics.push(
            Diagnostic::warning(version.span, "VRRP version 3 is not supported yet")
                .label("no advertisement of this version is sent or understood"),
        );
        Some(Self::Three)
    }
}

/// All instances, in order.
pub(in super::super) fn instances(
    root: &mut Settings<'_, '_>,
    version: Version,
) -> Vec<VrrpInstance> {
    root.take_all("vrrp_instance")
        .iter()
        .filter_map(|setting| instance(setting, version, root.diagnostics))
        .collect()
}

fn instance(
    setting: &Setting<'_>,
    version: Version,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<VrrpInstance> {
    let name = setting.arguments.first()?;
    let mut settings = Settings::read(&VRRP_INSTANCE, setting.block?, diagnostics);
    let version = Version::read(&mut settings, "version").unwrap_or(version);
    let state = state(&mut settings);
    let priority = priority(&mut settings, name, state);
    let preempt = preempt(&mut settings, state, priority);
    let interface = required(
        &mut settings,
        "interface",
        name,
        "the network interface that its addresses belong to",
    )
    .and_then(|setting| settings.one(&setting, value::interface));
    let router_id = required(
        &mut settings,
        "virtual_router_id",
        name,
        "a number from 1 to 255 that no other instance on this network has",
    )
    .and_then(|setting| {
        settings.one(&setting, |word| {
            number(word, "virtual_router_id", 1..=u8::MAX)
        })
    });
    let sync_interface = settings
        .take("lvs_sync_daemon_interface")
        .and_then(|setting| settings.one(&setting, value::interface));
    let instance = VrrpInstance {
        name: name.text.clone(),
        state,
        interface: interface
            .as_ref()
            .map(|found| found.value.clone())
            .unwrap_or_default(),
        virtual_router_id: router_id.map_or(0, |found| found.value),
        priority,
        version,
        advertisement_interval: advertisement_interval(&mut settings, version),
        down_timer_adverts: DOWN_TIMER_ADVERTS,
        delivery: Delivery::Multicast { source: None },
        v3_checksum_as_v2: false,
        authentication: authentication(&mut settings, version),
        virtual_ipaddress: address::advertised(&mut settings),
        virtual_ipaddress_excluded: address::virtual_addresses(
            &mut settings,
            "virtual_ipaddress_excluded",
        ),
        preempt,
        preempt_delay: Duration::ZERO,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        virtual_mac: None,
        track: Track::default(),
        notify: Notify::default(),
        witness: None,
        garp: gratuitous_arp(&mut settings),
        lvs_sync_daemon_interface: sync_interface.map(|found| found.value),
        span: name.span,
        interface_span: interface.map_or(name.span, |found| found.span),
    };
    warn_of_no_addresses(&mut settings, name);
    settings.finish();
    Some(instance)
}

/// An address that was refused is one all the same: its error says enough.
fn warn_of_no_addresses(settings: &mut Settings<'_, '_>, name: &Word) {
    let blocks = settings.take_all("virtual_ipaddress");
    if blocks
        .iter()
        .filter_map(|setting| setting.block)
        .all(|block| block.statements.is_empty())
    {
        settings.diagnostics.push(
            Diagnostic::warning(
                name.span,
                format!(
                    "`vrrp_instance` {} has no `virtual_ipaddress`",
                    quoted(&name.text)
                ),
            )
            .label("it takes part in elections, but has no address to advertise"),
        );
    }
}

/// A setting without which an instance cannot be.
fn required<'a>(
    settings: &mut Settings<'a, '_>,
    name: &'static str,
    instance: &Word,
    what: &str,
) -> Option<Setting<'a>> {
    let setting = settings.take(name);
    if setting.is_none() {
        settings.diagnostics.push(
            Diagnostic::error(
                instance.span,
                format!("`vrrp_instance` {} has no `{name}`", quoted(&instance.text)),
            )
            .help(format!("add `{name}`: {what}")),
        );
    }
    setting
}

fn state(settings: &mut Settings<'_, '_>) -> InitialState {
    let choices = [
        ("MASTER", InitialState::Master),
        ("BACKUP", InitialState::Backup),
    ];
    let state = settings.choice("state", &choices);
    state.unwrap_or(InitialState::Backup)
}

/// keepalived gives an instance that wants to be MASTER the owner's priority if none is set.
fn priority(settings: &mut Settings<'_, '_>, name: &Word, state: InitialState) -> u8 {
    if let Some(setting) = settings.take("priority") {
        let priority = settings.one(&setting, |word| number(word, "priority", 1..=u8::MAX));
        if let Some(Spanned {
            value: ADDRESS_OWNER,
            span,
        }) = priority
            && state == InitialState::Backup
        {
            settings.diagnostics.push(
                Diagnostic::warning(
                    span,
                    "priority 255 means that this router owns the addresses",
                )
                .label("it becomes MASTER at once, whatever `state` says")
                .help("write a priority from 1 to 254, or `state MASTER`"),
            );
        }
        return priority.map_or(DEFAULT_PRIORITY, |priority| priority.value);
    }
    if state == InitialState::Backup {
        return DEFAULT_PRIORITY;
    }
    settings.diagnostics.push(
        Diagnostic::warning(
            name.span,
            format!(
                "`vrrp_instance` {} has `state MASTER` and no `priority`",
                quoted(&name.text)
            ),
        )
        .label("it takes 255, as in keepalived: the owner of the addresses, who always wins")
        .help("add `priority 100`, and a lower one on the other director"),
    );
    ADDRESS_OWNER
}

fn preempt(settings: &mut Settings<'_, '_>, state: InitialState, priority: u8) -> bool {
    settings.take("preempt");
    let Some(nopreempt) = settings.take("nopreempt") else {
        return true;
    };
    if priority == ADDRESS_OWNER {
        settings.diagnostics.push(
            Diagnostic::warning(
                nopreempt.span,
                "`nopreempt` has no effect with priority 255",
            )
            .label("the owner of the addresses always takes over (RFC 9568 section 6.1)")
            .help("write a priority from 1 to 254"),
        );
        return true;
    }
    if state == InitialState::Master {
        settings.diagnostics.push(
            Diagnostic::warning(
                nopreempt.span,
                "`nopreempt` is honoured here in spite of `state MASTER`",
            )
            .label("keepalived ignores it unless the state is BACKUP")
            .help("write `state BACKUP` on both directors, so that both programs read it alike"),
        );
    }
    false
}

fn advertisement_interval(settings: &mut Settings<'_, '_>, version: Version) -> Duration {
    const DEFAULT: Duration = Duration::from_secs(1);
    let (least, most) = match version {
        Version::Two => (Duration::from_millis(10), Duration::from_secs(255)),
        // 12 bits of hundredths of a second (RFC 9568 section 5.2.7).
        Version::Three => (Duration::from_millis(10), Duration::from_millis(40_950)),
    };
    let Some(setting) = settings.take("advert_int") else {
        return DEFAULT;
    };
    let Some(interval) = settings.one(&setting, |word| {
        value::duration(word, "advert_int", least..=most)
    }) else {
        return DEFAULT;
    };
    let fraction = interval.value.subsec_nanos() != 0;
    if version == Version::Two && fraction {
        settings.diagnostics.push(
            Diagnostic::error(interval.span, "VRRP version 2 has no fractions of a second")
                .label("its packets carry whole seconds, from 1 to 255")
                .note("keepalived rounds it, so that the director takes over later than the file says")
                .help("write `advert_int 1`"),
        );
    }
    interval.value
}

fn authentication(settings: &mut Settings<'_, '_>, version: Version) -> Option<Authentication> {
    let setting = settings.take("authentication")?;
    let mut block = Settings::read(&AUTHENTICATION, setting.block?, settings.diagnostics);
    let choices = [
        ("PASS", AuthenticationType::Pass),
        ("AH", AuthenticationType::Ah),
    ];
    let kind = block.take("auth_type");
    let kind =
        kind.and_then(|setting| block.one(&setting, |word| choice(word, "auth_type", &choices)));
    let password = block.word("auth_pass");
    block.finish();
    let diagnostics = &mut *settings.diagnostics;
    if version == Version::Three {
        diagnostics.push(
            Diagnostic::warning(setting.span, "VRRP version 3 has no authentication")
                .label("ignored, as in keepalived"),
        );
        return None;
    }
    if let Some(Spanned {
        value: AuthenticationType::Ah,
        span,
    }) = kind
    {
        diagnostics.push(
            Diagnostic::error(span, "`auth_type AH` is not supported")
                .label("packets could not be authenticated")
                .help("write `auth_type PASS` on all directors of this instance"),
        );
    }
    let Some(password) = password else {
        diagnostics.push(
            Diagnostic::error(setting.span, "`authentication` has no `auth_pass`")
                .note("keepalived would send its packets without authentication")
                .help("add `auth_pass`, or take the block away"),
        );
        return None;
    };
    warn_of_long_password(&password, diagnostics);
    let auth_pass = password.value.bytes().take(PASSWORD_BYTES).collect();
    Some(Authentication {
        auth_type: kind.map_or(AuthenticationType::Pass, |kind| kind.value),
        auth_pass,
    })
}

fn warn_of_long_password(password: &Spanned<String>, diagnostics: &mut Vec<Diagnostic>) {
    let length = password.value.len();
    if length > PASSWORD_BYTES {
        diagnostics.push(
            Diagnostic::warning(
                password.span,
                format!("`auth_pass` has {length} bytes; the packet has room for {PASSWORD_BYTES}"),
            )
            .label("only the first 8 bytes are used, as in keepalived")
            .help(
                "cut it to 8 bytes on all directors of this instance; on the wire nothing changes",
            ),
        );
    }
}

fn gratuitous_arp(settings: &mut Settings<'_, '_>) -> GratuitousArp {
    const MOST_FRAMES: u32 = 1000;
    let default = GratuitousArp::default();
    let delay = settings.duration("garp_master_delay", Duration::ZERO);
    let repeat = settings.number("garp_master_repeat", 1..=MOST_FRAMES);
    let refresh = settings.duration("garp_master_refresh", Duration::ZERO);
    let refresh_repeat = settings.number("garp_master_refresh_repeat", 1..=MOST_FRAMES);
    GratuitousArp {
        delay: delay.map_or(default.delay, |found| found.value),
        repeat: repeat.map_or(default.repeat, |found| found.value),
        refresh: refresh.map_or(default.refresh, |found| found.value),
        refresh_repeat: refresh_repeat.map_or(default.refresh_repeat, |found| found.value),
        lower_prio_delay: default.lower_prio_delay,
        lower_prio_repeat: default.lower_prio_repeat,
    }
}
