//! What happens in the demo. Every step looks whether it came out as it should, and the first that did not ends the story.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use lab::{
    Client, Connection, Databases, Director, Lab, Record, ServerId, TcpCounters, Traffic, XdpMode,
    example, vip, wait,
};

use crate::{
    narrator::{Done, aside, chapter, quote, step},
    pair::{self, Second},
    told::{host_vanishes, server_drains},
};

/// Longer than anything here takes, so that a demo that goes wrong says so soon.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// For one answer on an open connection.
const ANSWER: Duration = Duration::from_secs(3);
/// How long there is no daemon. The lease of the example lasts for three seconds, and on a busy host a start takes one.
const WITHOUT_DAEMON: Duration = Duration::from_millis(300);

/// What runs at the end of the story.
pub(crate) struct Cast {
    pub(crate) director: Director,
    pub(crate) databases: Databases,
}

pub(crate) fn make_lab(mode: XdpMode) -> Result<Done<Lab>> {
    let lab = Lab::create(mode)?;
    Ok(Done::new(format!("{}-client, -director, ..", lab.id), lab))
}

/// Tells the whole story.
pub(crate) fn tell(lab: &Lab) -> Result<(Cast, Second)> {
    let databases = step("Four MariaDB servers, two on each server host", || {
        let databases = lab.start_databases()?;
        Ok(Done::new(
            "ports 3306 and 3308, each a server_id",
            databases,
        ))
    })?;
    let director = start(lab)?;
    let mut cast = Cast {
        director,
        databases,
    };
    forwards(lab, &cast)?;
    fails_and_comes_back(lab, &mut cast)?;
    host_vanishes(lab, &cast)?;
    server_drains(lab, &cast)?;
    daemon_dies(lab, &mut cast)?;
    let second = pair::joins(lab)?;
    pair::stops_and_returns(lab, &mut cast, &second)?;
    pair::dies(lab, &mut cast, &second)?;
    pair::is_mistyped(&cast, &second)?;
    Ok((cast, second))
}

fn start(lab: &Lab) -> Result<Director> {
    chapter("The director starts");
    aside(
        "The configuration is examples/keepalived-master.conf, from production. Only its checks are quicker here,",
    );
    aside(
        "so that nobody has to wait: delay_loop 2 (not 20), delay_before_retry 0.5 (not 3), connect_timeout 2 (not 5).",
    );
    let config = example::at_pace(example::MASTER, example::Pace::WATCHABLE);
    let director = step("director run -c keepalived.conf", || {
        let mut director = lab.daemon(&config)?;
        director.start()?;
        let status = director.status()?;
        let mode = status["instances"][0]["xdp_mode"]
            .as_str()
            .unwrap_or("no")
            .to_owned();
        ensure!(
            mode == lab.mode.to_string(),
            "XDP is in {mode} mode, not in {}",
            lab.mode
        );
        Ok(Done::new(format!("XDP attached in {mode} mode"), director))
    })?;
    step("It holds the virtual address", || {
        let addresses = lab.director.addresses("eth0")?;
        ensure!(
            addresses.contains(&"192.168.66.251/32".to_owned()),
            "eth0 has {addresses:?}"
        );
        Ok(Done::new("192.168.66.251/32 on eth0", ()))
    })?;
    step("Both real servers pass their first check", || {
        for port in [3306, 3308] {
            director.await_log(
                &format!("TCP connection to [192.168.66.253]:tcp:{port} success"),
                LIMIT,
            )?;
        }
        Ok(Done::new("192.168.66.253, ports 3306 and 3308", ()))
    })?;
    Ok(director)
}

fn forwards(lab: &Lab, cast: &Cast) -> Result<()> {
    chapter("A client asks 192.168.66.251");
    for (port, expected) in [
        (3306, cast.databases.real_3306.id()),
        (3308, cast.databases.real_3308.id()),
    ] {
        step(&format!("select @@server_id, port {port}"), || {
            let server = lab.client.who_answers(vip(port))?;
            ensure!(
                server == expected,
                "{server} answered instead of {expected}"
            );
            Ok(Done::new(format!("answered by {}", name(server)), ()))
        })?;
    }
    quote("director list", &cast.director.list(&[])?);
    Ok(())
}

