//! Servers that take so many connections and no more: `uthreshold` and `lthreshold`.

use anyhow::{Result, ensure};
use lab::{Lab, Page, Service, Source, XdpMode, is_refusal, vip, wait};

use crate::{SHORT, SOON, Serving};

in_both_modes!(a_server_at_its_upper_threshold_gets_no_more_until_it_is_below_the_lower_one);

fn a_server_at_its_upper_threshold_gets_no_more_until_it_is_below_the_lower_one(
    mode: XdpMode,
) -> Result<()> {
    let lab = Lab::create(mode)?;
    let hosts = [&lab.real_server, &lab.sorry_server];
    let _servers = lab.start_web_servers(&hosts)?;
    let service = Service::tcp(vip(80), "rr");
    let service = service.real_server(hosts[0], "uthreshold 4\nlthreshold 2");
    let service = service.real_server(hosts[1], "uthreshold 6\nlthreshold 5");
    let serving = Serving::start(&lab, &[service])?;

    let open = || lab.client.get(Source::ANY, vip(80), "/", SHORT);
    let pages: Vec<Page> = (0..10).map(|_| open()).collect::<Result<_>>()?;
    let (mut real, sorry): (Vec<Page>, Vec<Page>) =
        pages.into_iter().partition(|page| page.server == "real");
    assert_eq!((real.len(), sorry.len()), (4, 6));
    let refused = open().expect_err("both are full");
    ensure!(is_refusal(&refused), "{refused:#}");

    // Fewer than the upper threshold is not enough: fewer than the lower one is.
    close(real.pop())?;
    close(real.pop())?;
    ensure!(
        open().is_err(),
        "two is not below the lower threshold of two"
    );
    close(real.pop())?;
    let open_again = || open().ok().filter(|page| page.server == "real");
    // A connection that was reset counts until its timeout of ten seconds, as with IPVS.
    wait::until("the server takes connections again", SOON, open_again)?;

    let listed = serving.director.list(&["--thresholds"])?;
    let row = listed
        .lines()
        .find(|line| line.contains("192.168.66.253:80"));
    let columns: Vec<_> = row.unwrap_or_default().split_whitespace().collect();
    ensure!(columns.get(2..4) == Some(&["4", "2"]), "{listed}");
    Ok(())
}

fn close(page: Option<Page>) -> Result<()> {
    page.map_or(Ok(()), Page::reset)
}
