//! Virtual servers and real servers that an operator adds, drains and removes while the daemon runs.

use std::{net::IpAddr, process::Command};

use anyhow::{Result, ensure};
use lab::{Lab, Service, Source, XdpMode, configuration, vip, vip6, vips, wait};

use crate::{SHORT, SOON, Serving, told::is_reset};

in_both_modes!(
    s3_01_a_service_is_made_by_hand_and_forwards,
    s3_01_a_script_of_ipvsadms_commands_works_unchanged,
    s0_08_connections_are_counted_and_ended_by_what_they_are,
    s3_11_a_server_is_drained_by_hand_and_then_its_removal_harms_nobody,
    a_virtual_server_that_is_removed_drains,
);

/// Report 3 began with four commands, and no configuration of any virtual server.
fn s3_01_a_service_is_made_by_hand_and_forwards(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let databases = lab.start_databases()?;
    // The VIPs are held; who serves behind them is nobody's yet.
    let held = vips(9).map(|vip| Service::tcp(vip, "rr").real_server(&lab.real_server, ""));
    let serving = Serving::start(&lab, &held.map(Service::unchecked))?;
    let director = &serving.director;
    for (vip, servers) in [
        (
            vip(3306).to_string(),
            [
                lab.real_server.address.to_string(),
                lab.sorry_server.address.to_string(),
            ],
        ),
        (
            vip6(3306).to_string(),
            [
                lab.real_server.address6.to_string(),
                lab.sorry_server.address6.to_string(),
            ],
        ),
    ] {
        director.ask(&["service", "add", &vip, "--scheduler", "wrr"])?;
        for (server, weight) in servers.iter().zip(["2", "1"]) {
            director.ask(&["real", "add", &vip, server, "--weight", weight])?;
        }
        let again = director.ask(&["service", "add", &vip]);
        let again = format!("{:#}", again.expect_err("it is there"));
        ensure!(again.contains("Service already exists"), "{again}");
    }
    for vip in vips(3306) {
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.push(lab.client.greeted_by(vip, SHORT)?.0);
        }
        let share = |id| answers.iter().filter(|answer| **answer == id).count();
        assert_eq!(
            (
                share(databases.real_3306.id()),
                share(databases.sorry_3306.id())
            ),
            (4, 2)
        );
    }
    let listing = director.list(&[])?;
    ensure!(
        listing.contains("TCP  192.168.66.251:3306 wrr\n")
            && listing.contains("TCP  [fd00:66::251]:3306 wrr\n"),
        "{listing}"
    );

    // The file knows nothing of it; it goes on all the same when the file is read again, and that is told.
    let reloaded = director.reload()?;
    ensure!(
        reloaded.contains("virtual server [192.168.66.251]:tcp:3306 is new"),
        "{reloaded}"
    );
    lab.client.who_answers(vip(3306))?;
    Ok(())
}

/// Those who were served before it was taken away are served on for a while, and nobody new is.
fn a_virtual_server_that_is_removed_drains(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let _databases = lab.start_databases()?;
    let events = lab.folder().join("events.json");
    let services = vips(3306).map(|vip| {
        let service = Service::tcp(vip, "rr").with("on_removal drain 3");
        service.real_server(&lab.real_server, "")
    });
    let serving = Serving::start(&lab, &services)?;
    let director = &serving.director;
    // From here on each connection that is ended is on file.
    let log = format!(
        "global_defs {{\n  director_event_log {}\n}}\n",
        events.display()
    );
    director.configure(&(log + &configuration(&services)))?;
    director.reload()?;
    for vip in vips(3306) {
        let mut open = lab.client.open(vip)?;
        assert_eq!(open.ask("select 1", SHORT)?, "1");
        let (_, mut idle) = lab.client.greeted_by(vip, SHORT)?;
        director.ask(&["service", "remove", &vip.to_string()])?;
        assert_eq!(open.ask("select 2", SHORT)?, "2");
        let error = lab.client.connect(vip, SHORT).expect_err("it was removed");
        ensure!(lab::is_refusal(&error), "{error:#}");
        is_reset(&mut idle, SOON)?;
        ensure!(open.ask("select 3", SHORT).is_err(), "it drains for ever");
        let client = idle.local_addr()?.to_string();
        wait::until("the end of the connection is on file", SOON, || {
            std::fs::read_to_string(&events)
                .ok()?
                .contains(&client)
                .then_some(())
        })?;
        // It stays away when the file, which still has it, is read again.
        director.reload()?;
        let error = lab.client.connect(vip, SHORT).expect_err("it was removed");
        ensure!(lab::is_refusal(&error), "{error:#}");
    }
    let status = director.status()?;
    assert_eq!(status["services"], serde_json::json!([]), "{status}");
    let cause = &status["told"]["by_cause"]["its virtual server was removed"];
    assert_eq!(*cause, 4, "{status}");
    Ok(())
}

