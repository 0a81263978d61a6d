//! A server that is stopped or removed while clients are connected to it: what they see, by what was configured and out of the box.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use lab::{Connection, XdpMode, vips, wait};

use crate::{
    AT_ONCE, SHORT, SOON,
    pair::{Pair, address, with_both, without_real},
    told::is_reset,
};

in_both_modes!(
    s3_05_a_stopped_server_s_own_word_reaches_its_client,
    s3_06_a_client_that_waits_for_an_answer_is_told_when_its_server_stops,
    s3_09_a_held_server_s_clients_wait_and_go_on_when_it_returns,
    s3_10_a_removed_server_finishes_what_it_has_begun_and_then_its_clients_are_told,
    s3_13_out_of_the_box_nobody_waits_in_vain,
);

/// The check looks at another port, so all this time we take the server for a good one, and what its client learns is not from us.
fn s3_05_a_stopped_server_s_own_word_reaches_its_client(mode: XdpMode) -> Result<()> {
    let mut pair = Pair::start(mode)?;
    let mut open = Vec::new();
    for vip in vips(3306) {
        open.push(pair.open_at_real(vip)?.0);
    }
    pair.databases.real_3306.kill()?;
    for connection in &mut open {
        let began = Instant::now();
        let error = connection.ask("select 1", SHORT);
        let error = format!("{:#}", error.expect_err("its server was killed"));
        ensure!(began.elapsed() < AT_ONCE && is_lost(&error), "{error}");
    }
    nothing_was_said_by_us(&pair)
}

fn s3_06_a_client_that_waits_for_an_answer_is_told_when_its_server_stops(
    mode: XdpMode,
) -> Result<()> {
    let mut pair = Pair::start(mode)?;
    let mut waiting = Vec::new();
    for vip in vips(3306) {
        let (open, session) = pair.open_at_real(vip)?;
        waiting.push(thread::spawn(move || sleeping(open)));
        let asleep = format!(
            "select count(*) from information_schema.processlist \
             where id = {session} and info like 'select sleep%'"
        );
        let real = pair.databases.real_3306.address();
        wait::until("the server works on the query", SOON, || {
            (pair.lab.client.query(real, &asleep).ok()? == "1").then_some(())
        })?;
    }
    let killed = Instant::now();
    pair.databases.real_3306.kill()?;
    for waiting in waiting {
        let (error, told) = waiting.join().ok().context("the client panicked")?;
        let waited = told.duration_since(killed);
        ensure!(waited < AT_ONCE, "told after {waited:?}: {error}");
        ensure!(error.contains("ERROR 2013"), "{error}");
    }
    nothing_was_said_by_us(&pair)
}

/// Asks for half a minute of sleep, and tells what became of it and when.
fn sleeping(mut open: Connection) -> (String, Instant) {
    let answer = open.ask("select sleep(30)", SOON);
    (format!("{answer:?}"), Instant::now())
}

/// *Server has gone away*, or *lost connection*: which of them depends on whether the client had begun to speak.
fn is_lost(error: &str) -> bool {
    error.contains("ERROR 2006") || error.contains("ERROR 2013")
}

fn nothing_was_said_by_us(pair: &Pair) -> Result<()> {
    let director = &pair.serving.director;
    let state = director.server(3306, pair.lab.real_server.address)?;
    assert_eq!(state["state"], "up", "{state}");
    let status = director.status()?;
    assert_eq!(status["told"]["connections"], 0, "{status}");
    for counter in ["answer_reset", "answer_no_flow", "drop_held"] {
        assert_eq!(pair.serving.counter(counter)?, 0, "{counter}: {status}");
    }
    Ok(())
}

