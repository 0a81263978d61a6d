//! Nobody left hanging: when a server goes, both ends of each of its connections are told.

use std::{
    io::{ErrorKind, Read as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use lab::{Lab, Link, Service, XdpMode, parallel, vips, wait};

use crate::{
    AT_ONCE, SHORT, SOON, Serving,
    pair::{Pair, RESET, with_both},
};

in_both_modes!(
    s0_11_an_idle_client_is_told_when_its_server_fails_and_that_is_on_record,
    s3_08_s3_12_a_removed_server_s_clients_are_told_and_its_own_end_is_over,
    a_client_that_has_just_begun_is_told,
    a_client_is_told_of_a_host_that_is_gone,
    a_client_that_nothing_can_be_sent_to_counts_as_untold_and_learns_it_when_it_speaks,
    clients_behind_a_router_are_told,
    the_clients_of_the_other_server_never_notice,
    s0_06_a_connection_that_was_idle_for_too_long_is_over_at_both_ends,
    s2_29_the_clients_of_the_sorry_server_are_told_when_it_is_relieved,
    s2_33_the_sorry_server_goes_on_until_the_operator_says_so,
);

fn s0_11_an_idle_client_is_told_when_its_server_fails_and_that_is_on_record(
    mode: XdpMode,
) -> Result<()> {
    let mut pair = Pair::start(mode)?;
    let mut idle = Vec::new();
    for vip in vips(3306) {
        idle.push((vip, pair.idle_at_real(vip)?));
    }
    pair.databases.real_3308.kill()?;
    for (vip, stream) in &mut idle {
        is_reset(stream, SOON).with_context(|| vip.to_string())?;
    }
    // Each is on record, with the reason.
    let events = pair.serving.director.ask(&["events", "--json"])?;
    let events: Vec<serde_json::Value> = events
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    for (vip, stream) in &idle {
        let client = stream.local_addr()?.to_string();
        let event = events.iter().find(|event| event["client"] == client);
        let event = event.with_context(|| format!("{client} is not on record"))?;
        assert_eq!(event["vip"], vip.to_string());
        assert_eq!(
            (&event["client_told"], &event["server_told"]),
            (&true.into(), &true.into())
        );
        let reason = event["reason"].as_str().unwrap_or_default();
        ensure!(reason.starts_with("a check failed: "), "{event}");
    }
    let status = pair.serving.director.status()?;
    assert_eq!(status["told"]["untold_clients"], 0, "{status}");
    assert_eq!(status["told"]["untold_servers"], 0, "{status}");
    pair.serving
        .director
        .await_log("both ends of its connections were told", SOON)
}

fn s3_08_s3_12_a_removed_server_s_clients_are_told_and_its_own_end_is_over(
    mode: XdpMode,
) -> Result<()> {
    let pair = Pair::start(mode)?;
    let (client, real) = (&pair.lab.client, &pair.databases.real_3306);
    for vip in vips(3306) {
        let (mut open, number) = pair.open_at_real(vip)?;
        assert_eq!(open.ask("select get_lock('held', 0)", SHORT)?, "1");
        let mut idle = pair.idle_at_real(vip)?;

        pair.remove_real()?;
        is_reset(&mut idle, AT_ONCE)?;
        // The client program learns it when it is used, and not after minutes.
        let began = Instant::now();
        let error = open.ask("select 1", SHORT).expect_err("its server is gone");
        ensure!(
            began.elapsed() < AT_ONCE && format!("{error:#}").contains("has ended"),
            "{error:#}"
        );
        let session =
            format!("select count(*) from information_schema.processlist where id = {number}");
        wait::until("the server has ended the session", SOON, || {
            let listed = client.query(real.address(), &session).ok()?;
            (listed == "0").then_some(())
        })?;
        assert_eq!(
            client.query(real.address(), "select is_free_lock('held')")?,
            "1",
            "the lock is still held"
        );

        pair.reload(&with_both(&pair.lab, RESET))?;
    }
    Ok(())
}

/// A connection whose client has sent nothing but the handshake.
fn a_client_that_has_just_begun_is_told(mode: XdpMode) -> Result<()> {
    let pair = Pair::start(mode)?;
    for vip in vips(3306) {
        // One of two goes to the real server.
        let mut both = [
            pair.lab.client.connect(vip, SHORT)?,
            pair.lab.client.connect(vip, SHORT)?,
        ];
        pair.remove_real()?;
        let told = both
            .iter_mut()
            .map(|stream| is_reset(stream, AT_ONCE))
            .filter(Result::is_ok)
            .count();
        assert_eq!(told, 1, "{vip}");
        pair.reload(&with_both(&pair.lab, RESET))?;
    }
    Ok(())
}

/// Nothing answers for the host any more, not even a reset of its own.
fn a_client_is_told_of_a_host_that_is_gone(mode: XdpMode) -> Result<()> {
    let pair = Pair::start(mode)?;
    let [vip, _] = vips(3306);
    let mut idle = pair.idle_at_real(vip)?;
    pair.lab.real_server.set_link(Link::Down)?;
    is_reset(&mut idle, SOON)?;
    let status = pair.serving.director.status()?;
    assert_eq!(status["told"]["untold_clients"], 0, "{status}");
    Ok(())
}

/// The director's own kernel refuses the packet; that is told, and the packet path answers all the same.
fn a_client_that_nothing_can_be_sent_to_counts_as_untold_and_learns_it_when_it_speaks(
    mode: XdpMode,
) -> Result<()> {
    let pair = Pair::start(mode)?;
    let [vip, _] = vips(3306);
    let (mut open, _) = pair.open_at_real(vip)?;
    let client = pair.lab.client.host.address;
    let director = &pair.lab.director;
    director
        .namespace
        .ip(&format!("route add prohibit {client}/32"))?;
    pair.remove_real()?;
    let status = wait::until("the end is counted", SOON, || {
        let status = pair.serving.director.status().ok()?;
        (status["told"]["connections"] == 1).then_some(status)
    })?;
    assert_eq!(status["told"]["untold_clients"], 1, "{status}");
    assert_eq!(status["told"]["untold_servers"], 0, "{status}");
    pair.serving
        .director
        .await_log("not every end could be told", SOON)?;
    let began = Instant::now();
    ensure!(open.ask("select 1", SHORT).is_err() && began.elapsed() < AT_ONCE);
    Ok(())
}

fn clients_behind_a_router_are_told(mode: XdpMode) -> Result<()> {
    let pair = Pair::start(mode)?;
    let remote = pair.lab.add_remote_client(1500)?;
    let mut idle = Vec::new();
    for vip in vips(3306) {
        let real = pair.databases.real_3306.id();
        let found = (0..4).find_map(|_| {
            let (id, stream) = remote.client.greeted_by(vip, SHORT).ok()?;
            (id == real).then_some(stream)
        });
        idle.push((vip, found.context("no connection to the real server")?));
    }
    pair.remove_real()?;
    for (vip, stream) in &mut idle {
        is_reset(stream, AT_ONCE).with_context(|| vip.to_string())?;
    }
    Ok(())
}

fn the_clients_of_the_other_server_never_notice(mode: XdpMode) -> Result<()> {
    let pair = Pair::start(mode)?;
    let [vip, _] = vips(3306);
    let streams = parallel(200, |_| {
        pair.lab.client.greeted_by(vip, Duration::from_secs(5))
    })?;
    let real = pair.databases.real_3306.id();
    let before = pair.lab.client.tcp_counters()?;
    pair.remove_real()?;
    let (mut told, mut spared) = (0, 0);
    for (id, mut stream) in streams {
        if id == real {
            is_reset(&mut stream, AT_ONCE)?;
            told += 1;
        } else {
            stream.set_read_timeout(Some(Duration::from_millis(1)))?;
            let error = stream.read(&mut [0; 256]).err();
            // More of the greeting may have come; what matters is that it has not ended.
            ensure!(
                error.is_none_or(|error| error.kind() == ErrorKind::WouldBlock),
                "another server's client was told"
            );
            spared += 1;
        }
    }
    ensure!(told > 80 && spared > 80, "{told} told, {spared} spared");
    let after = pair.lab.client.tcp_counters()?;
    assert_eq!(after.established_resets - before.established_resets, told);
    Ok(())
}

fn s0_06_a_connection_that_was_idle_for_too_long_is_over_at_both_ends(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let databases = lab.start_databases()?;
    let service = |vip, setting: &str| {
        let service = Service::tcp(vip, "rr").with("idle_timeout 2").with(setting);
        service.real_server(&lab.real_server, "")
    };
    let [v4, v6] = vips(3306);
    let services = [service(v4, "on_idle reset"), service(v6, "on_idle silent")];
    let _serving = Serving::start(&lab, &services)?;
    let mut open = lab.client.open(v4)?;
    let number = open.ask("select connection_id()", SHORT)?;
    let (_, mut idle) = lab.client.greeted_by(v4, SHORT)?;
    let (_, mut forgotten) = lab.client.greeted_by(v6, SHORT)?;
    is_reset(&mut idle, SOON)?;
    let session =
        format!("select count(*) from information_schema.processlist where id = {number}");
    let server = databases.real_3306.address();
    wait::until("the server has ended the session", SOON, || {
        (lab.client.query(server, &session).ok()? == "0").then_some(())
    })?;
    // The other service forgets in silence, which is what IPVS does.
    forgotten.set_read_timeout(Some(Duration::from_secs(1)))?;
    let untold = forgotten.read(&mut [0; 256]).err();
    ensure!(
        untold.is_none_or(|error| error.kind() == ErrorKind::WouldBlock),
        "told all the same"
    );
    Ok(())
}

fn s2_29_the_clients_of_the_sorry_server_are_told_when_it_is_relieved(mode: XdpMode) -> Result<()> {
    let lab = Lab::create(mode)?;
    let mut databases = lab.start_databases()?;
    let [vip, _] = vips(3306);
    let service = Service::tcp(vip, "rr")
        .with("sorry_server 192.168.66.254 3306")
        .with("on_relief reset")
        .real_server(&lab.real_server, "");
    let serving = Serving::start(&lab, &[service])?;
    let address = lab.real_server.address;
    databases.real_3306.kill()?;
    serving.director.await_state(3306, address, "down", SOON)?;

    let mut writer = lab.client.open(vip)?;
    assert_eq!(
        writer.ask("select @@server_id", SHORT)?,
        databases.sorry_3306.id().0.to_string()
    );
    assert_eq!(writer.ask("select get_lock('written', 0)", SHORT)?, "1");
    let (_, mut idle) = lab.client.greeted_by(vip, SHORT)?;
    databases.real_3306.start()?;
    serving.director.await_state(3306, address, "up", SOON)?;

    is_reset(&mut idle, AT_ONCE)?;
    ensure!(
        writer.ask("select 1", SHORT).is_err(),
        "two databases are written to"
    );
    let sorry = databases.sorry_3306.address();
    wait::until("its locks are free", SOON, || {
        let free = lab
            .client
            .query(sorry, "select is_free_lock('written')")
            .ok()?;
        (free == "1").then_some(())
    })
}

fn s2_33_the_sorry_server_goes_on_until_the_operator_says_so(mode: XdpMode) -> Result<()> {
    let lab = Lab::create(mode)?;
    let mut databases = lab.start_databases()?;
    let [vip, _] = vips(3306);
    let service = Service::tcp(vip, "rr")
        .with("sorry_server 192.168.66.254 3306")
        .with("failback manual")
        .with("on_relief reset")
        .real_server(&lab.real_server, "");
    let serving = Serving::start(&lab, &[service])?;
    let (director, address) = (&serving.director, lab.real_server.address);
    databases.real_3306.kill()?;
    director.await_state(3306, address, "down", SOON)?;
    let mut writer = lab.client.open(vip)?;
    let sorry = databases.sorry_3306.id();
    assert_eq!(
        writer.ask("select @@server_id", SHORT)?,
        sorry.0.to_string()
    );

    databases.real_3306.start()?;
    director.await_state(3306, address, "up", SOON)?;
    assert_eq!(lab.client.who_answers(vip)?, sorry);
    assert_eq!(
        writer.ask("select @@server_id", SHORT)?,
        sorry.0.to_string()
    );
    let status = director.status()?.to_string();
    ensure!(status.contains("director service failback"), "{status}");

    director.ask(&["service", "failback", &vip.to_string()])?;
    assert_eq!(lab.client.who_answers(vip)?, databases.real_3306.id());
    wait::until("the writer is told", SOON, || {
        writer.ask("select 1", SHORT).is_err().then_some(())
    })
}

/// Waits until the connection has ended with a reset; what its server said before does not matter.
pub(crate) fn is_reset(stream: &mut TcpStream, limit: Duration) -> Result<()> {
    stream.set_read_timeout(Some(limit))?;
    let began = Instant::now();
    loop {
        match stream.read(&mut [0; 1024]) {
            Ok(0) => anyhow::bail!("the connection was closed, not reset"),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("told nothing for {:?}", began.elapsed()));
            }
        }
    }
}
