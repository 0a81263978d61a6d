//! Who gets the next connection, and what is refused rather than done otherwise.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
};

use anyhow::{Context, Result, ensure};
use lab::{
    Host, Lab, Page, Role, ServerId, Service, Source, THIRD_SERVER, XdpMode, configuration_as,
    example, vip, vips,
};

use crate::{SHORT, Scene, Serving};

in_both_modes!(
    s2_12_rr_takes_the_real_servers_in_turn,
    s2_12_wrr_shares_by_weight,
    schedulers_that_weigh_share_open_connections_by_weight,
    schedulers_that_fill_up_begin_with_the_greatest_weight,
    schedulers_that_hash_keep_a_client_with_its_server,
    two_directors_with_one_configuration_choose_the_same_server,
);

fn s2_12_rr_takes_the_real_servers_in_turn(mode: XdpMode) -> Result<()> {
    let scene = Scene::with(mode, &example::two_real_servers("rr", [5, 1]))?;
    let answers = answers(&scene, 40)?;
    ensure!(
        answers.windows(2).all(|pair| pair[0] != pair[1]),
        "not in turn: {answers:?}"
    );
    Ok(())
}

fn s2_12_wrr_shares_by_weight(mode: XdpMode) -> Result<()> {
    let scene = Scene::with(mode, &example::two_real_servers("wrr", [3, 1]))?;
    let mut shares = BTreeMap::new();
    for server in answers(&scene, 40)? {
        *shares.entry(server).or_insert(0) += 1;
    }
    let expected = [
        (scene.databases.real_3306.id(), 30),
        (scene.databases.sorry_3306.id(), 10),
    ];
    assert_eq!(shares, BTreeMap::from(expected));
    Ok(())
}

fn answers(scene: &Scene, count: usize) -> Result<Vec<ServerId>> {
    (0..count)
        .map(|_| Ok(scene.lab.client.greeted_by(vip(3306), SHORT)?.0))
        .collect()
}

/// Three web servers behind one VIP, and a daemon that is told one scheduler after the other.
struct Trial {
    serving: Serving,
    servers: Vec<lab::WebServer>,
    hosts: [Host; 3],
    lab: Lab,
}

/// Weights of the three.
const WEIGHTS: [u32; 3] = [3, 2, 1];

impl Trial {
    fn start(mode: XdpMode) -> Result<Self> {
        let lab = Lab::create_dual(mode)?;
        let third = lab.add_real_server(THIRD_SERVER)?;
        let hosts = [lab.real_server.clone(), lab.sorry_server.clone(), third];
        let servers = lab.start_web_servers(&hosts.each_ref())?;
        let serving = Serving::start(&lab, &services(&hosts, "rr", &[], WEIGHTS))?;
        Ok(Self {
            serving,
            servers,
            hosts,
            lab,
        })
    }

    fn use_scheduler(&self, scheduler: &str, flags: &[&str], weights: [u32; 3]) -> Result<()> {
        let services = services(&self.hosts, scheduler, flags, weights);
        let director = &self.serving.director;
        director.configure(&configuration_as(Role::Master, &services))?;
        director.reload().map(drop)
    }

    /// Opens connections one after the other, which stay open as long as what is returned.
    fn open(&self, target: SocketAddr, sources: impl Iterator<Item = Source>) -> Result<Vec<Page>> {
        sources
            .map(|source| self.lab.client.get(source, target, "/", SHORT))
            .collect()
    }

    /// How many of `count` connections that stay open each server gets.
    fn shares(&self, target: SocketAddr, count: usize) -> Result<[usize; 3]> {
        let pages = self.open(target, std::iter::repeat_n(Source::ANY, count))?;
        let shares = self
            .hosts
            .each_ref()
            .map(|host| pages.iter().filter(|page| page.server == host.name).count());
        // Gone at once, so that they weigh nothing in the next trial.
        for page in pages {
            page.reset()?;
        }
        Ok(shares)
    }
}

fn services(hosts: &[Host; 3], scheduler: &str, flags: &[&str], weights: [u32; 3]) -> [Service; 2] {
    vips(80).map(|target| {
        let service = flags
            .iter()
            .fold(Service::tcp(target, scheduler), |service, flag| {
                service.with(flag)
            });
        hosts
            .iter()
            .zip(weights)
            .fold(service, |service, (host, weight)| {
                service.real_server(host, &format!("weight {weight}"))
            })
    })
}

fn schedulers_that_weigh_share_open_connections_by_weight(mode: XdpMode) -> Result<()> {
    let trial = Trial::start(mode)?;
    for (scheduler, expected) in [
        ("rr", [4, 4, 4]),
        ("lc", [4, 4, 4]),
        ("wrr", [6, 4, 2]),
        ("wlc", [6, 4, 2]),
        ("sed", [6, 4, 2]),
        ("nq", [6, 4, 2]),
    ] {
        trial.use_scheduler(scheduler, &[], WEIGHTS)?;
        for target in vips(80) {
            let shares = trial.shares(target, 12)?;
            ensure!(shares == expected, "{scheduler} on {target}: {shares:?}");
        }
    }
    // Chance has its part in this one: of two that it takes at random the less loaded gets the connection.
    trial.use_scheduler("twos", &[], [1, 1, 1])?;
    for target in vips(80) {
        let shares = trial.shares(target, 30)?;
        ensure!(
            shares.iter().all(|share| (6..=14).contains(share)),
            "twos on {target}: {shares:?}"
        );
    }
    Ok(())
}

