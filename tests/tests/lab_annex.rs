//! What the scenarios rely on: IPv6, the remote client, the second director and the segment behind the director are what they
//! claim to be, without a director's daemon in the lab.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use lab::{Client, Lab, Source, THIRD_SERVER, VIP6, XdpMode, vip, vip6};

const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(3);

#[test]
fn nobody_answers_for_either_vip_without_a_director() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Generic)?;
    let _servers = lab.start_web_servers(&[&lab.real_server, &lab.sorry_server])?;
    assert_eq!(
        lab.real_server.addresses6("lo")?,
        ["fd00:66::251/128".to_owned()]
    );
    let targets: [SocketAddr; 2] = [vip(80).into(), vip6(80).into()];
    for target in targets {
        let error = lab
            .client
            .connect(target, SHORT)
            .expect_err("nobody answers");
        let neighbor = lab
            .client
            .host
            .namespace
            .ip(&format!("neighbor show {}", target.ip()))?;
        ensure!(
            !neighbor.is_empty() && !neighbor.contains("lladdr"),
            "not asked for, or somebody answered: {neighbor} ({error:#})"
        );
    }
    Ok(())
}

/// What the director will do, done by hand: the client is told whose MAC address the VIP has.
#[test]
fn a_server_answers_for_the_vip_of_either_family_when_the_frame_is_its() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Native)?;
    let third = lab.add_real_server(THIRD_SERVER)?;
    let _servers = lab.start_web_servers(&[&third])?;
    let _names = lab.start_name_server(&third)?;
    let mac = third.mac("eth0")?;
    for address in [vip(0).ip().to_string(), VIP6.to_string()] {
        let added = format!("neighbor replace {address} lladdr {mac} dev eth0");
        lab.client.host.namespace.ip(&added)?;
    }
    assert_eq!(
        lab.client.get(Source::ANY, vip(80), "/", LONG)?.server,
        "third"
    );
    assert_eq!(
        lab.client.get(Source::ANY, vip6(80), "/", LONG)?.server,
        "third"
    );
    assert_eq!(lab.client.ask_name(Source::ANY, vip(53), LONG)?, "third");
    assert_eq!(lab.client.ask_name(Source::ANY, vip6(53), LONG)?, "third");
    Ok(())
}

#[test]
fn the_remote_client_has_a_small_mtu_on_its_way_and_learns_of_it_only_by_errors() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Native)?;
    let remote = lab.add_remote_client(1280)?;
    let _servers = lab.start_web_servers(&[&lab.real_server])?;
    let real = &lab.real_server;
    let targets: [SocketAddr; 2] = [(real.address, 80).into(), (real.address6, 80).into()];
    for target in targets {
        let page = remote.client.get(Source::ANY, target, "/megabyte", LONG)?;
        assert_eq!(page.length, 1_000_000);
        let client = match target {
            SocketAddr::V4(_) => remote.client.host.address.to_string(),
            SocketAddr::V6(_) => remote.client.host.address6.to_string(),
        };
        let route = real.namespace.ip(&format!("route get {client}"))?;
        ensure!(route.contains("mtu 1280"), "no error arrived: {route}");
    }
    Ok(())
}

#[test]
fn without_the_routers_errors_a_download_from_the_vip_stalls() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Generic)?;
    let remote = lab.add_remote_client(1280)?;
    let _servers = lab.start_web_servers(&[&lab.real_server])?;
    // The router takes the real server for the director, so the errors would reach it.
    let mac = lab.real_server.mac("eth0")?;
    for address in [vip(0).ip().to_string(), VIP6.to_string()] {
        let added = format!("neighbor replace {address} lladdr {mac} dev eth0");
        remote.router.namespace.ip(&added)?;
    }
    let targets: [SocketAddr; 2] = [vip(80).into(), vip6(80).into()];
    remote.keep_errors_from_the_vip()?;
    for target in targets {
        let short = remote.client.get(Source::ANY, target, "/", LONG)?;
        ensure!(
            short.again("/megabyte").is_err(),
            "a large packet passed, or its sender learned"
        );
    }
    Ok(())
}

#[test]
fn a_server_behind_the_director_answers_by_its_router() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Native)?;
    let behind = lab.add_segment_behind()?;
    let _server = lab.start_web_server(&behind.real_server)?;
    let director = Client {
        host: lab.director.clone(),
    };
    let real = &behind.real_server;
    assert_eq!(
        director
            .get(Source::ANY, (real.address, 80), "/", LONG)?
            .server,
        "behind"
    );
    assert_eq!(
        director
            .get(Source::ANY, (real.address6, 80), "/", LONG)?
            .server,
        "behind"
    );
    // Its answers find the client: a client that sends to it by the router hears from it.
    let way = format!("route add {}/32 via 192.168.66.2", real.address);
    lab.client.host.namespace.ip(&way)?;
    let before = behind.frames()?;
    assert_eq!(
        lab.client
            .get(Source::ANY, (real.address, 80), "/", LONG)?
            .server,
        "behind"
    );
    ensure!(behind.frames()? > before, "no frame was counted");
    Ok(())
}

#[test]
fn a_second_director_is_a_host_of_the_segment_and_may_be_a_real_server_too() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Native)?;
    let second = lab.add_director()?;
    second.serve()?;
    let _server = lab.start_web_server(&second)?;
    let before = lab.frames()?;
    let page = lab
        .client
        .get(Source::ANY, (second.address, 80), "/", LONG)?;
    assert_eq!(page.server, "director2");
    ensure!(lab.frames()? > before, "no frame was counted");
    let error = lab
        .client
        .connect(vip(80), SHORT)
        .expect_err("it is silent of the VIP");
    ensure!(!lab::is_refusal(&error), "{error:#}");
    Ok(())
}
