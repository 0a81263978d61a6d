//! The resets that tell both ends, as a dissector that is not ours reads them on the cables.

use std::{net::SocketAddr, process::Command};

use anyhow::{Context, Result, ensure};
use lab::{Connection, Lab, Segment, XdpMode, vips, wait};

use crate::{SHORT, SOON, pair::Pair};

in_both_modes!(each_end_gets_one_reset_with_good_checksums_and_the_very_number_that_it_expects);

/// An idle connection to the real server.
struct Idle {
    vip: SocketAddr,
    client: SocketAddr,
    /// The server's own name for it.
    session: String,
    _open: Connection,
}

impl Idle {
    fn open(pair: &Pair, vip: SocketAddr) -> Result<Self> {
        let (mut open, session) = pair.open_at_real(vip)?;
        let host = format!("select host from information_schema.processlist where id = {session}");
        let host = open.ask(&host, SHORT)?;
        let (_, port) = host.rsplit_once(':').context("a client without a port")?;
        let own = &pair.lab.client.host;
        let address = match vip {
            SocketAddr::V4(_) => own.address.into(),
            SocketAddr::V6(_) => own.address6.into(),
        };
        let client = SocketAddr::new(address, port.parse()?);
        // The client acknowledges the last answer a little later; until then its number is not settled.
        wait::until("the client has acknowledged everything", SOON, || {
            (unacknowledged(&pair.lab, client.port()).ok()? == "0").then_some(())
        })?;
        Ok(Self {
            vip,
            client,
            session,
            _open: open,
        })
    }
}

/// How many bytes a client has not yet acknowledged to the real server.
fn unacknowledged(lab: &Lab, client_port: u16) -> Result<String> {
    let mut ss = Command::new("ss");
    ss.args(["-Htn", "state", "established", "sport", "=", ":3306"]);
    ss.args(["and", "dport", "=", &format!(":{client_port}")]);
    let shown = lab.real_server.namespace.run(&mut ss)?;
    // Bytes received and not read, then those sent and not acknowledged.
    let sent = shown.split_whitespace().nth(1);
    sent.map(str::to_owned).context("no such connection")
}

fn each_end_gets_one_reset_with_good_checksums_and_the_very_number_that_it_expects(
    mode: XdpMode,
) -> Result<()> {
    let pair = Pair::start(mode)?;
    let (lab, real) = (&pair.lab, pair.databases.real_3306.address());
    let at_client = lab.capture(&lab.client.host, 3306)?;
    let at_server = lab.capture(&lab.real_server, 3306)?;
    let mut connections = Vec::new();
    for vip in vips(3306) {
        connections.push(Idle::open(&pair, vip)?);
    }
    pair.remove_real()?;
    for Idle { session, .. } in &connections {
        let listed =
            format!("select count(*) from information_schema.processlist where id = {session}");
        wait::until("the server has ended the session", SOON, || {
            (lab.client.query(real, &listed).ok()? == "0").then_some(())
        })?;
    }
    for Idle { client, .. } in &connections {
        let told = |segment: &Segment| segment.is_reset() && segment.to == *client;
        at_client.await_segment("the client's reset", SOON, told)?;
    }
    // What both hosts say to each other past the VIP comes last, so all that was to be captured has been.
    let (_, last) = lab.client.greeted_by(real, SHORT)?;
    let last = last.local_addr()?;
    for capture in [&at_client, &at_server] {
        capture.await_segment("the end", SOON, |segment| segment.from == last)?;
    }

    let (at_client, at_server) = (at_client.finish()?, at_server.finish()?);
    for Idle { vip, client, .. } in connections {
        let (reset, said) = the_reset(&at_client, client).context("at the client")?;
        assert_eq!((reset.from, reset.to), (vip, client));
        assert_eq!(reset.to_mac, lab.client.host.mac("eth0")?);
        assert_eq!(reset.sequence, said.acknowledgement, "{reset:?}");

        let (reset, said) = the_reset(&at_server, client).context("at the server")?;
        assert_eq!((reset.from, reset.to), (client, vip));
        assert_eq!(reset.to_mac, lab.real_server.mac("eth0")?);
        assert_eq!(reset.sequence, said.next_sequence(), "{reset:?}");
    }
    Ok(())
}

/// The one reset of a client's connection, which is a good one and the last of its segments; and what the client itself said last
/// before it.
fn the_reset(captured: &[Segment], client: SocketAddr) -> Result<(&Segment, &Segment)> {
    let of_the_client = |segment: &&Segment| [segment.from, segment.to].contains(&client);
    let segments: Vec<_> = captured.iter().filter(of_the_client).collect();
    let (reset, before) = segments.split_last().context("nothing captured")?;
    ensure!(
        reset.is_reset() && !before.iter().any(|segment| segment.is_reset()),
        "not one reset, at the end: {segments:#?}"
    );
    ensure!(
        reset.checksums_are_good && reset.hops_left > 0 && reset.length == 0,
        "{reset:?}"
    );
    let said = before.iter().rfind(|segment| segment.from == client);
    Ok((reset, said.context("the client has said nothing")?))
}
