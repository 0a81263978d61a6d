//! The listing, which scripts that were written for ipvsadm read.

use anyhow::{Result, ensure};
use lab::{XdpMode, vip};

use crate::{SHORT, SOON, Scene};

in_both_modes!(s2_20_the_listing_is_ipvsadms);

fn s2_20_the_listing_is_ipvsadms(mode: XdpMode) -> Result<()> {
    let mut scene = Scene::of_the_example(mode)?;
    let mut open = [
        scene.lab.client.open(vip(3306))?,
        scene.lab.client.open(vip(3306))?,
    ];
    for connection in &mut open {
        connection.ask("select 1", SHORT)?;
    }
    scene.lab.client.who_answers(vip(3308))?;
    // ipvsadm pads every column, the last too, so its rows end with blanks.
    let expected = "\
IP Virtual Server version 1.2.1 (size=262144)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.168.66.251:3306 wrr persistent 120
  -> 192.168.66.253:3306          Route   1      2          0         \n\
TCP  192.168.66.251:3308 wrr persistent 120
  -> 192.168.66.253:3308          Route   1      0          1         \n";
    assert_eq!(scene.director.list(&[])?, expected);
    assert_eq!(scene.director.list(&["--numeric"])?, expected);

    let connections = scene.director.list(&["--connections"])?;
    let row = |line: &&str| line.starts_with("TCP 14:") || line.starts_with("TCP 15:00");
    let established: Vec<_> = connections.lines().filter(row).collect();
    ensure!(
        established.len() == 2,
        "not two established connections:\n{connections}"
    );
    for line in established {
        ensure!(
            line.contains(" ESTABLISHED 192.168.66.10:")
                && line.ends_with(" 192.168.66.251:3306 192.168.66.253:3306"),
            "{line}"
        );
    }

    // While the quorum is lost the sorry server stands in the pool, as it does with keepalived.
    scene.databases.real_3306.kill()?;
    scene
        .director
        .await_state(3306, scene.lab.real_server.address, "down", SOON)?;
    let listing = scene.director.list(&[])?;
    ensure!(
        listing.contains("  -> 192.168.66.254:3306          Route   1      0          0"),
        "{listing}"
    );
    ensure!(!listing.contains("192.168.66.253:3306"), "{listing}");
    Ok(())
}
