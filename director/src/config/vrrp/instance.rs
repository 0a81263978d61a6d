//! Reading a `vrrp_instance`.

use std::time::Duration;

use super::{
    super::{
        Diagnostic, Family,
        diagnostic::quoted,
        grammar::VRRP_INSTANCE,
        notify::Notify,
        settings::{Setting, Settings},
        track::{Definitions, Track},
        tree::Word,
        value::{self, Spanned, number},
    },
    ADDRESS_OWNER, InitialState, InstanceDefaults, Version, VirtualAddress, VrrpInstance, address,
    authentication::authentication,
    defaults::down_timer_adverts,
    delivery::WrittenDelivery,
    garp::WrittenGarp,
    preempt::Preemption,
    virtual_mac::WrittenMac,
    witness::witness,
};

/// RFC 9568 section 6.1.
const DEFAULT_PRIORITY: u8 = 100;

impl Version {
    /// Reads `name`, by its number.
    pub(super) fn read(
        settings: &mut Settings<'_, '_>,
        name: &'static str,
    ) -> Option<Spanned<Self>> {
        let setting = settings.take(name)?;
        settings.one(&setting, |word| {
            number(word, name, 2..=3).map(|number| match number {
                2 => Self::Two,
                _ => Self::Three,
            })
        })
    }
}

/// All instances, in order.
pub(in super::super) fn instances(
    root: &mut Settings<'_, '_>,
    defaults: &InstanceDefaults,
    definitions: &mut Definitions,
) -> Vec<VrrpInstance> {
    root.take_all("vrrp_instance")
        .iter()
        .filter_map(|setting| instance(setting, defaults, definitions, root.diagnostics))
        .collect()
}

