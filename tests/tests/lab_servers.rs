//! What the scenarios rely on: the servers of the lab say who they are, and its clients tell the truth, in both families.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use lab::{Datagram, Echo, Host, Lab, Source, XdpMode, is_refusal, parallel};

const SHORT: Duration = Duration::from_secs(3);

#[test]
fn nginx_tells_its_host_to_two_hundred_clients_at_once() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Native)?;
    let _servers = lab.start_web_servers(&[&lab.real_server, &lab.sorry_server])?;
    for host in [&lab.real_server, &lab.sorry_server] {
        for address in both(host, 80) {
            let pages = parallel(200, |_| lab.client.get(Source::ANY, address, "/", SHORT))?;
            ensure!(
                pages.iter().all(|page| page.server == host.name),
                "{pages:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn an_nginx_connection_stays_open_as_long_as_its_page_and_brings_a_megabyte() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Generic)?;
    let mut server = lab.start_web_server(&lab.real_server)?;
    let [v4, v6] = both(&lab.real_server, 80);
    for address in [v4, v6] {
        let page = lab.client.get(Source::ANY, address, "/megabyte", SHORT)?;
        assert_eq!(page.again("/megabyte")?.length, 1_000_000);
    }
    server.kill()?;
    let refused = lab.client.get(Source::ANY, v6, "/", SHORT);
    ensure!(
        is_refusal(&refused.expect_err("it was killed")),
        "{}",
        server.log()
    );
    Ok(())
}

#[test]
fn a_client_speaks_from_the_address_and_the_port_it_was_told() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Generic)?;
    let _server = lab.start_web_server(&lab.real_server)?;
    let other = "192.168.66.100".parse()?;
    lab.client.host.add_address(other)?;
    let source = Source {
        address: Some(other),
        port: Some(40_000),
    };
    let web = (lab.real_server.address, 80);
    let stream = lab.client.connect_from(source, web, SHORT)?;
    assert_eq!(stream.local_addr()?, SocketAddr::new(other, 40_000));
    drop(stream);

    // Again and again from one port, whoever ends the connection.
    for address in both(&lab.real_server, 80) {
        for _ in 0..5 {
            let reset = lab.client.get(Source::port(40_001), address, "/", SHORT)?;
            reset.reset()?;
        }
        for _ in 0..5 {
            let page = lab
                .client
                .get(Source::port(40_002), address, "/closing", SHORT)?;
            lab.client.close_after_the_server(page)?;
        }
    }
    Ok(())
}

#[test]
fn dnsmasq_tells_its_host_and_a_killed_one_is_an_unreachable_port() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Generic)?;
    let mut server = lab.start_name_server(&lab.real_server)?;
    for address in both(&lab.real_server, 53) {
        assert_eq!(lab.client.ask_name(Source::ANY, address, SHORT)?, "real");
    }
    server.kill()?;
    for address in both(&lab.real_server, 53) {
        let refused = lab.client.ask_name(Source::ANY, address, SHORT);
        let refused = refused.expect_err("it was killed");
        ensure!(is_refusal(&refused), "{refused:#}");
    }
    Ok(())
}

#[test]
fn a_datagram_of_three_packets_arrives_whole() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Native)?;
    for address in both(&lab.real_server, 7) {
        let _server = Echo::start(&lab.real_server, address)?;
        let arrived = lab
            .client
            .send_datagram(Source::ANY, address, 4000, SHORT)?;
        let expected = Datagram {
            server: "real".to_owned(),
            sound_bytes: 4000,
        };
        assert_eq!(arrived, expected);
    }
    Ok(())
}

#[test]
fn iperf3_measures_a_transfer() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Generic)?;
    let _server = lab.start_iperf(&lab.real_server)?;
    for address in both(&lab.real_server, 0) {
        let transfer = lab.client.transfer(address.ip(), Duration::from_secs(1))?;
        ensure!(transfer.received_bytes > 1_000_000, "{transfer:?}");
    }
    let nobody = lab
        .client
        .transfer(lab.sorry_server.address, Duration::from_secs(1));
    ensure!(nobody.is_err(), "{nobody:?}");
    Ok(())
}

#[test]
fn mariadb_answers_by_ipv6() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Generic)?;
    let databases = lab.start_databases()?;
    let address = (lab.real_server.address6, 3306);
    assert_eq!(lab.client.who_answers(address)?, databases.real_3306.id());
    assert_eq!(
        lab.client.greeted_by(address, SHORT)?.0,
        databases.real_3306.id()
    );
    Ok(())
}

#[test]
fn traceroute_sees_a_router_and_the_server_behind_it() -> Result<()> {
    let lab = Lab::create_dual(XdpMode::Generic)?;
    let remote = lab.add_remote_client(1500)?;
    let _server = lab.start_web_server(&lab.real_server)?;
    for address in both(&lab.real_server, 80) {
        let hops: Vec<_> = remote.client.trace(address)?;
        let last: BTreeSet<_> = hops.last().copied().flatten().into_iter().collect();
        ensure!(
            hops.len() == 2 && hops[0].is_some() && last.contains(&address.ip()),
            "{hops:?}"
        );
    }
    Ok(())
}

/// A host's two addresses.
fn both(host: &Host, port: u16) -> [SocketAddr; 2] {
    [(host.address, port).into(), (host.address6, port).into()]
}
