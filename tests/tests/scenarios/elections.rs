//! Two directors that share an address: who holds it, and what they say of each other.

use anyhow::{Result, ensure};
use lab::{Director, Host, Lab, XdpMode, wait};

use crate::SOON;

const SHARED: &str = "192.168.66.240";

/// An instance and nothing else (scenario 0.10), ten advertisements a second.
fn instance(priority: u8, addresses: &str) -> String {
    format!(
        "vrrp_instance INT {{\n  interface eth0\n  version 3\n  virtual_router_id 65\n  priority {priority}\n  advert_int 0.1\n  \
         virtual_ipaddress {{\n    {addresses}\n  }}\n}}\n"
    )
}

struct Duo {
    first: Director,
    second: Director,
    lab: Lab,
}

impl Duo {
    /// The first one is MASTER, the second one BACKUP.
    fn start(first: &str, second: &str) -> Result<Self> {
        let lab = Lab::create(XdpMode::Generic)?;
        let mut duo = Self {
            first: lab.daemon(first)?,
            second: lab.daemon_on(&lab.sorry_server, second)?,
            lab,
        };
        duo.first.start()?;
        duo.second.start_as("BACKUP")?;
        Ok(duo)
    }

    fn has(host: &Host) -> bool {
        let addresses = host.addresses("eth0").unwrap_or_default();
        addresses.iter().any(|address| address.starts_with(SHARED))
    }

    /// Waits until one of the two holds the address, and the other one does not.
    fn await_holder(&self, holder: &Host, other: &Host) -> Result<()> {
        let what = format!("{} holds {SHARED}, {} does not", holder.name, other.name);
        wait::until(&what, SOON, || {
            (Self::has(holder) && !Self::has(other)).then_some(())
        })
    }
}

impl Drop for Duo {
    fn drop(&mut self) {
        eprintln!("the first one's log:\n{}", self.first.log());
        eprintln!("the second one's log:\n{}", self.second.log());
    }
}

#[test]
fn s0_1_s0_10_s2_18_s2_25_s2_28_the_address_moves_with_the_master_and_is_on_one_host_only()
-> Result<()> {
    let mut duo = Duo::start(
        &instance(100, &format!("{SHARED}/24")),
        &instance(90, &format!("{SHARED}/24")),
    )?;
    let (a, b) = (&duo.lab.director.clone(), &duo.lab.sorry_server.clone());
    duo.await_holder(a, b)?;
    duo.first.terminate()?;
    duo.await_holder(b, a)?;
    // It returns, and is preferred.
    duo.first.start()?;
    duo.await_holder(a, b)?;
    // Killed: its guardian takes the address away.
    duo.first.kill_9()?;
    duo.await_holder(b, a)?;
    Ok(())
}

#[test]
fn s1_10_two_lists_of_addresses_make_one_master_and_an_alarm() -> Result<()> {
    let duo = Duo::start(
        &instance(100, &format!("{SHARED}/24")),
        &instance(90, &format!("{SHARED}/24\n    192.168.66.241/24")),
    )?;
    duo.second
        .await_log("has another list of virtual addresses", SOON)?;
    let shown = duo.second.ask(&["vrrp", "show", "--json"])?;
    ensure!(shown.contains("\"role\": \"BACKUP\""), "{shown}");
    ensure!(shown.contains("other_addresses"), "{shown}");
    Ok(())
}

#[test]
fn s1_1_an_address_that_somebody_removes_is_back_at_once() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let mut director = lab.daemon(&instance(255, &format!("{SHARED}/24")))?;
    director.start()?;
    wait::until("it is MASTER", SOON, || {
        Duo::has(&lab.director).then_some(())
    })?;
    lab.director
        .namespace
        .ip(&format!("address del {SHARED}/24 dev eth0"))?;
    director.await_log("VIP was removed by somebody else; it is back", SOON)?;
    ensure!(Duo::has(&lab.director), "it is not there");
    Ok(())
}

#[test]
fn s1_8_a_tracked_file_lowers_the_priority_and_moves_the_address() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("director-tracked-{}", std::process::id()));
    std::fs::write(&folder, "0\n")?;
    let tracking = format!(
        "track_file load {{\n  file {}\n  weight 1\n}}\n{}",
        folder.display(),
        instance(100, &format!("{SHARED}/24")).replace(
            "  advert_int",
            "  track_file {\n    load\n  }\n  advert_int"
        )
    );
    let moved = (|| {
        let duo = Duo::start(&tracking, &instance(90, &format!("{SHARED}/24")))?;
        std::fs::write(&folder, "-20\n")?;
        duo.await_holder(&duo.lab.sorry_server, &duo.lab.director)?;
        std::fs::write(&folder, "0\n")?;
        duo.await_holder(&duo.lab.director, &duo.lab.sorry_server)
    })();
    std::fs::remove_file(&folder)?;
    moved
}
