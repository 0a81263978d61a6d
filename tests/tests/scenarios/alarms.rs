//! What is wrong with a pair is said by name: two lists, two numbers, two owners, a firewall, a flood.

use std::{collections::BTreeMap, net::IpAddr, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use director::vrrp::{Advertisement, Authentication, Coverage, Endpoints, Version};
use lab::{
    Director, Duo, Forger, Host, Instance, SHARED, SHARED6, Service, VIP, configuration_with,
    longest_pause, vip, wait,
};
use serde_json::Value;

use crate::{
    SOON,
    elections::{FIRST, Pair, SECOND},
};

#[test]
fn s1_10_two_lists_of_addresses_make_one_master_and_an_alarm_at_both_ends() -> Result<()> {
    let duo = Duo::create()?;
    let wire = duo.lab.listen()?;
    let (own, other) = (format!("{SHARED}/23"), "192.168.66.241/23");
    let longer = Instance::quick(90).address(&own).address(other);
    let mut first = duo.director(&duo.first, Instance::quick(100).address(&own))?;
    let mut second = duo.director(&duo.second, longer)?;
    // Only a MASTER speaks: so each of the two is to be one while the other one listens.
    second.start()?;
    first.start()?;
    duo.await_only_holder(SHARED, &duo.first, SOON)?;
    second.await_role("BACKUP", SOON)?;
    assert_eq!(duo.succession(&wire)?, [SECOND, FIRST]);

    let lists = [
        (&first, "192.168.66.12", "192.168.66.240, 192.168.66.241"),
        (&second, "192.168.66.6", "192.168.66.240"),
    ];
    for (director, peer, list) in lists {
        director.await_log(
            &format!("{peer} has another list of virtual addresses: {list}, ours: "),
            SOON,
        )?;
        let peer = peer_of(&director.election("INT")?, peer)?;
        let told = peer["other_addresses"].as_array().into_iter().flatten();
        let told: Vec<_> = told.filter_map(Value::as_str).collect();
        assert_eq!(told.join(", "), list);
    }
    Ok(())
}

#[test]
fn s1_11_one_address_under_two_numbers_is_an_alarm_that_names_them() -> Result<()> {
    let duo = Duo::create()?;
    let mut first = duo.director(&duo.first, Instance::quick(100))?;
    let mut second = duo.director(&duo.second, Instance::quick(90).virtual_router_id(66))?;
    first.start()?;
    // It is another virtual router, so nothing keeps it from being MASTER, too.
    second.start()?;
    first.await_log(
        "192.168.66.240 is claimed under VRID 66, too, by 192.168.66.12",
        SOON,
    )?;
    second.await_log(
        "192.168.66.240 is claimed under VRID 65, too, by 192.168.66.6",
        SOON,
    )
}

#[test]
fn s1_12_another_host_that_has_the_address_is_an_alarm_with_its_mac() -> Result<()> {
    let pair = Pair::start(Instance::quick(100), Instance::quick(90))?;
    pair.await_first(SHARED)?;
    let other = &pair.duo.lab.real_server;
    other.add_address(SHARED.into())?;
    let warning = pair.first.await_warning(&other.mac("eth0")?, SOON)?;
    ensure!(warning.contains(&SHARED.to_string()), "{warning}");
    assert_eq!(pair.first.election("INT")?["vip_conflicts"], 1);
    assert_eq!(pair.second.election("INT")?["vip_conflicts"], 0);
    // Who holds nothing has nothing to complain of.
    let warnings = pair.second.status()?["warnings"].to_string();
    ensure!(!warnings.contains(&SHARED.to_string()), "{warnings}");
    Ok(())
}

#[test]
fn s1_12_another_host_that_has_the_ipv6_address_is_an_alarm_with_its_mac() -> Result<()> {
    let instance = Instance::quick(100).address(format!("{SHARED6}/64"));
    let pair = Pair::start(
        instance,
        Instance::quick(90).address(format!("{SHARED6}/64")),
    )?;
    pair.await_first(SHARED6)?;
    let other = &pair.duo.lab.real_server;
    // Without a word on the link, so that it must be asked.
    other.add_address(SHARED6.into())?;
    let warning = pair.first.await_warning(&other.mac("eth0")?, SOON)?;
    ensure!(
        warning.contains(&format!("has {SHARED6}, too")),
        "{warning}"
    );
    let instance =
        |director: &Director| Ok::<_, anyhow::Error>(director.status()?["instances"][0].clone());
    assert_eq!(instance(&pair.first)?["vip_conflicts"], 1);
    assert_eq!(instance(&pair.second)?["vip_conflicts"], 0);
    // Nobody else was told by the question who has the address, and no election followed from it.
    let neighbors = pair.duo.lab.client.host.namespace.ip("-6 neighbour show")?;
    ensure!(!neighbors.contains(&other.mac("eth0")?), "{neighbors}");
    assert_eq!(pair.succession()?, [FIRST]);

    other
        .namespace
        .ip(&format!("address del {SHARED6}/128 dev eth0"))?;
    wait::until("it is over", SOON.saturating_mul(2), || {
        (instance(&pair.first).ok()?["vip_conflicts"] == 0).then_some(())
    })
}

#[test]
fn s2_05_a_real_server_that_answers_for_the_address_is_an_alarm_that_names_it() -> Result<()> {
    let duo = Duo::create()?;
    let real = &duo.lab.real_server;
    let _web = duo.lab.start_web_server(real)?;
    let service = Service::tcp(vip(80), "rr").real_server(real, "");
    let instance = Instance::quick(100).address(VIP);
    let mut first = duo.director(&duo.first, configuration_with(&instance, &[service]))?;
    first.start()?;
    first.await_state(80, real.address, "up", SOON)?;
    for scope in ["all", "lo"] {
        let setting = format!("net/ipv4/conf/{scope}/arp_ignore");
        real.namespace.set(&setting, "0")?;
    }
    let warning = first.await_warning("answers ARP for 192.168.66.251", SOON)?;
    for words in ["192.168.66.253", &real.mac("eth0")?, "arp_ignore=1"] {
        ensure!(warning.contains(words), "no {words}: {warning}");
    }
    Ok(())
}

#[test]
fn s1_20_another_cluster_with_our_number_is_an_alarm() -> Result<()> {
    let duo = Duo::create()?;
    let foreign = Instance::quick(50).address("10.9.9.9/24");
    let mut cluster = duo.director(&duo.second, foreign)?;
    cluster.start()?;
    let mut ours = duo.director(&duo.first, Instance::quick(100))?;
    ours.start()?;
    ours.await_log(
        "192.168.66.12 has another list of virtual addresses: 10.9.9.9, ours: 192.168.66.240; no address is on both lists",
        SOON,
    )
}

#[test]
fn s1_13_a_firewall_that_drops_vrrp_both_ways_makes_no_second_master() -> Result<()> {
    let duo = Duo::create()?;
    for host in [&duo.first, &duo.second] {
        drop_vrrp(host)?;
    }
    let mut pair = Pair::start_on(duo, Instance::quick(100), Instance::quick(90))?;
    pair.await_first(SHARED)?;
    pair.await_adverts(&pair.duo.first, 5)?;
    assert_eq!(pair.succession()?, [FIRST]);
    // The firewall is there, and has dropped what the election heard before.
    let second = &pair.duo.second.namespace;
    let rules = second.run(Command::new("nft").args(["list", "chain", "inet", "lab", "in"]))?;
    ensure!(
        !rules.contains("packets 0 "),
        "nothing was dropped: {rules}"
    );

    pair.first.terminate()?;
    pair.await_second(SHARED)?;
    pair.first.start()?;
    pair.await_first(SHARED)?;
    assert_eq!(pair.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

#[test]
fn s1_03_s1_14_each_reason_why_an_advertisement_does_not_count_has_its_counter() -> Result<()> {
    let duo = Duo::create()?;
    let unicast = Instance::quick(100)
        .named("UNI", 70)
        .with("unicast_peer {\n    192.168.66.12\n  }\n  check_unicast_src")
        .address("192.168.66.242/23");
    let instances = Instance::classic(100).to_string() + &unicast.to_string();
    let mut director = duo.director(&duo.first, instances)?;
    director.start()?;
    let forger = Forger::on(&duo.lab.client.host)?;
    let good = advertisement(50);
    let message = |advertisement: &Advertisement| emit(advertisement, &forger);
    let mut counted = Counted::of(&director, "INT");

    counted.expect("length", || forger.send(&message(&good)[..19]))?;
    counted.expect("length", || {
        forger.send(&[message(&good), vec![0; 4]].concat())
    })?;
    counted.expect("ttl", || forger.send_with_ttl(254, &message(&good)))?;
    let version_3 = Advertisement {
        version: Version::Three,
        ..good.clone()
    };
    counted.expect("version", || forger.send(&message(&version_3)))?;
    let open = Advertisement {
        authentication: Authentication::None,
        ..good.clone()
    };
    counted.expect("auth_type", || forger.send(&message(&open)))?;
    let stranger = Advertisement {
        authentication: Authentication::password(b"lvs50TES"),
        ..good.clone()
    };
    counted.expect("auth_data", || forger.send(&message(&stranger)))?;
    let slow = Advertisement {
        interval: Duration::from_secs(2),
        ..good.clone()
    };
    counted.expect("interval", || forger.send(&message(&slow)))?;
    let mut other_type = message(&good);
    other_type[0] = 0x22;
    counted.expect("type", || forger.send(&other_type))?;
    let mut damaged = message(&good);
    damaged[2] ^= 1;
    counted.expect("checksum", || forger.send(&damaged))?;
    counted.expect("destination", || {
        forger.send_alone(&duo.first, &message(&good))
    })?;

    let unknown = Advertisement {
        version: Version::Three,
        virtual_router_id: 70,
        ..good.clone()
    };
    let mut counted_too = Counted::of(&director, "UNI");
    counted_too.expect("source", || {
        forger.send_alone(&duo.first, &to_host(&unknown, &forger, &duo.first))
    })?;

    // None of them was the good one, and that is still good.
    let received = |election: &Value| election["counters"]["received"].clone();
    assert_eq!(received(&director.election("INT")?), 0);
    forger.send(&message(&good))?;
    wait::until("the good one counts", SOON, || {
        (received(&director.election("INT").ok()?) == 1).then_some(())
    })?;
    counted.is_unchanged()?;
    director.await_role("MASTER", SOON)
}

#[test]
fn messages_of_every_length_but_the_right_one_do_no_harm() -> Result<()> {
    let duo = Duo::create()?;
    let mut director = duo.director(&duo.first, Instance::classic(100))?;
    director.start()?;
    let forger = Forger::on(&duo.lab.client.host)?;
    let whole = emit(&advertisement(200), &forger);
    // Of the greater ones some have more addresses than any packet of the link could hold.
    let mut long = [whole.clone(), vec![0xff; 1400]].concat();
    long[3] = 255;
    let lengths = (0..whole.len()).chain([whole.len() + 1, 64, 1028, 1400]);
    let mut sent = 0;
    for length in lengths {
        let message = if length < whole.len() { &whole } else { &long };
        forger.send(&message[..length])?;
        sent += 1;
    }
    wait::until("each of them is counted", SOON, || {
        let rejected = rejected(&director.election("INT").ok()?);
        (rejected == BTreeMap::from([("length".to_owned(), sent)])).then_some(())
    })
    .with_context(|| format!("{sent} were sent: {:?}", director.election("INT")))?;
    director.await_role("MASTER", SOON)
}

#[test]
fn a_storm_of_advertisements_moves_nothing_and_delays_nothing() -> Result<()> {
    const STORM: Duration = Duration::from_secs(2);
    let pair = Pair::start(Instance::classic(100), Instance::classic(90))?;
    pair.await_first(SHARED)?;
    // The flood would leave no room for what is to be heard, so only one host is listened to.
    let own = pair.duo.lab.listen_to(&pair.duo.first)?;
    let forger = Forger::on(&pair.duo.lab.client.host)?;
    let stranger = Advertisement {
        authentication: Authentication::password(b"stranger"),
        ..advertisement(200)
    };
    // One kind does not count; of the other kind each asks for an answer.
    for storm in [stranger, advertisement(50)] {
        let sent = forger.storm(STORM, &emit(&storm, &forger))?;
        eprintln!("{} packets a second", sent / STORM.as_secs());
        ensure!(sent > 10_000, "no storm: {sent} packets");
    }
    let before = own.adverts().len();
    wait::until("the first one has gone on", SOON, || {
        (own.adverts().len() > before + 1).then_some(())
    })?;

    let adverts = own.adverts();
    let pause = longest_pause(&adverts).context("it never advertised")?;
    ensure!(
        pause < Duration::from_secs(3),
        "it was silent for {pause:?}: {adverts:?}"
    );
    ensure!(
        adverts.iter().all(|advert| advert.priority == 100),
        "{adverts:?}"
    );
    for (director, became_master) in [(&pair.first, 1), (&pair.second, 0)] {
        let election = director.election("INT")?;
        assert_eq!(election["counters"]["became_master"], became_master);
        ensure!(
            rejected(&election)
                .get("auth_data")
                .is_some_and(|count| *count > 100),
            "it did not hear the storm: {election}"
        );
    }
    assert_eq!(pair.duo.holders(SHARED)?, [FIRST]);
    Ok(())
}

/// Counters of one instance as they should be.
struct Counted<'a> {
    director: &'a Director,
    instance: &'static str,
    rejected: BTreeMap<String, u64>,
}

impl<'a> Counted<'a> {
    fn of(director: &'a Director, instance: &'static str) -> Self {
        Self {
            director,
            instance,
            rejected: BTreeMap::new(),
        }
    }

    /// Does what is to be counted by this one reason and by no other.
    fn expect(&mut self, reason: &str, send: impl FnOnce() -> Result<()>) -> Result<()> {
        send()?;
        *self.rejected.entry(reason.to_owned()).or_default() += 1;
        let counted = || {
            let election = self.director.election(self.instance).ok()?;
            (rejected(&election) == self.rejected).then_some(())
        };
        wait::until(&format!("one more is counted by {reason}"), SOON, counted)
            .with_context(|| format!("{:?}", self.director.election(self.instance)))
    }

    fn is_unchanged(&self) -> Result<()> {
        let election = self.director.election(self.instance)?;
        assert_eq!(rejected(&election), self.rejected);
        Ok(())
    }
}

fn rejected(election: &Value) -> BTreeMap<String, u64> {
    let counters = election["counters"]["rejected"].as_object();
    let counters = counters.into_iter().flatten();
    counters
        .filter_map(|(reason, count)| Some((reason.clone(), count.as_u64()?)))
        .collect()
}

fn peer_of(election: &Value, address: &str) -> Result<Value> {
    let mut peers = election["peers"].as_array().into_iter().flatten();
    peers
        .find(|peer| peer["address"] == address)
        .cloned()
        .with_context(|| format!("{address} was not heard: {election}"))
}

/// What a peer of [`Instance::classic`] says.
fn advertisement(priority: u8) -> Advertisement {
    Advertisement {
        version: Version::Two,
        virtual_router_id: 65,
        priority,
        interval: Duration::from_secs(1),
        authentication: Authentication::password(b"lvs50tes"),
        addresses: vec![IpAddr::V4(SHARED)],
    }
}

/// The message for the group.
fn emit(advertisement: &Advertisement, forger: &Forger) -> Vec<u8> {
    let endpoints = Endpoints::V4 {
        source: forger.address,
        destination: [224, 0, 0, 18].into(),
    };
    advertisement.emit(endpoints, Coverage::PseudoHeader)
}

/// The message for one host.
fn to_host(advertisement: &Advertisement, forger: &Forger, host: &Host) -> Vec<u8> {
    let endpoints = Endpoints::V4 {
        source: forger.address,
        destination: host.address,
    };
    advertisement.emit(endpoints, Coverage::PseudoHeader)
}

fn drop_vrrp(host: &Host) -> Result<()> {
    let rules = "table inet lab {\n  chain in {\n    type filter hook input priority 0\n    meta l4proto 112 counter drop\n  }\n  \
                 chain out {\n    type filter hook output priority 0\n    meta l4proto 112 counter drop\n  }\n}\n";
    host.namespace.run(Command::new("nft").arg(rules)).map(drop)
}