fn s3_11_a_server_is_drained_by_hand_and_then_its_removal_harms_nobody(
    mode: XdpMode,
) -> Result<()> {
    let lab = Lab::create(mode)?;
    let databases = lab.start_databases()?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let service = Service::tcp(vip(3306), "rr").real_servers(hosts, "");
    let serving = Serving::start(&lab, std::slice::from_ref(&service))?;
    let (director, real) = (&serving.director, lab.real_server.address.to_string());
    let at_real = || -> Result<_> {
        loop {
            let (id, stream) = lab.client.greeted_by(vip(3306), SHORT)?;
            if id == databases.real_3306.id() {
                return Ok(stream);
            }
        }
    };
    let mut lasting = at_real()?;
    let name = vip(3306).to_string();
    director.ask(&["real", "drain", &name, &real, "--timeout", "3", "--wait"])?;
    // It has waited until the last one was told.
    is_reset(&mut lasting, SHORT)?;
    for _ in 0..4 {
        let (id, _) = lab.client.greeted_by(vip(3306), SHORT)?;
        assert_eq!(id, databases.sorry_3306.id());
    }
    let before = lab.client.tcp_counters()?;
    director.ask(&["real", "remove", &name, &real])?;
    let missing = director.ask(&["real", "drain", &name, &real]);
    let missing = format!("{:#}", missing.expect_err("it was removed"));
    ensure!(missing.contains("No such destination"), "{missing}");
    let after = lab.client.tcp_counters()?;
    assert_eq!(after.established_resets, before.established_resets);

    // The file has it still, and reading it again does not bring it back; what comes back by hand has the file's checks.
    director.reload()?;
    ensure!(
        director.server(3306, lab.real_server.address).is_err(),
        "it is back"
    );
    director.ask(&["real", "add", &name, &real])?;
    director.await_log("TCP connection to [192.168.66.253]:tcp:3306 success", SOON)?;
    director.await_state(3306, lab.real_server.address, "up", SOON)?;
    drop(at_real()?);
    Ok(())
}

/// Scripts call `ipvsadm`; it is the same binary under that name.
fn s3_01_a_script_of_ipvsadms_commands_works_unchanged(mode: XdpMode) -> Result<()> {
    let lab = Lab::create(mode)?;
    let databases = lab.start_databases()?;
    let held = Service::tcp(vip(9), "rr").real_server(&lab.real_server, "");
    let serving = Serving::start(&lab, &[held.unchecked()])?;
    let director = &serving.director;
    let link = lab.folder().join("ipvsadm");
    std::os::unix::fs::symlink(lab::target::director()?, &link)?;
    let ipvsadm = |words: &str| -> Result<(Option<i32>, String, String)> {
        let mut command = Command::new(&link);
        command.args(words.split(' '));
        command.arg("--socket").arg(&director.socket);
        let output = director.outcome(&mut command)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        ))
    };
    let done = (Some(0), String::new(), String::new());
    for words in [
        "-D -t 192.168.66.251:9",
        "-A -t 192.168.66.251:3306 -s wrr -p 120",
        "-a -t 192.168.66.251:3306 -r 192.168.66.253:3306 -g -w 1",
        "-A -t 192.168.66.251:3308 -s rr",
        "-a -t 192.168.66.251:3308 -r 192.168.66.254:3308",
    ] {
        assert_eq!(ipvsadm(words)?, done, "{words}");
    }
    assert_eq!(lab.client.who_answers(vip(3306))?, databases.real_3306.id());
    for (words, said) in [
        (
            "-A -t 192.168.66.251:3306 -s wrr",
            "Service already exists\n",
        ),
        (
            "-a -t 192.168.66.251:3306 -r 192.168.66.253:3306",
            "Destination already exists\n",
        ),
        ("-D -t 192.168.66.251:80", "No such service\n"),
    ] {
        let refused = (Some(255), String::new(), said.to_owned());
        assert_eq!(ipvsadm(words)?, refused, "{words}");
    }
    let (_, saved, _) = ipvsadm("-S -n")?;
    assert_eq!(
        saved,
        "-A -t 192.168.66.251:3306 -s wrr -p 120\n-a -t 192.168.66.251:3306 -r 192.168.66.253:3306 -g -w 1\n\
         -A -t 192.168.66.251:3308 -s rr\n-a -t 192.168.66.251:3308 -r 192.168.66.254:3308 -g -w 1\n"
    );
    let (_, listed, _) = ipvsadm("-Ln")?;
    ensure!(
        listed.contains("TCP  192.168.66.251:3306 wrr persistent 120\n"),
        "{listed}"
    );
    assert_eq!(ipvsadm("--set 600 0 0")?, done);
    let (_, timeouts, _) = ipvsadm("-L --timeout")?;
    assert_eq!(timeouts, "Timeout (tcp tcpfin udp): 600 120 300\n");
    let (_, counted, _) = ipvsadm("-Ln --stats --exact")?;
    let connections = |listed: &str| -> Option<u64> {
        let row = listed.lines().find(|line| line.contains("251:3306"))?;
        row.split_whitespace().nth(2)?.parse().ok()
    };
    ensure!(connections(&counted) > Some(0), "{counted}");
    assert_eq!(ipvsadm("-Z")?, done);
    let (_, counted, _) = ipvsadm("-Ln --stats --exact")?;
    assert_eq!(connections(&counted), Some(0), "{counted}");
    assert_eq!(ipvsadm("-L --daemon")?, done);
    let (code, _, said) = ipvsadm("--start-daemon master")?;
    ensure!(code != Some(0) && said.contains("not copied"), "{said}");
    assert_eq!(ipvsadm("-C")?, done);
    let (_, listed, _) = ipvsadm("-Ln")?;
    ensure!(!listed.contains("TCP"), "{listed}");
    Ok(())
}