fn fails_and_comes_back(lab: &Lab, cast: &mut Cast) -> Result<()> {
    chapter("A real server fails");
    let inserting = insert_every_second(lab, &cast.databases)?;
    let mut other = OpenConnection::open(
        &lab.client,
        3308,
        "Another keeps a connection open, port 3308",
    )?;
    let killed = fail(lab, cast)?;
    other.goes_on("The connection to 3308 never noticed")?;
    quote("director list", &cast.director.list(&[])?);

    chapter("The real server comes back");
    come_back(lab, cast)?;
    let record = inserting.finish()?;
    account(lab, cast, &record, killed)
}

fn insert_every_second(lab: &Lab, databases: &Databases) -> Result<Traffic> {
    let client = lab.client.clone();
    step("A client inserts a row a second, port 3306", || {
        for database in [&databases.real_3306, &databases.sorry_3306] {
            client.query(
                database.address(),
                "create table visits (at datetime(3), server int)",
            )?;
        }
        let inserting = {
            let client = client.clone();
            let insert = "insert into visits values (now(3), @@server_id); select @@server_id";
            Traffic::start(Duration::from_secs(1), move || {
                Ok(ServerId(client.query(vip(3306), insert)?.parse()?))
            })
        };
        await_rows(&client, &databases.real_3306, 2)?;
        Ok(Done::new(
            format!("the rows are in {}", name(databases.real_3306.id())),
            inserting,
        ))
    })
}

