//! A client that stays with its server: `persistence_timeout`.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Lab, Page, Service, Source, XdpMode, vips, wait};

use crate::{SHORT, SOON, Serving};

in_both_modes!(
    s2_13_a_client_stays_with_its_server_until_the_server_goes,
    s2_13_clients_of_one_network_stay_together,
    s2_13_a_template_ends_after_its_timeout,
);

fn s2_13_a_client_stays_with_its_server_until_the_server_goes(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let mut servers = lab.start_web_servers(&hosts)?;
    let services = vips(80).map(|vip| {
        let service = Service::tcp(vip, "rr").with("persistence_timeout 120");
        service.real_servers(hosts, "")
    });
    let serving = Serving::start(&lab, &services)?;
    let director = &serving.director;
    for vip in vips(80) {
        let ask = || lab.client.get(Source::ANY, vip, "/", SHORT).and_then(end);
        let first = ask()?;
        for _ in 0..7 {
            assert_eq!(ask()?, first, "{vip}: with rr alone it would be the other");
        }
        let listed = director.list(&["--persistent-conn"])?;
        let of_vip = vip.ip().to_string();
        ensure!(
            listed.lines().filter(|line| line.contains(&of_vip)).count() >= 1,
            "{vip} is not in the listing:\n{listed}"
        );
        ensure!(
            template(director, &of_vip)?.is_some_and(|row| row.contains(" NONE ")),
            "no template of {vip}:\n{}",
            director.list(&["--connections"])?
        );

        let (gone, stays) = if first == "real" { (0, 1) } else { (1, 0) };
        servers[gone].kill()?;
        director.await_state(80, hosts[gone].address, "down", SOON)?;
        director.await_state(80, hosts[gone].address6, "down", SOON)?;
        ensure!(
            template(director, &of_vip)?.is_none(),
            "the template outlives its server:\n{}",
            director.list(&["--connections"])?
        );
        assert_eq!(ask()?, hosts[stays].name);
        servers[gone] = lab.start_web_server(hosts[gone])?;
        director.await_state(80, hosts[gone].address, "up", SOON)?;
        director.await_state(80, hosts[gone].address6, "up", SOON)?;
        // It is the other one's client now.
        assert_eq!(ask()?, hosts[stays].name);
    }
    Ok(())
}

fn s2_13_clients_of_one_network_stay_together(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let _servers = lab.start_web_servers(&hosts)?;
    let granularity = ["255.255.255.0", "64"];
    let services: Vec<_> = vips(80)
        .into_iter()
        .zip(granularity)
        .map(|(vip, granularity)| {
            let service = Service::tcp(vip, "rr").with("persistence_timeout 120");
            let service = service.with(&format!("persistence_granularity {granularity}"));
            service.real_servers(hosts, "")
        })
        .collect();
    let _serving = Serving::start(&lab, &services)?;
    for address in ["192.168.66.100", "192.168.67.100", "fd00:66::100"] {
        lab.client.host.add_address(address.parse()?)?;
    }
    let [v4, v6] = vips(80);
    let ask = |vip, address: &str| {
        let source = Source::address(address.parse::<std::net::IpAddr>()?);
        lab.client.get(source, vip, "/", SHORT).and_then(end)
    };
    let own = lab.client.host.address.to_string();
    let first = ask(v4, &own)?;
    assert_eq!(ask(v4, "192.168.66.100")?, first);
    assert_ne!(ask(v4, "192.168.67.100")?, first, "another network");
    assert_eq!(ask(v4, "192.168.66.100")?, first);
    let first = ask(v6, &lab.client.host.address6.to_string())?;
    assert_eq!(ask(v6, "fd00:66::100")?, first);
    Ok(())
}

fn s2_13_a_template_ends_after_its_timeout(mode: XdpMode) -> Result<()> {
    let lab = Lab::create(mode)?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let _servers = lab.start_web_servers(&hosts)?;
    let [vip, _] = vips(80);
    let service = Service::tcp(vip, "rr").with("persistence_timeout 1");
    let serving = Serving::start(&lab, &[service.real_servers(hosts, "")])?;
    let ask = || lab.client.get(Source::ANY, vip, "/", SHORT);
    let page = ask()?;
    let first = page.server.clone();
    assert_eq!(end(ask()?)?, first);
    // Its own connections keep it.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(end(ask()?)?, first);
    end(page)?;
    let limit = Duration::from_secs(30);
    wait::until("the template ends", limit, || {
        let row = template(&serving.director, "192.168.66.251").ok()?;
        row.is_none().then_some(())
    })?;
    assert_ne!(end(ask()?)?, first, "rr has its turn again");
    Ok(())
}

/// Ends a connection and tells who had answered.
fn end(page: Page) -> Result<String> {
    let server = page.server.clone();
    page.reset()?;
    Ok(server)
}

/// The row of a template in the list of connections: its client has no port.
fn template(director: &lab::Director, vip: &str) -> Result<Option<String>> {
    let listed = director.list(&["--connections"])?;
    let row = listed
        .lines()
        .find(|line| line.contains(" NONE ") && line.contains(vip));
    Ok(row.map(str::to_owned))
}