fn schedulers_that_fill_up_begin_with_the_greatest_weight(mode: XdpMode) -> Result<()> {
    let mut trial = Trial::start(mode)?;
    let weights = [1, 3, 2];
    for (scheduler, expected) in [("fo", [0, 9, 0]), ("ovf", [2, 4, 3])] {
        trial.use_scheduler(scheduler, &[], weights)?;
        for target in vips(80) {
            let shares = trial.shares(target, 9)?;
            ensure!(shares == expected, "{scheduler} on {target}: {shares:?}");
        }
    }
    // Locality: one VIP is served by one server as long as it can, or by a few.
    for scheduler in ["lblc", "lblcr"] {
        trial.use_scheduler(scheduler, &[], [100, 100, 100])?;
        for target in vips(80) {
            let mut shares = trial.shares(target, 9)?;
            shares.sort_unstable();
            ensure!(shares == [0, 0, 9], "{scheduler} on {target}: {shares:?}");
        }
    }
    // The one that fo is at goes: the next best takes over.
    trial.use_scheduler("fo", &[], weights)?;
    trial.servers[1].kill()?;
    let gone = trial.hosts[1].address;
    trial
        .serving
        .director
        .await_state(80, gone, "down", crate::SOON)?;
    assert_eq!(trial.shares(vip(80).into(), 9)?, [0, 0, 9]);
    Ok(())
}

fn schedulers_that_hash_keep_a_client_with_its_server(mode: XdpMode) -> Result<()> {
    let trial = Trial::start(mode)?;
    let addresses: Vec<Ipv4Addr> = (0..24)
        .map(|last| [192, 168, 67, last + 1].into())
        .collect();
    for address in &addresses {
        trial.lab.client.host.add_address((*address).into())?;
    }
    let of_many_clients = || addresses.iter().map(|address| Source::address(*address));
    let target = vip(80).into();
    for scheduler in ["sh", "mh"] {
        trial.use_scheduler(scheduler, &[], [1, 1, 1])?;
        let first = names(&trial.open(target, of_many_clients())?);
        let again = names(&trial.open(target, of_many_clients())?);
        ensure!(first == again, "{scheduler}: {first:?}, then {again:?}");
        for host in &trial.hosts {
            let share = first.iter().filter(|name| **name == host.name).count();
            ensure!((2..=16).contains(&share), "{scheduler}: {first:?}");
        }
        // With the port, connections of one client are told apart.
        let flag = format!("{scheduler}-port");
        trial.use_scheduler(scheduler, &[&flag], [1, 1, 1])?;
        let shares = trial.shares(target, 24)?;
        ensure!(shares.iter().all(|share| *share > 0), "{flag}: {shares:?}");
    }
    trial.use_scheduler("dh", &[], [1, 1, 1])?;
    let by_vip = names(&trial.open(target, of_many_clients())?);
    ensure!(by_vip.iter().all(|name| *name == by_vip[0]), "{by_vip:?}");
    Ok(())
}

fn names(pages: &[Page]) -> Vec<String> {
    pages.iter().map(|page| page.server.clone()).collect()
}

/// What Maglev is for: whichever director has the VIP, a client's connections go to the same server.
fn two_directors_with_one_configuration_choose_the_same_server(mode: XdpMode) -> Result<()> {
    let trial = Trial::start(mode)?;
    trial.use_scheduler("mh", &["mh-port"], WEIGHTS)?;
    let target = vip(80).into();
    let ports = || (0..40).map(|number| Source::port(41_000 + number));
    let at_first = trial.open(target, ports())?;
    let first = names(&at_first);
    for page in at_first {
        page.reset()?;
    }
    let Trial {
        mut serving,
        servers: _servers,
        hosts,
        lab,
    } = trial;
    serving.director.terminate()?;
    let second = lab.add_director()?;
    let services = services(&hosts, "mh", &["mh-port"], WEIGHTS);
    let text = configuration_as(Role::Master, &services);
    let mut other = lab.daemon_on(&second, &text)?;
    other.start()?;
    for (port, address) in services.iter().flat_map(Service::servers) {
        other.await_state(port, address, "up", crate::SOON)?;
    }
    let pages: Result<Vec<_>> = ports()
        .map(|source| lab.client.get(source, target, "/", SHORT))
        .collect();
    let then = names(&pages.context("by the second director")?);
    ensure!(first == then, "{first:?}, then {then:?}");
    Ok(())
}

#[test]
fn s2_12_nat_and_tun_are_refused_never_forwarded_as_dr() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    for method in ["NAT", "TUN"] {
        let director =
            lab.daemon(&example::MASTER.replace("lb_kind DR", &format!("lb_kind {method}")))?;
        let output = director.outcome(&mut director.run_command())?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        ensure!(
            said.contains(":28:11") && said.contains(method),
            "the word is not pointed at: {said}"
        );
        ensure!(
            !lab.director.has_xdp()? && !director.is_pinned()?,
            "something was attached or pinned"
        );
    }
    Ok(())
}
