//! What the scenarios rely on: the lab is what it claims to be, without a director in it.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use lab::{Lab, LabId, ServerId, VIP, XdpMode, remnants, vip};

const SHORT: Duration = Duration::from_millis(500);

#[test]
fn every_server_answers_on_its_own_address() -> Result<()> {
    let lab = Lab::create(XdpMode::Native)?;
    let databases = lab.start_databases()?;
    for server in [
        &databases.real_3306,
        &databases.real_3308,
        &databases.sorry_3306,
        &databases.sorry_3308,
    ] {
        assert_eq!(lab.client.who_answers(server.address())?, server.id());
        assert_eq!(
            lab.client.greeted_by(server.address(), SHORT)?.0,
            server.id()
        );
    }
    Ok(())
}

#[test]
fn nobody_answers_for_the_vip_without_a_director() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let _databases = lab.start_databases()?;
    assert_eq!(
        lab.real_server.addresses("lo")?,
        ["127.0.0.1/8", "192.168.66.251/32"]
    );
    let error = lab
        .client
        .connect(vip(3306), SHORT)
        .expect_err("nobody answers");
    ensure!(
        lab.client
            .host
            .namespace
            .ip("neighbor show")?
            .contains("192.168.66.251 dev eth0"),
        "no ARP was tried: {error:#}"
    );
    ensure!(
        !lab.client
            .host
            .namespace
            .ip("neighbor show")?
            .contains("lladdr"),
        "somebody answered by ARP"
    );
    Ok(())
}

#[test]
fn a_killed_server_refuses_and_a_restarted_one_has_its_rows() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let mut databases = lab.start_databases()?;
    let address = databases.real_3306.address();
    lab.client
        .query(address, "create table t (i int); insert into t values (7)")?;
    databases.real_3306.kill()?;
    ensure!(
        lab.client.connect(address, SHORT).is_err(),
        "a killed server accepts"
    );
    databases.real_3306.start()?;
    assert_eq!(lab.client.query(address, "select i from t")?, "7");
    Ok(())
}

#[test]
fn an_open_connection_notices_that_its_server_was_killed() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let mut databases = lab.start_databases()?;
    let mut connection = lab.client.open(databases.real_3306.address())?;
    let limit = Duration::from_secs(5);
    assert_eq!(
        connection.ask("select @@server_id", limit)?,
        ServerId::at(lab.real_server.address, 3306).0.to_string()
    );
    assert_eq!(connection.ask("select 1 + 1", limit)?, "2");
    databases.real_3306.kill()?;
    let error = connection
        .ask("select 3", limit)
        .expect_err("the server is gone")
        .to_string();
    ensure!(
        error.contains("the connection has ended: ERROR 20"),
        "{error}"
    );
    Ok(())
}

#[test]
fn nothing_is_left_of_a_lab() -> Result<()> {
    let lab = Lab::create(XdpMode::Native)?;
    let databases = lab.start_databases()?;
    let (id, folder) = (lab.id.clone(), lab.folder());
    ensure!(
        Path::new("/run/netns")
            .join(id.namespace("client"))
            .exists()
            && folder.exists(),
        "the lab is not there"
    );
    // The servers still run when the lab goes.
    drop(lab);
    drop(databases);
    ensure!(
        leftovers(&id)?.is_empty() && !folder.exists(),
        "left: {:?}",
        leftovers(&id)?
    );
    Ok(())
}

#[test]
fn nothing_is_left_of_a_lab_whose_test_panicked() -> Result<()> {
    let id = LabId::next();
    let panicked = std::panic::catch_unwind(|| {
        let lab = Lab::create(XdpMode::Generic).expect("a lab");
        panic!("{}", lab.id);
    });
    let id_of_panicked = panicked
        .expect_err("it panics")
        .downcast_ref::<String>()
        .and_then(|text| LabId::of(text));
    let id_of_panicked = id_of_panicked.expect("a lab's name, not another panic");
    assert_ne!(id, id_of_panicked);
    ensure!(
        leftovers(&id_of_panicked)?.is_empty(),
        "left: {:?}",
        leftovers(&id_of_panicked)?
    );
    Ok(())
}

#[test]
fn what_a_killed_run_left_is_removed_unless_it_was_kept() -> Result<()> {
    // No process has this id: it is above the kernel's highest (2^22).
    let (dead, kept) = (
        LabId::of("dlab-4194399-0").expect("an id"),
        LabId::of("dlab-4194399-1").expect("an id"),
    );
    for id in [&dead, &kept] {
        // Kept from the start, or a lab of another test would take it for what it is.
        std::fs::create_dir_all(id.folder())?;
        remnants::keep(id)?;
        lab::Namespace::create(id, "client")?;
    }
    std::fs::remove_file(dead.folder().join("keep"))?;
    remnants::remove_of_dead_runs();
    ensure!(
        leftovers(&dead)?.is_empty(),
        "left: {:?}",
        leftovers(&dead)?
    );
    ensure!(
        leftovers(&kept)?.len() == 1 && remnants::kept().contains(&kept),
        "a kept lab is gone"
    );
    remnants::remove(&kept);
    ensure!(
        leftovers(&kept)?.is_empty(),
        "left: {:?}",
        leftovers(&kept)?
    );
    Ok(())
}

#[test]
fn lost_packets_are_counted() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let _databases = lab.start_databases()?;
    let before = lab.client.tcp_counters()?;
    lab.client.who_answers(lab_address(&lab))?;
    assert_eq!(
        lab.client.tcp_counters()?.lost_segments,
        before.lost_segments
    );
    // A neighbor that is known but whose cable is cut: the SYN goes out, and again, and is lost.
    lab.real_server.set_link(lab::Link::Down)?;
    ensure!(
        lab.client
            .connect(lab_address(&lab), Duration::from_millis(1500))
            .is_err(),
        "a cut cable carries"
    );
    ensure!(
        lab.client.tcp_counters()?.lost_segments > before.lost_segments,
        "no loss was counted"
    );
    Ok(())
}

fn lab_address(lab: &Lab) -> std::net::SocketAddrV4 {
    std::net::SocketAddrV4::new(lab.real_server.address, 3306)
}

/// The namespaces that are left of a lab.
fn leftovers(id: &LabId) -> Result<Vec<String>> {
    let names = std::fs::read_dir("/run/netns")?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names
        .filter(|name| LabId::of(name).as_ref() == Some(id))
        .collect())
}

#[test]
fn the_vip_is_the_one_of_the_example() {
    assert!(include_str!("../../examples/keepalived-master.conf").contains(&VIP.to_string()));
}
