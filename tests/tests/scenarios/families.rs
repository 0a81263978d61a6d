//! IPv4 and IPv6 beside each other: everything that passes by one passes by the other.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, ensure};
use lab::{Lab, Service, Source, XdpMode, parallel, vip6, vips};

use crate::{SHORT, Serving};

in_both_modes!(
    two_hundred_clients_at_once_are_all_answered,
    a_transfer_goes_at_full_speed,
    mariadb_answers_by_ipv6,
    dns_answers_by_udp,
);

fn two_hundred_clients_at_once_are_all_answered(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let _servers = lab.start_web_servers(&hosts)?;
    let services = vips(80).map(|vip| Service::tcp(vip, "rr").real_servers(hosts, ""));
    let serving = Serving::start(&lab, &services)?;
    for vip in vips(80) {
        let pages = parallel(200, |_| lab.client.get(Source::ANY, vip, "/", SHORT))?;
        let mut shares = BTreeMap::new();
        for page in &pages {
            *shares.entry(page.server.as_str()).or_insert(0_u32) += 1;
        }
        // Two at the same instant on two CPUs may go to the same one.
        ensure!(
            shares.len() == 2 && shares.values().all(|share| *share >= 80),
            "not shared evenly: {shares:?}"
        );
    }
    ensure!(
        serving.counter("forward_new")? >= 400,
        "not by the packet path"
    );
    Ok(())
}

fn a_transfer_goes_at_full_speed(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let _server = lab.start_iperf(&lab.real_server)?;
    let service = |vip| Service::tcp(vip, "rr").real_server(&lab.real_server, "");
    let services = vips(5201).map(|vip| service(vip).unchecked());
    let serving = Serving::start(&lab, &services)?;
    for vip in vips(5201) {
        let before = serving.counter("forward_flow")?;
        let transfer = lab.client.transfer(vip.ip(), Duration::from_secs(2))?;
        // What a single lost packet in a hundred would not allow.
        ensure!(transfer.bits_per_second > 1e8, "{transfer:?}");
        let forwarded = serving.counter("forward_flow")? - before;
        ensure!(forwarded > 100, "{forwarded} packets by the packet path");
        eprintln!("{vip}: {:.0} Mbit/s", transfer.bits_per_second / 1e6);
    }
    Ok(())
}

fn mariadb_answers_by_ipv6(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let databases = lab.start_databases()?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let service = Service::tcp(vip6(3306), "rr").real_servers(hosts, "");
    let _serving = Serving::start(&lab, &[service])?;
    let mut open = lab.client.open(vip6(3306))?;
    let same_connection = open.ask("select concat(@@server_id, connection_id())", SHORT)?;
    let mut answers = [
        lab.client.who_answers(vip6(3306))?,
        lab.client.who_answers(vip6(3306))?,
    ];
    answers.sort();
    assert_eq!(
        answers,
        [databases.real_3306.id(), databases.sorry_3306.id()]
    );
    let megabyte = lab
        .client
        .query(vip6(3306), "select repeat('b', 1000000)")?;
    assert_eq!(megabyte.len(), 1_000_000);
    assert_eq!(
        open.ask("select concat(@@server_id, connection_id())", SHORT)?,
        same_connection
    );
    Ok(())
}

fn dns_answers_by_udp(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let _real = lab.start_name_server(hosts[0])?;
    let _sorry = lab.start_name_server(hosts[1])?;
    let services = vips(53).map(|vip| Service::udp(vip, "rr").real_servers(hosts, ""));
    let _serving = Serving::start(&lab, &services)?;
    for vip in vips(53) {
        let ask = |source| lab.client.ask_name(source, vip, SHORT);
        let mut answers = [ask(Source::ANY)?, ask(Source::ANY)?];
        answers.sort();
        assert_eq!(answers, ["real", "sorry"]);
        // Questions from one port are one flow.
        let first = ask(Source::port(40_000))?;
        for _ in 0..5 {
            assert_eq!(ask(Source::port(40_000))?, first);
        }
    }
    Ok(())
}
