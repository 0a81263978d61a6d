//! `use_vmac`: the address has the MAC address of the virtual router, whoever is MASTER.

use std::{net::IpAddr, process::Command};

use anyhow::{Result, ensure};
use lab::{
    Director, Duo, Host, Instance, SHARED, SHARED6, Service, VIP, XdpMode, configuration_with, vip,
    wait,
};

use crate::{SHORT, SOON};

in_both_modes!(s2_09_what_is_sent_to_the_virtual_mac_is_forwarded);

/// Of virtual router 65 (RFC 9568 section 7.3), of each family.
const MAC: &str = "00:00:5e:00:01:41";
const MAC6: &str = "00:00:5e:00:02:41";
/// What keepalived calls the device, too.
const DEVICE: &str = "vrrp.65";

#[test]
fn s2_09_frames_of_the_virtual_address_have_the_virtual_mac_and_clients_keep_it() -> Result<()> {
    moves(Instance::quick, SHARED.into(), MAC)
}

#[test]
fn s2_09_so_it_is_with_ipv6() -> Result<()> {
    let instance = |priority| Instance::quick(priority).address(format!("{SHARED6}/64"));
    moves(instance, SHARED6.into(), MAC6)
}

/// The address goes from the first host to the second, and no client notices.
fn moves(instance: impl Fn(u8) -> Instance, address: IpAddr, mac: &str) -> Result<()> {
    let duo = Duo::create()?;
    let wire = duo.lab.listen()?;
    let instance = |priority| instance(priority).with(&format!("use_vmac {DEVICE}"));
    let mut first = duo.director(&duo.first, instance(100))?;
    let mut second = duo.director(&duo.second, instance(90))?;
    first.start()?;
    second.start_as("BACKUP")?;
    await_holder(&duo.first, address)?;
    ensure!(!holds(&duo.second, address)?, "both have it");

    let client = &duo.lab.client.host;
    ping(client, address)?;
    assert_eq!(known_mac(client, address)?, mac);
    let first_own = duo.first.mac("eth0")?;
    first.terminate()?;
    await_holder(&duo.second, address)?;
    ping(client, address)?;
    assert_eq!(known_mac(client, address)?, mac);
    ensure!(
        !duo.first.namespace.ip("link show")?.contains(DEVICE),
        "the device was left"
    );

    // Neither of the two ever spoke of it with an own address.
    let announced = wire.announcements(address);
    ensure!(!announced.is_empty(), "nobody announced it");
    for spoke in announced.iter().map(|one| &one.mac) {
        assert_eq!(spoke, mac);
    }
    let adverts = wire.adverts();
    ensure!(
        adverts.iter().all(|advert| advert.mac == mac),
        "not from the virtual router: {adverts:?}"
    );
    // Other traffic of the host is its own.
    let own = duo.first.address.into();
    ping(client, own)?;
    assert_eq!(known_mac(client, own)?, first_own);
    Ok(())
}

fn s2_09_what_is_sent_to_the_virtual_mac_is_forwarded(mode: XdpMode) -> Result<()> {
    let duo = Duo::create_in(mode)?;
    let _web = duo.lab.start_web_server(&duo.lab.real_server)?;
    let service = Service::tcp(vip(80), "rr").real_server(&duo.lab.real_server, "");
    let [first, second] = [100, 90].map(|priority| {
        let instance = Instance::quick(priority)
            .with(&format!("use_vmac {DEVICE}"))
            .address(VIP);
        configuration_with(&instance, std::slice::from_ref(&service))
    });
    let mut first = duo.director(&duo.first, first)?;
    let mut second = duo.director(&duo.second, second)?;
    first.start()?;
    second.start_as("BACKUP")?;
    let client = duo.lab.client.clone();
    for director in [&first, &second] {
        director.await_state(80, duo.lab.real_server.address, "up", SOON)?;
    }
    await_holder(&duo.first, VIP.into())?;
    client.connect(vip(80), SHORT)?;
    assert_eq!(known_mac(&client.host, VIP.into())?, MAC);
    let forwarded = |director: &Director| -> Result<Option<u64>> {
        Ok(director.status()?["counters"]["forward_new"].as_u64())
    };
    assert_eq!(
        (forwarded(&first)?, forwarded(&second)?),
        (Some(1), Some(0))
    );
    first.terminate()?;
    await_holder(&duo.second, VIP.into())?;
    client.connect(vip(80), SHORT)?;
    assert_eq!(known_mac(&client.host, VIP.into())?, MAC);
    assert_eq!(forwarded(&second)?, Some(1));
    Ok(())
}

fn holds(host: &Host, address: IpAddr) -> Result<bool> {
    let shown = host.namespace.ip("-oneline address show")?;
    let words = format!(" {address}/");
    Ok(shown
        .lines()
        .any(|line| line.contains(DEVICE) && line.contains(&words)))
}

fn await_holder(host: &Host, address: IpAddr) -> Result<()> {
    let what = format!("{address} is on {DEVICE} of {}", host.name);
    wait::until(&what, SOON, || holds(host, address).ok()?.then_some(()))
}

fn ping(client: &Host, address: IpAddr) -> Result<()> {
    let mut ping = Command::new("ping");
    ping.args(["-c", "1", "-W", "3", &address.to_string()]);
    client.namespace.run(&mut ping).map(drop)
}

/// The MAC address that a host has for an address of its link.
fn known_mac(host: &Host, address: IpAddr) -> Result<String> {
    let shown = host.namespace.ip(&format!("neighbour show {address}"))?;
    let mut words = shown.split_whitespace();
    let known = words.by_ref().any(|word| word == "lladdr");
    ensure!(known, "{} does not know {address}: {shown}", host.name);
    Ok(words.next().unwrap_or_default().to_owned())
}