fn fail(lab: &Lab, cast: &mut Cast) -> Result<Instant> {
    let killed = Instant::now();
    step("kill -9 of mysqld 3306 on 192.168.66.253", || {
        cast.databases.real_3306.kill()?;
        Ok(Done::new("its host refuses connections from now on", ()))
    })?;
    step("The director drops it from the pool", || {
        cast.director
            .await_state(3306, lab.real_server.address, "down", LIMIT)?;
        let reason = cast.director.server(3306, lab.real_server.address)?["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Ok(Done::new(format!("{reason}, four times in a row"), ()).after(killed.elapsed()))
    })?;
    step("The sorry server takes over", || {
        let server = lab.client.who_answers(vip(3306))?;
        ensure!(
            server == cast.databases.sorry_3306.id(),
            "{server} answered"
        );
        Ok(Done::new(format!("answered by {}", name(server)), ()))
    })?;
    step("The inserting client goes on by itself", || {
        await_rows(&lab.client, &cast.databases.sorry_3306, 2)?;
        Ok(Done::new(
            format!("the rows are in {}", name(cast.databases.sorry_3306.id())),
            (),
        ))
    })?;
    Ok(killed)
}

fn come_back(lab: &Lab, cast: &mut Cast) -> Result<()> {
    let rows_before = rows(&lab.client, &cast.databases.sorry_3306)?;
    let began = Instant::now();
    step("mysqld 3306 on 192.168.66.253 is started", || {
        cast.databases.real_3306.start()?;
        Ok(Done::new("on the data that it had", ()))
    })?;
    step("The director relieves the sorry server", || {
        cast.director
            .await_state(3306, lab.real_server.address, "up", LIMIT)?;
        Ok(Done::new("one check that passes is enough", ()).after(began.elapsed()))
    })?;
    step("New connections go where they belong", || {
        let server = lab.client.who_answers(vip(3306))?;
        ensure!(server == cast.databases.real_3306.id(), "{server} answered");
        let rows_now = rows(&lab.client, &cast.databases.real_3306)?;
        await_rows(&lab.client, &cast.databases.real_3306, rows_now + 2)?;
        Ok(Done::new(
            format!("{} answers, the rows too", name(server)),
            (),
        ))
    })?;
    ensure!(
        rows(&lab.client, &cast.databases.sorry_3306)? >= rows_before,
        "the sorry server lost rows"
    );
    Ok(())
}

/// Every row that the client was told is in, is in.
fn account(lab: &Lab, cast: &Cast, record: &Record, killed: Instant) -> Result<()> {
    step("Every row that was acknowledged is there", || {
        let (real, sorry) = (&cast.databases.real_3306, &cast.databases.sorry_3306);
        let there = [rows(&lab.client, real)?, rows(&lab.client, sorry)?];
        let told = [record.answers(real.id()), record.answers(sorry.id())];
        ensure!(
            there == told,
            "{there:?} rows are there, {told:?} were acknowledged"
        );
        let [on_real, on_sorry] = there;
        Ok(Done::new(
            format!(
                "{on_real} on .253, {on_sorry} on .254, {} refused",
                record.failures().len()
            ),
            (),
        ))
    })?;
    step("The client's longest time without a row", || {
        let refused = record.0.iter().filter(|attempt| attempt.answer.is_err());
        ensure!(
            refused.clone().all(|attempt| attempt.ended > killed),
            "a row was refused before anything failed"
        );
        Ok(Done::new("which it tried to insert every second", ()).after(record.longest_gap()))
    })
}

fn daemon_dies(lab: &Lab, cast: &mut Cast) -> Result<()> {
    chapter("The daemon dies, under traffic");
    let expected = cast.databases.real_3306.id();
    let mut open = OpenConnection::open(
        &lab.client,
        3306,
        "A client keeps a connection open, port 3306",
    )?;
    let before = lab.client.tcp_counters()?;
    let began = Instant::now();
    let connecting = {
        let client = lab.client.clone();
        Traffic::start(Duration::ZERO, move || {
            Ok(client.greeted_by(vip(3306), ANSWER)?.0)
        })
    };
    step("kill -9 of the daemon, while others connect", || {
        cast.director.kill_9()?;
        Ok(Done::new("the XDP program stays, pinned", ()))
    })?;
    step("Nobody is in charge for a while", || {
        thread::sleep(WITHOUT_DAEMON);
        ensure!(
            cast.director.status().is_err(),
            "somebody answers for the daemon"
        );
        Ok(Done::new("packets are forwarded all the same", ()))
    })?;
    step("director run -c keepalived.conf, again", || {
        cast.director.start()?;
        cast.director
            .await_log("XDP program replaced in place", LIMIT)?;
        Ok(Done::new("it takes over what is pinned", ()))
    })?;
    open.goes_on("The open connection never noticed")?;
    step("Every connection meanwhile succeeded", || {
        let record = connecting.finish()?;
        ensure!(
            record.failures().is_empty(),
            "{} failed: {:?}",
            record.failures().len(),
            record.failures().first()
        );
        ensure!(
            record.answers(expected) == record.0.len(),
            "somebody else than {expected} answered"
        );
        Ok(Done::new(
            format!(
                "{} of {}, by {}",
                record.0.len(),
                record.0.len(),
                name(expected)
            ),
            (),
        )
        .after(began.elapsed()))
    })?;
    step("Not one packet was lost", || {
        let TcpCounters { lost_segments, .. } = lab.client.tcp_counters()?;
        let lost = lost_segments - before.lost_segments;
        ensure!(
            lost == 0,
            "the client's TCP had to send {lost} segments again"
        );
        Ok(Done::new("0 segments sent again by the client's TCP", ()).after(began.elapsed()))
    })
}

/// A connection that must not notice anything.
struct OpenConnection {
    connection: Connection,
    client: Client,
    /// The server's own name for it: another connection would have another.
    id: String,
    opened: Instant,
    before: TcpCounters,
}

impl OpenConnection {
    fn open(client: &Client, port: u16, what: &str) -> Result<Self> {
        step(what, || {
            let mut connection = client.open(vip(port))?;
            let id = connection.ask(
                "select concat(@@server_id, ' as connection ', connection_id())",
                ANSWER,
            )?;
            let open = Self {
                connection,
                client: client.clone(),
                id: id.clone(),
                opened: Instant::now(),
                before: client.tcp_counters()?,
            };
            Ok(Done::new(format!("server {id}"), open))
        })
    }

    fn goes_on(&mut self, what: &str) -> Result<()> {
        step(what, || {
            let id = self.connection.ask(
                "select concat(@@server_id, ' as connection ', connection_id())",
                ANSWER,
            )?;
            ensure!(id == self.id, "it was {}, now it is {id}", self.id);
            let resets =
                self.client.tcp_counters()?.established_resets - self.before.established_resets;
            ensure!(resets == 0, "{resets} connections of the client were reset");
            Ok(Done::new(
                format!("still connection {}", id.rsplit(' ').next().unwrap_or(&id)),
                (),
            )
            .after(self.opened.elapsed()))
        })
    }
}

fn await_rows(client: &Client, database: &lab::MariaDb, count: usize) -> Result<()> {
    let what = format!("{count} rows are in {}", name(database.id()));
    wait::until(&what, LIMIT, || {
        (rows(client, database).ok()? >= count).then_some(())
    })
}

fn rows(client: &Client, database: &lab::MariaDb) -> Result<usize> {
    Ok(client
        .query(database.address(), "select count(*) from visits")?
        .parse()?)
}

pub(crate) fn name(server: ServerId) -> String {
    format!("192.168.66{server}")
}