/// Clients that keep connections open, of which an operator wants to know and to end some.
fn s0_08_connections_are_counted_and_ended_by_what_they_are(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let _databases = lab.start_databases()?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let services = vips(3306).map(|vip| Service::tcp(vip, "rr").real_servers(hosts, ""));
    let serving = Serving::start(&lab, &services)?;
    let director = &serving.director;
    let other = "192.168.66.100".parse::<IpAddr>()?;
    lab.client.host.add_address(other)?;

    let mut streams = Vec::new();
    for vip in vips(3306) {
        for _ in 0..6 {
            streams.push(lab.client.greeted_by(vip, SHORT)?);
        }
    }
    let mut of_other = Vec::new();
    for _ in 0..4 {
        let stream = lab
            .client
            .connect_from(Source::address(other), vip(3306), SHORT)?;
        of_other.push(stream);
    }
    let flow = |words: &[&str]| -> Result<(Option<i32>, String)> {
        let mut command = director.command("flow");
        command.args(words).arg("--socket").arg(&director.socket);
        let output = director.outcome(&mut command)?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((output.status.code(), text))
    };
    let count = |words: &[&str]| flow(&[&["count"], words].concat());
    let mut ss = Command::new("ss");
    ss.args(["-Htn", "state", "established", "dport", "= :3306"]);
    let shown = lab.client.host.namespace.run(&mut ss)?;
    assert_eq!(shown.lines().count(), 16, "{shown}");
    let established = ["--state", "established"];
    assert_eq!(count(&established)?, (Some(0), "16".to_owned()));
    let of = |words: &[&str]| count(&[&established, words].concat());
    assert_eq!(of(&["--client", "192.168.66.100"])?.1, "4");
    assert_eq!(of(&["--client", "192.168.66.0/23"])?.1, "10");
    assert_eq!(of(&["--service", &vip6(3306).to_string()])?.1, "6");
    let real = lab.real_server.address.to_string();
    assert_eq!(of(&["--server", &real])?.1, "5");
    assert_eq!(of(&["--idle", "3600"])?, (Some(1), "0".to_owned()));
    let (_, rows) = flow(&["list", "--client", "192.168.66.100"])?;
    assert_eq!(rows.matches("192.168.66.100:").count(), 4, "{rows}");

    // Nobody ends everything by a slip of the hand.
    assert_eq!(flow(&["reset"])?.0, Some(2));
    let (code, said) = flow(&["reset", "--client", "192.168.66.100"])?;
    ensure!(
        code == Some(0) && said.starts_with("4 connections ended"),
        "{said}"
    );
    for mut stream in of_other {
        is_reset(&mut stream, SHORT)?;
    }
    assert_eq!(of(&["--client", "192.168.66.100"])?.0, Some(1));
    assert_eq!(of(&[])?.1, "12");
    Ok(())
}
