//! Two directors that forward: what a client sees when the other one takes over.

use std::{
    io::Write as _,
    net::{IpAddr, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use lab::{
    Connection, Databases, Director, Duo, Echo, Host, Instance, Link, MariaDb, Prober, Service,
    VIP, VIP6, XdpMode, configuration_with, vip, vips, wait,
};
use serde_json::Value;

use crate::{
    AT_ONCE, SHORT, SOON,
    elections::{FIRST, Pair, SECOND},
    told::is_reset,
};

in_both_modes!(
    s0_02_after_a_switchover_no_client_keeps_a_dead_connection,
    s0_02_after_a_crash_no_client_that_speaks_keeps_a_dead_connection,
    s0_04_a_request_that_falls_into_the_takeover_is_answered_by_the_new_master,
    s2_23_a_server_that_failed_in_the_standby_s_time_gets_nothing_after_the_takeover,
    s2_27_the_standby_has_the_same_table_and_says_that_it_is_standby,
    s2_26_a_clean_stop_costs_a_client_no_answer,
    s2_28_no_client_keeps_a_dead_connection_when_the_better_director_returns,
);

/// Of each family one that works, with the server's name for its session, and one that only waits.
struct Clients {
    working: Vec<(Connection, String)>,
    waiting: Vec<TcpStream>,
}

/// Two directors with one table of servers, and the servers.
struct Forwarding {
    pair: Pair,
    databases: Databases,
}

impl Forwarding {
    fn start(mode: XdpMode) -> Result<Self> {
        let duo = Duo::create_in(mode)?;
        let databases = duo.lab.start_databases()?;
        let hosts = [&duo.lab.real_server, &duo.lab.sorry_server];
        let services = vips(3306).map(|vip| Service::tcp(vip, "rr").real_servers(hosts, ""));
        let [first, second] = [100, 90].map(|priority| {
            let instance = Instance::quick(priority).address(VIP);
            let instance6 = Instance::quick(priority).named("INT6", 66).address(VIP6);
            instance6.to_string() + &configuration_with(&instance, &services)
        });
        let forwarding = Self {
            pair: Pair::start_on(duo, first, second)?,
            databases,
        };
        let pair = &forwarding.pair;
        for (port, address) in services.iter().flat_map(Service::servers) {
            for director in [&pair.first, &pair.second] {
                director.await_state(port, address, "up", SOON)?;
            }
        }
        pair.await_first(VIP)?;
        pair.await_first(VIP6)?;
        Ok(forwarding)
    }

    /// Opens connections that a switchover will be the end of.
    fn clients(&self) -> Result<Clients> {
        let client = &self.pair.duo.lab.client;
        let mut clients = Clients {
            working: Vec::new(),
            waiting: Vec::new(),
        };
        for vip in vips(3306) {
            let mut open = client.open(vip)?;
            let session = open.ask("select concat(@@server_id, ' ', connection_id())", SHORT)?;
            clients.working.push((open, session));
            clients.waiting.push(client.greeted_by(vip, SHORT)?.1);
        }
        Ok(clients)
    }

    /// Both ends of all of them are told, whether they speak or not, and new ones are served.
    fn are_over(&self, clients: Clients) -> Result<()> {
        let (client, databases) = (&self.pair.duo.lab.client, &self.databases);
        for mut waiting in clients.waiting {
            is_reset(&mut waiting, AT_ONCE)?;
        }
        for (mut working, session) in clients.working {
            is_over(working.ask("select 1", SHORT))?;
            let (server, number) = session.split_once(' ').context("no session")?;
            let of = |database: &&MariaDb| database.id().0.to_string() == server;
            let mut both = [&databases.real_3306, &databases.sorry_3306].into_iter();
            let database = both.find(of).context("no such server")?;
            let listed =
                format!("select count(*) from information_schema.processlist where id = {number}");
            wait::until("the server has ended the session", SOON, || {
                let listed = client.query(database.address(), &listed).ok()?;
                (listed == "0").then_some(())
            })?;
        }
        for vip in vips(3306) {
            client.who_answers(vip)?;
        }
        Ok(())
    }

    fn host(&self) -> &Host {
        &self.pair.duo.first
    }
}

fn s0_02_after_a_switchover_no_client_keeps_a_dead_connection(mode: XdpMode) -> Result<()> {
    let mut forwarding = Forwarding::start(mode)?;
    let clients = forwarding.clients()?;
    forwarding.pair.first.terminate()?;
    forwarding.pair.await_second(VIP)?;
    forwarding.pair.await_second(VIP6)?;
    // The new Master knows none of them; the old one has told them all before it ended.
    forwarding.are_over(clients)
}

/// Nobody is left who could tell them: whoever speaks is told at once, and need not wait for a timeout.
fn s0_02_after_a_crash_no_client_that_speaks_keeps_a_dead_connection(mode: XdpMode) -> Result<()> {
    let mut forwarding = Forwarding::start(mode)?;
    let client = forwarding.pair.duo.lab.client.clone();
    let mut busy = client.open(vip(3306))?;
    busy.ask("select 1", SHORT)?;
    let (_, mut idle) = client.greeted_by(vip(3306), SHORT)?;

    forwarding.pair.first.kill_9()?;
    forwarding.pair.await_second(VIP)?;
    is_over(busy.ask("select 1", SHORT))?;
    idle.write_all(b"still there?")?;
    is_reset(&mut idle, SHORT)?;
    client.who_answers(vip(3306)).map(drop)
}

fn s0_04_a_request_that_falls_into_the_takeover_is_answered_by_the_new_master(
    mode: XdpMode,
) -> Result<()> {
    let forwarding = Forwarding::start(mode)?;
    let client = forwarding.pair.duo.lab.client.clone();
    let mut open = client.open(vip(3306))?;
    open.ask("select 1", SHORT)?;
    let before = client.tcp_counters()?;

    forwarding.host().set_link(Link::Down)?;
    // Lost, as nobody has the address now; sent again by the client's TCP until somebody answers.
    is_over(open.ask("select 1", SHORT))?;
    forwarding.pair.second.await_role("MASTER", SOON)?;
    let after = client.tcp_counters()?;
    ensure!(
        after.lost_segments > before.lost_segments,
        "nothing fell into the takeover: {before:?}, then {after:?}"
    );
    client.who_answers(vip(3306)).map(drop)
}

fn s2_23_a_server_that_failed_in_the_standby_s_time_gets_nothing_after_the_takeover(
    mode: XdpMode,
) -> Result<()> {
    let mut forwarding = Forwarding::start(mode)?;
    let lab = &forwarding.pair.duo.lab;
    let (client, real) = (lab.client.clone(), lab.real_server.address);
    forwarding.databases.real_3306.kill()?;
    // It is BACKUP, and looks all the same.
    let standby = &forwarding.pair.second;
    standby.await_state(3306, real, "down", SOON)?;
    standby.await_role("BACKUP", SOON)?;

    forwarding.pair.first.terminate()?;
    forwarding.pair.await_second(VIP)?;
    let alive = forwarding.databases.sorry_3306.id();
    for number in 0..20 {
        let (answered, _) = client.greeted_by(vip(3306), SHORT)?;
        ensure!(answered == alive, "connection {number}: {answered:?}");
    }
    Ok(())
}

fn s2_27_the_standby_has_the_same_table_and_says_that_it_is_standby(mode: XdpMode) -> Result<()> {
    let mut forwarding = Forwarding::start(mode)?;
    let pair = &mut forwarding.pair;
    let table = pair.first.list(&[])?;
    assert_eq!(pair.second.list(&[])?, table);
    let says = |page: String, role: &str| {
        let mut lines = page.lines();
        let row = lines.find(|line| line.contains("INT") && line.contains(role));
        ensure!(row.is_some(), "not {role}:\n{page}");
        Ok(())
    };
    says(pair.first.ask(&["status"])?, "MASTER")?;
    says(pair.second.ask(&["status"])?, "BACKUP")?;
    for (director, role) in [(&pair.first, "MASTER"), (&pair.second, "BACKUP")] {
        let listing: Value = serde_json::from_str(&director.list(&["--json"])?)?;
        let service = &listing["services"][0];
        assert_eq!(
            (&service["instance"], &service["role"]),
            (&"INT".into(), &role.into())
        );
    }
    // A person is told; a program finds what ipvsadm would print, and nothing else.
    let page = list_on_a_terminal(&pair.first)?;
    ensure!(!page.contains("note:"), "{page}");
    let page = list_on_a_terminal(&pair.second)?;
    let note = page
        .lines()
        .find(|line| line.starts_with("note: INT is BACKUP for "));
    ensure!(
        note.is_some_and(|note| note.ends_with("forwarded by the MASTER, 192.168.66.6")),
        "{page}"
    );
    let mut list = pair.second.command("list");
    let output = pair
        .second
        .outcome(list.arg("--socket").arg(&pair.second.socket))?;
    ensure!(output.stderr.is_empty(), "{output:?}");

    pair.first.terminate()?;
    pair.await_second(VIP)?;
    assert_eq!(pair.second.list(&[])?, table);
    says(pair.second.ask(&["status"])?, "MASTER")
}

fn s2_26_a_clean_stop_costs_a_client_no_answer(mode: XdpMode) -> Result<()> {
    const PORT: u16 = 7;
    const ASK_EACH: Duration = Duration::from_millis(5);
    /// The other one waits for 0.65 s before it takes over: 130 questions. What is lost is what is on its way in that moment.
    const MOST_LOST: usize = 13;
    let duo = Duo::create_in(mode)?;
    let (client, real) = (duo.lab.client.clone(), duo.lab.real_server.clone());
    let _echo = Echo::start(&real, vip(PORT))?;
    let services = [Service::udp(vip(PORT), "rr").real_server(&real, "")];
    let [first, second] = [100, 90]
        .map(|priority| configuration_with(&Instance::classic(priority).address(VIP), &services));
    let mut pair = Pair::start_on(duo, first, second)?;
    pair.await_first(VIP)?;
    for director in [&pair.first, &pair.second] {
        director.await_state(PORT, real.address, "up", SOON)?;
    }

    let prober = Prober::ask(&client, vip(PORT), ASK_EACH)?;
    pair.await_adverts(&pair.duo.first, 1)?;
    pair.first.terminate()?;
    pair.await_second(VIP)?;
    pair.await_adverts(&pair.duo.second, 1)?;
    let probed = prober.finish()?;
    ensure!(probed.lost <= MOST_LOST, "{probed:?}");
    let by = [real.mac("eth0")?];
    ensure!(probed.answered_by.keys().eq(&by), "{probed:?}");
    assert_eq!(pair.succession()?, [FIRST, SECOND]);
    Ok(())
}

fn s2_28_no_client_keeps_a_dead_connection_when_the_better_director_returns(
    mode: XdpMode,
) -> Result<()> {
    let mut forwarding = Forwarding::start(mode)?;
    forwarding.pair.first.terminate()?;
    for vip in [IpAddr::from(VIP), VIP6.into()] {
        forwarding.pair.await_second(vip)?;
    }
    let clients = forwarding.clients()?;
    forwarding.pair.first.start()?;
    for vip in [IpAddr::from(VIP), VIP6.into()] {
        forwarding.pair.await_first(vip)?;
    }
    forwarding.are_over(clients)
}

/// What a person sees who types `director list`, both outputs together.
fn list_on_a_terminal(director: &Director) -> Result<String> {
    let words = format!(
        "{} list --socket {}",
        Path::new(director.command("list").get_program()).display(),
        director.socket.display()
    );
    let mut script = Command::new("script");
    let output = director.outcome(script.args(["-qec", &words, "/dev/null"]))?;
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8_lossy(&output.stdout).replace('\r', ""))
}

/// A connection that has ended says so; one that is dead says nothing.
fn is_over(answer: Result<String>) -> Result<()> {
    let Err(error) = answer else {
        anyhow::bail!("the connection goes on, but its flow was another director's");
    };
    ensure!(
        error.to_string().starts_with("the connection has ended"),
        "{error:#}"
    );
    Ok(())
}