fn s3_10_a_removed_server_finishes_what_it_has_begun_and_then_its_clients_are_told(
    mode: XdpMode,
) -> Result<()> {
    let pair = Pair::start(mode)?;
    let drain = "on_removal drain 3";
    pair.reload(&with_both(&pair.lab, drain))?;
    for vip in vips(3306) {
        let mut idle = pair.idle_at_real(vip)?;
        let (mut open, name) = pair.open_at_real(vip)?;
        pair.reload(&without_real(&pair.lab, drain))?;
        let state = pair
            .serving
            .director
            .server(3306, address(&pair.lab, vip))?;
        assert_eq!(state["state"], "draining", "{state}");
        // What was asked is answered, and nobody new comes.
        assert_eq!(open.ask("select sleep(1)", Duration::from_secs(3))?, "0");
        assert_eq!(open.ask("select connection_id()", SHORT)?, name);
        for _ in 0..4 {
            let (other, _) = pair.lab.client.greeted_by(vip, SHORT)?;
            assert_eq!(other, pair.databases.sorry_3306.id());
        }
        is_reset(&mut idle, Duration::from_secs(5))?;
        ensure!(open.ask("select 1", SHORT).is_err(), "it drains for ever");
        ensure!(
            pair.serving
                .director
                .server(3306, address(&pair.lab, vip))
                .is_err(),
            "it is listed for ever"
        );
        pair.reload(&with_both(&pair.lab, drain))?;
    }
    Ok(())
}

/// IPVS's way, for those who want it: silence, and a return as if nothing had been.
fn s3_09_a_held_server_s_clients_wait_and_go_on_when_it_returns(mode: XdpMode) -> Result<()> {
    let pair = Pair::start(mode)?;
    let hold = "on_removal hold";
    pair.reload(&with_both(&pair.lab, hold))?;
    for vip in vips(3306) {
        let (mut open, name) = pair.open_at_real(vip)?;
        pair.reload(&without_real(&pair.lab, hold))?;
        let state = pair
            .serving
            .director
            .server(3306, address(&pair.lab, vip))?;
        assert_eq!(state["state"], "held", "{state}");
        let silence = open.ask("select 1", Duration::from_millis(700));
        let silence = silence.expect_err("nobody answers");
        ensure!(format!("{silence:#}").contains("no answer"), "{silence:#}");
        ensure!(
            pair.serving.counter("drop_held")? > 0,
            "no packet was dropped"
        );
        // It returns: TCP sends again, and the connection goes on.
        pair.reload(&with_both(&pair.lab, hold))?;
        let again = "select connection_id()";
        assert_eq!(open.ask(again, Duration::from_secs(10))?, "1");
        assert_eq!(open.ask("select 2", SHORT)?, name);
    }
    Ok(())
}

/// With no word of ours in the configuration: a removed server drains, a failed one's clients are told.
fn s3_13_out_of_the_box_nobody_waits_in_vain(mode: XdpMode) -> Result<()> {
    let mut pair = Pair::start(mode)?;
    let director = &pair.serving.director;
    let nothing = "";
    pair.reload(&with_both(&pair.lab, nothing))?;
    for vip in vips(3306) {
        let (mut open, name) = pair.open_at_real(vip)?;
        let mut idle = pair.idle_at_real(vip)?;
        pair.reload(&without_real(&pair.lab, nothing))?;
        let server = address(&pair.lab, vip);
        let state = director.server(3306, server)?;
        assert_eq!(state["state"], "draining", "{state}");
        let began = Instant::now();
        assert_eq!(open.ask("select connection_id()", SHORT)?, name);
        ensure!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());

        // A minute is left; who does not want to wait says so.
        pair.reload(&with_both(&pair.lab, nothing))?;
        assert_eq!(open.ask("select connection_id()", SHORT)?, name);
        let (vip, real) = (vip.to_string(), server.to_string());
        director.ask(&["real", "drain", &vip, &real, "--timeout", "1"])?;
        is_reset(&mut idle, SHORT)?;
        let error = open.ask("select 1", SHORT);
        let error = format!("{:#}", error.expect_err("its server is drained"));
        ensure!(is_lost(&error), "{error}");
        // Reading the file again does not undo what was done by hand; who gives it a weight again does.
        director.reload()?;
        assert_eq!(director.server(3306, server)?["state"], "quiesced");
        director.ask(&["real", "edit", &vip, &real, "--weight", "1"])?;
        director.await_state(3306, server, "up", SOON)?;
    }

    let mut idle = Vec::new();
    for vip in vips(3306) {
        idle.push(pair.idle_at_real(vip)?);
    }
    pair.databases.real_3308.kill()?;
    let real = pair.lab.real_server.address;
    director.await_state(3306, real, "down", SOON)?;
    for stream in &mut idle {
        is_reset(stream, AT_ONCE)?;
    }
    Ok(())
}
