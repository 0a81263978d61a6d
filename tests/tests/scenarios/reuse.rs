//! A client that uses a port again: the next connection is a new one, at once.

use anyhow::Result;
use lab::{Lab, Service, Source, XdpMode, vips};

use crate::{SHORT, SOON, Serving};

in_both_modes!(
    a_port_is_used_again_after_the_server_closed_the_connection,
    a_port_is_used_again_after_the_client_reset_the_connection,
    a_port_is_used_again_after_its_server_is_gone,
);

const PORT: Source = Source::port(40_000);

fn a_port_is_used_again_after_the_server_closed_the_connection(mode: XdpMode) -> Result<()> {
    again_and_again(mode, |lab, vip| {
        let page = lab.client.get(PORT, vip, "/closing", SHORT)?;
        let server = page.server.clone();
        lab.client.close_after_the_server(page)?;
        Ok(server)
    })
}

fn a_port_is_used_again_after_the_client_reset_the_connection(mode: XdpMode) -> Result<()> {
    again_and_again(mode, |lab, vip| {
        let page = lab.client.get(PORT, vip, "/", SHORT)?;
        let server = page.server.clone();
        page.reset()?;
        Ok(server)
    })
}

/// Each connection is scheduled afresh, and none has to say its SYN twice.
fn again_and_again(
    mode: XdpMode,
    connection: impl Fn(&Lab, std::net::SocketAddr) -> Result<String>,
) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let _servers = lab.start_web_servers(&hosts)?;
    let services = vips(80).map(|vip| Service::tcp(vip, "rr").real_servers(hosts, ""));
    let serving = Serving::start(&lab, &services)?;
    for vip in vips(80) {
        let before = lab.client.tcp_counters()?;
        let new = serving.counter("forward_new")?;
        let mut answered = Vec::new();
        for _ in 0..6 {
            answered.push(connection(&lab, vip)?);
        }
        for pair in answered.windows(2) {
            assert_ne!(pair[0], pair[1], "not scheduled afresh: {answered:?}");
        }
        assert_eq!(serving.counter("forward_new")? - new, 6);
        let after = lab.client.tcp_counters()?;
        assert_eq!(
            after.lost_segments, before.lost_segments,
            "{vip}: a SYN was not answered"
        );
    }
    Ok(())
}

fn a_port_is_used_again_after_its_server_is_gone(mode: XdpMode) -> Result<()> {
    let lab = Lab::create(mode)?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let mut servers = lab.start_web_servers(&hosts)?;
    let [vip, _] = vips(80);
    let service = Service::tcp(vip, "rr").real_servers(hosts, "");
    let serving = Serving::start(&lab, &[service])?;
    let page = lab.client.get(PORT, vip, "/", SHORT)?;
    let (gone, stays) = if page.server == "real" {
        (0, 1)
    } else {
        (1, 0)
    };
    servers[gone].kill()?;
    serving
        .director
        .await_state(80, hosts[gone].address, "down", SOON)?;
    page.reset()?;
    let before = lab.client.tcp_counters()?;
    let page = lab.client.get(PORT, vip, "/", SHORT)?;
    assert_eq!(page.server, hosts[stays].name);
    let after = lab.client.tcp_counters()?;
    assert_eq!(
        after.lost_segments, before.lost_segments,
        "a SYN was not answered"
    );
    Ok(())
}
