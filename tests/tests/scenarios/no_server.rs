//! A service without any server: the client learns it at once.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use lab::{Lab, Service, Source, XdpMode, is_refusal, vips};

use crate::{SHORT, SOON, Serving};

in_both_modes!(
    s3_07_without_a_server_tcp_is_refused_at_once,
    s3_07_without_a_server_a_udp_port_is_unreachable_at_once,
);

/// A client that was not answered tries again after a second.
const AT_ONCE: Duration = Duration::from_millis(500);

fn s3_07_without_a_server_tcp_is_refused_at_once(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let mut server = lab.start_web_server(&lab.real_server)?;
    let service = |vip| Service::tcp(vip, "rr").real_server(&lab.real_server, "");
    let serving = Serving::start(&lab, &vips(80).map(service))?;
    let mut open = Vec::new();
    for vip in vips(80) {
        open.push(lab.client.get(Source::ANY, vip, "/", SHORT)?);
    }
    server.kill()?;
    let addresses: [IpAddr; 2] = [
        lab.real_server.address.into(),
        lab.real_server.address6.into(),
    ];
    for address in addresses {
        serving.director.await_state(80, address, "down", SOON)?;
    }
    let before = lab.client.tcp_counters()?;
    for (number, vip) in (1..).zip(vips(80)) {
        let refused = in_time(|| lab.client.connect(vip, SHORT));
        ensure!(is_refusal(&refused?), "{vip} is silent");
        assert_eq!(serving.counter("answer_reset")?, number);
    }
    let after = lab.client.tcp_counters()?;
    assert_eq!(
        after.lost_segments, before.lost_segments,
        "a reset was not heard"
    );
    Ok(())
}

fn s3_07_without_a_server_a_udp_port_is_unreachable_at_once(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let _server = lab.start_name_server(&lab.real_server)?;
    // A weight of 0 is a server that gets nobody new.
    let with_weight = |weight: &str| {
        vips(53).map(|vip| Service::udp(vip, "wrr").real_server(&lab.real_server, weight))
    };
    let serving = Serving::start(&lab, &with_weight("weight 1"))?;
    for vip in vips(53) {
        assert_eq!(
            lab.client.ask_name(Source::port(40_000), vip, SHORT)?,
            "real"
        );
    }
    serving
        .director
        .configure(&lab::configuration(&with_weight("weight 0")))?;
    serving.director.reload()?;
    for (number, vip) in (1..).zip(vips(53)) {
        let refused = in_time(|| lab.client.ask_name(Source::ANY, vip, SHORT));
        ensure!(is_refusal(&refused?), "{vip} is silent");
        assert_eq!(serving.counter("answer_unreachable")?, number);
        // Who was known before the weight was taken away stays.
        assert_eq!(
            lab.client.ask_name(Source::port(40_000), vip, SHORT)?,
            "real"
        );
    }
    Ok(())
}

/// How something fails that has to fail within no time.
fn in_time<T: std::fmt::Debug>(fails: impl Fn() -> Result<T>) -> Result<anyhow::Error> {
    let began = Instant::now();
    let error = match fails() {
        Ok(answer) => anyhow::bail!("answered: {answer:?}"),
        Err(error) => error,
    };
    let took = began.elapsed();
    ensure!(took < AT_ONCE, "it took {took:?}: {error:#}");
    Ok(error)
}
