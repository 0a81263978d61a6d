//! A director that is a real server itself.

use anyhow::{Result, ensure};
use lab::{Host, Lab, Service, Source, XdpMode, vips};

use crate::{SHORT, Serving};

in_both_modes!(a_director_serves_its_own_share_by_its_kernel);

fn a_director_serves_its_own_share_by_its_kernel(mode: XdpMode) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let hosts = [&lab.director, &lab.real_server];
    let _servers = lab.start_web_servers(&hosts)?;
    let serving = Serving::start(&lab, &services(hosts))?;
    for vip in vips(80) {
        let local = serving.counter("pass_local")?;
        let mut answered = Vec::new();
        for _ in 0..4 {
            let page = lab.client.get(Source::ANY, vip, "/megabyte", SHORT)?;
            answered.push(page.again("/")?.server);
        }
        answered.sort();
        assert_eq!(answered, ["director", "director", "real", "real"]);
        ensure!(serving.counter("pass_local")? > local, "not by the kernel");
    }
    Ok(())
}

fn services(hosts: [&Host; 2]) -> [Service; 2] {
    vips(80).map(|vip| Service::tcp(vip, "rr").real_servers(hosts, ""))
}
