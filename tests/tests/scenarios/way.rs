//! The way of packets: their size, their number of hops, their pieces, and servers that are not on the client's segment.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use lab::{Echo, Lab, Service, Source, XdpMode, vips};

use crate::{SHORT, Serving};

in_both_modes!(
    a_download_learns_of_a_small_mtu_on_its_way_to_the_client,
    an_upload_learns_of_a_small_mtu_on_its_way_to_the_server,
    traceroute_finds_the_director_and_the_vip,
    fragments_of_a_datagram_meet_at_one_server,
    a_server_behind_another_interface_is_reached,
);

fn a_download_learns_of_a_small_mtu_on_its_way_to_the_client(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let remote = lab.add_remote_client(1280)?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let _servers = lab.start_web_servers(&hosts)?;
    let services = vips(80).map(|vip| Service::tcp(vip, "rr").real_servers(hosts, ""));
    let serving = Serving::start(&lab, &services)?;
    for vip in vips(80) {
        let before = serving.counter("forward_icmp")?;
        // One by each server: the router's error has to find the one whose packet it is about.
        for _ in hosts {
            let page = remote.client.get(Source::ANY, vip, "/megabyte", SHORT)?;
            assert_eq!(page.length, 1_000_000);
        }
        let errors = serving.counter("forward_icmp")? - before;
        ensure!(errors >= 2, "{vip}: {errors} errors were forwarded");
    }
    Ok(())
}

fn an_upload_learns_of_a_small_mtu_on_its_way_to_the_server(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let behind = lab.add_segment_behind()?;
    lab.director.namespace.ip("link set eth1 mtu 1400")?;
    let server = &behind.real_server;
    let _web = lab.start_web_server(server)?;
    let services = vips(80).map(|vip| Service::tcp(vip, "rr").real_server(server, ""));
    let serving = Serving::start(&lab, &services)?;
    for (number, vip) in (1..).zip(vips(80)) {
        let long_path = format!("/{}", "x".repeat(5000));
        let page = lab.client.get(Source::ANY, vip, &long_path, SHORT)?;
        assert_eq!(page.server, "behind");
        ensure!(
            serving.counter("answer_too_big")? >= number,
            "{vip}: nobody was told"
        );
    }
    Ok(())
}

fn traceroute_finds_the_director_and_the_vip(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let _server = lab.start_web_server(&lab.real_server)?;
    let services = vips(80).map(|vip| Service::tcp(vip, "rr").real_server(&lab.real_server, ""));
    let serving = Serving::start(&lab, &services)?;
    for (number, vip) in (1..).zip(vips(80)) {
        let director = match vip {
            SocketAddr::V4(_) => lab.director.address.into(),
            SocketAddr::V6(_) => lab.director.address6.into(),
        };
        let hops = lab.client.trace(vip)?;
        assert_eq!(hops, [Some(director), Some(vip.ip())]);
        assert_eq!(serving.counter("answer_time_exceeded")?, number);
    }
    Ok(())
}

fn fragments_of_a_datagram_meet_at_one_server(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let mut servers = Vec::new();
    for host in hosts {
        for vip in vips(7) {
            servers.push(Echo::start(host, vip)?);
        }
    }
    let services = vips(7).map(|vip| Service::udp(vip, "rr").real_servers(hosts, ""));
    let serving = Serving::start(&lab, &services)?;
    for vip in vips(7) {
        let before = serving.counter("forward_fragment")?;
        let mut answered = Vec::new();
        for _ in 0..6 {
            let datagram = lab.client.send_datagram(Source::ANY, vip, 4000, SHORT)?;
            assert_eq!(datagram.sound_bytes, 4000);
            answered.push(datagram.server);
        }
        ensure!(
            answered.windows(2).all(|pair| pair[0] != pair[1]),
            "{vip}: not in turn: {answered:?}"
        );
        // Each datagram has three pieces, and two of them follow the first.
        assert_eq!(serving.counter("forward_fragment")? - before, 12);
    }
    Ok(())
}

fn a_server_behind_another_interface_is_reached(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let behind = lab.add_segment_behind()?;
    let hosts = [&behind.real_server, &lab.real_server];
    let _servers = lab.start_web_servers(&hosts)?;
    let services = vips(80).map(|vip| Service::tcp(vip, "rr").real_servers(hosts, ""));
    let serving = Serving::start(&lab, &services)?;
    for vip in vips(80) {
        let forwarded = serving.counter("forward_flow")?;
        let mut answered = Vec::new();
        for _ in 0..4 {
            let page = lab.client.get(Source::ANY, vip, "/megabyte", SHORT)?;
            answered.push(page.again("/")?.server);
        }
        answered.sort();
        assert_eq!(answered, ["behind", "behind", "real", "real"]);
        ensure!(
            serving.counter("forward_flow")? > forwarded + 20,
            "not by the packet path"
        );
    }
    Ok(())
}