fn instance(
    setting: &Setting<'_>,
    defaults: &InstanceDefaults,
    definitions: &mut Definitions,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<VrrpInstance> {
    let name = setting.arguments.first()?;
    let mut settings = Settings::read(&VRRP_INSTANCE, setting.block?, diagnostics);
    let virtual_ipaddress = address::advertised(&mut settings);
    let virtual_ipaddress_excluded =
        address::virtual_addresses(&mut settings, "virtual_ipaddress_excluded");
    let delivery = WrittenDelivery::read(&mut settings);
    let family = family(&mut settings, &virtual_ipaddress, &delivery);
    let version = version(&mut settings, family, defaults.version);
    let state = state(&mut settings);
    let priority = priority(&mut settings, name, state);
    let preemption = Preemption::read(&mut settings, state, priority);
    let interface = interface(&mut settings, name);
    let virtual_router_id = virtual_router_id(&mut settings, name);
    let sync_interface = settings
        .take("lvs_sync_daemon_interface")
        .and_then(|setting| settings.one(&setting, value::interface));
    let mut virtual_mac = WrittenMac::read(&mut settings);
    if let Some(virtual_mac) = &mut virtual_mac
        && delivery.is_unicast()
    {
        virtual_mac.with_unicast(settings.diagnostics);
    }
    let instance = VrrpInstance {
        name: name.text.clone(),
        state,
        interface: interface
            .as_ref()
            .map(|found| found.value.clone())
            .unwrap_or_default(),
        virtual_router_id,
        priority,
        family,
        version,
        advertisement_interval: advertisement_interval(&mut settings, version),
        down_timer_adverts: down_timer_adverts(&mut settings, "down_timer_adverts")
            .unwrap_or(defaults.down_timer_adverts),
        delivery: delivery.settled(family, &virtual_ipaddress, defaults, settings.diagnostics),
        v3_checksum_as_v2: checksum(&mut settings, family, version),
        authentication: authentication(&mut settings, version),
        preempt: preemption.preempt,
        preempt_delay: preemption.delay,
        lower_prio_no_advert: settings
            .switch("lower_prio_no_advert")
            .unwrap_or(defaults.lower_prio_no_advert),
        higher_prio_send_advert: settings
            .switch("higher_prio_send_advert")
            .unwrap_or(defaults.higher_prio_send_advert),
        virtual_mac: virtual_mac.map(|mac| mac.settled(family, virtual_router_id)),
        track: Track::read(&mut settings, definitions),
        notify: Notify::of_instance(&mut settings, defaults),
        witness: witness(&mut settings),
        garp: WrittenGarp::of_instance(&mut settings)
            .or(defaults.garp)
            .settled(),
        lvs_sync_daemon_interface: sync_interface.map(|found| found.value),
        virtual_ipaddress,
        virtual_ipaddress_excluded,
        span: name.span,
        interface_span: interface.map_or(name.span, |found| found.span),
        places: settings.places(),
    };
    warn_of_no_addresses(&mut settings, name);
    settings.finish();
    Some(instance)
}

/// Advertisements go by the family of the addresses that they are about.
fn family(
    settings: &mut Settings<'_, '_>,
    advertised: &[VirtualAddress],
    delivery: &WrittenDelivery<'_>,
) -> Family {
    let native_ipv6 = settings.take("native_ipv6");
    let of_addresses = advertised
        .first()
        .map(|address| Family::of(address.address));
    if let (Some(setting), Some(Family::V4), Some(address)) =
        (native_ipv6, of_addresses, advertised.first())
    {
        settings.diagnostics.push(
            Diagnostic::error(setting.span, "`native_ipv6` with IPv4 addresses")
                .label("advertisements over IPv6 cannot carry them")
                .related(address.span, "an IPv4 address")
                .help("take `native_ipv6` away, or move them to `virtual_ipaddress_excluded`"),
        );
    }
    match (of_addresses, native_ipv6) {
        (Some(family), _) => family,
        (None, Some(_)) => Family::V6,
        (None, None) => delivery.family().unwrap_or_default(),
    }
}

/// VRRP over IPv6 is of version 3 only (RFC 9568 section 1).
fn version(settings: &mut Settings<'_, '_>, family: Family, default: Version) -> Version {
    let written = Version::read(settings, "version");
    if family == Family::V4 {
        return written.map_or(default, |version| version.value);
    }
    if let Some(Spanned {
        value: Version::Two,
        span,
    }) = written
    {
        settings.diagnostics.push(
            Diagnostic::warning(span, "VRRP version 2 has no IPv6")
                .label("version 3 is spoken, as in keepalived")
                .help("write `version 3`"),
        );
    }
    Version::Three
}

fn checksum(settings: &mut Settings<'_, '_>, family: Family, version: Version) -> bool {
    let places = settings.places();
    let as_version_2 = settings.switch("v3_checksum_as_v2").unwrap_or(false);
    if let Some(span) = places.of("v3_checksum_as_v2")
        && (family, version) != (Family::V4, Version::Three)
    {
        let kind = match version {
            Version::Two => "version 2 has this checksum anyway",
            Version::Three => "over IPv6 there is one checksum only",
        };
        settings
            .diagnostics
            .push(Diagnostic::warning(span, "`v3_checksum_as_v2` has no effect here").label(kind));
    }
    as_version_2
}

fn interface(settings: &mut Settings<'_, '_>, name: &Word) -> Option<Spanned<String>> {
    let setting = required(
        settings,
        "interface",
        name,
        "the network interface that its addresses belong to",
    )?;
    settings.one(&setting, value::interface)
}

/// 0, which nobody has, if it was refused.
fn virtual_router_id(settings: &mut Settings<'_, '_>, name: &Word) -> u8 {
    let setting = required(
        settings,
        "virtual_router_id",
        name,
        "a number from 1 to 255 that no other instance on this network has",
    );
    let found = setting.and_then(|setting| {
        settings.one(&setting, |word| {
            number(word, "virtual_router_id", 1..=u8::MAX)
        })
    });
    found.map_or(0, |found| found.value)
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

fn advertisement_interval(settings: &mut Settings<'_, '_>, version: Version) -> Duration {
    const DEFAULT: Duration = Duration::from_secs(1);
    const LEAST: Duration = Duration::from_millis(10);
    let most = match version {
        Version::Two => Duration::from_secs(255),
        // 12 bits of hundredths of a second (RFC 9568 section 5.2.7).
        Version::Three => Duration::from_millis(40_950),
    };
    let Some(interval) = settings.duration_in("advert_int", LEAST..=most) else {
        return DEFAULT;
    };
    let nanoseconds = interval.value.subsec_nanos();
    match version {
        Version::Two if nanoseconds != 0 => settings.diagnostics.push(
            Diagnostic::error(interval.span, "VRRP version 2 has no fractions of a second")
                .label("its packets carry whole seconds, from 1 to 255")
                .note("keepalived rounds it, so that the director takes over later than the file says")
                .help("write `advert_int 1`, or `version 3` on all directors of this instance"),
        ),
        Version::Three if nanoseconds % 10_000_000 != 0 => settings.diagnostics.push(
            Diagnostic::error(interval.span, "VRRP version 3 has no fractions of a hundredth of a second")
                .label("its packets carry hundredths of a second, from 1 to 4095")
                .help("write a number with at most two digits after the point, such as `advert_int 0.25`"),
        ),
        Version::Two | Version::Three => {}
    }
    interval.value
}
