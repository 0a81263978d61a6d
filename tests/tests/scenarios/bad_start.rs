//! Starts that must not succeed: each a clear error with what to do, exit code 2, nothing attached, nothing pinned.

use std::{
    fs,
    os::unix::net::UnixListener,
    process::{Command, Output},
};

use anyhow::{Result, ensure};
use lab::{Director, Lab, VIP, XdpMode, example};

use crate::SOON;

/// It may come later; until then its instance is in FAULT, and everybody can see why.
#[test]
fn an_interface_that_does_not_exist_yet_is_waited_for_in_fault() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let mut director = lab.daemon(
        "vrrp_instance INT {\n  interface eth7\n  virtual_router_id 200\n  priority 255\n  virtual_ipaddress { 10.7.0.251/24 }\n}\n",
    )?;
    director.start()?;
    let instance = director.status()?["instances"][0].clone();
    ensure!(instance["role"] == "FAULT", "{instance}");
    director.await_log("this host has no interface `eth7`", SOON)?;
    let ip = |words: &[&str]| {
        let mut command = Command::new("ip");
        lab.director.namespace.run(command.args(words))
    };
    ip(&[
        "link", "add", "eth7", "type", "veth", "peer", "name", "eth8",
    ])?;
    ip(&["address", "add", "10.7.0.1/24", "dev", "eth7"])?;
    ip(&["link", "set", "eth8", "up"])?;
    ip(&["link", "set", "eth7", "up"])?;
    director.await_log("MASTER with priority 255", SOON)?;
    let log = director.log();
    ensure!(
        !log.contains("INITIALIZE"),
        "it was stopped meanwhile: {log}"
    );
    Ok(())
}

#[test]
fn a_peer_that_is_the_director_itself() -> Result<()> {
    refused_config(
        "vrrp_instance INT {\n  interface eth0\n  virtual_router_id 200\n  unicast_peer {\n    192.168.66.6\n  }\n  \
         virtual_ipaddress {\n    192.168.66.251\n  }\n}\n",
        &[
            "192.168.66.6 is this director itself",
            "keepalived.conf:5:5",
            "eth0",
        ],
    )
}

#[test]
fn an_interface_option_that_does_not_exist() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let director = lab.daemon(example::MASTER)?;
    let mut run = director.run_command();
    refused(
        &lab,
        &director,
        run.args(["--interface", "eth7"]),
        &["eth7", "eth0"],
    )
}

#[test]
fn a_second_daemon_on_the_same_pins() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let mut first = lab.daemon(example::MASTER)?;
    first.start()?;
    let mut second = lab.daemon(example::MASTER)?;
    second.socket = lab.folder().join("second.sock");
    let said = fails(&second, &mut second.run_command())?;
    ensure!(
        said.contains("another director holds the pins") && said.contains("--pins"),
        "{said}"
    );
    ensure!(!second.socket.exists(), "a socket was left");
    // The first one does not notice.
    assert_eq!(first.status()?["instances"][0]["role"], "MASTER");
    ensure!(
        lab.director.has_xdp()?
            && lab
                .director
                .addresses("eth0")?
                .contains(&format!("{VIP}/32")),
        "it was disturbed"
    );
    Ok(())
}

#[test]
fn a_socket_that_another_daemon_listens_on() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let director = lab.daemon(example::MASTER)?;
    let _other = UnixListener::bind(&director.socket)?;
    let said = fails(&director, &mut director.run_command())?;
    ensure!(
        said.contains("another daemon listens on") && said.contains("--socket"),
        "{said}"
    );
    ensure!(
        director.socket.exists(),
        "somebody else's socket was removed"
    );
    untouched(&lab, &director)
}

#[test]
fn a_socket_path_that_is_a_file() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let director = lab.daemon(example::MASTER)?;
    fs::write(&director.socket, "precious")?;
    let said = fails(&director, &mut director.run_command())?;
    ensure!(said.contains("exists and is not a socket"), "{said}");
    assert_eq!(fs::read_to_string(&director.socket)?, "precious");
    untouched(&lab, &director)
}

#[test]
fn a_socket_path_that_cannot_be_written() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let mut director = lab.daemon(example::MASTER)?;
    director.socket = "/proc/director.sock".into();
    let mut run = director.run_command();
    refused(
        &lab,
        &director,
        &mut run,
        &["/proc/director.sock", "--socket"],
    )
}

#[test]
fn a_pin_folder_of_another_version() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let director = lab.daemon(example::MASTER)?;
    let other = director.pins.join("v65535");
    fs::create_dir_all(&other)?;
    let said = fails(&director, &mut director.run_command())?;
    ensure!(
        said.contains("another version") && said.contains("director unload --pins"),
        "{said}"
    );
    ensure!(other.exists(), "another version's pins were removed");
    ensure!(
        fs::read_dir(&director.pins)?.count() == 1,
        "something was pinned"
    );
    ensure!(
        !lab.director.has_xdp()? && !director.socket.exists(),
        "something was attached, or a socket left"
    );
    Ok(())
}

#[test]
fn a_pin_folder_outside_the_bpf_file_system() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let mut director = lab.daemon(example::MASTER)?;
    director.pins = lab.folder().join("pins");
    let mut run = director.run_command();
    refused(
        &lab,
        &director,
        &mut run,
        &["not on a BPF file system", "/sys/fs/bpf"],
    )?;
    ensure!(!director.pins.exists(), "an empty folder was left");
    Ok(())
}

#[test]
fn no_privileges() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let director = lab.daemon(example::MASTER)?;
    let run = director.run_command();
    // Root without its capabilities is what a container gives, and reads the same files.
    let mut bare = Command::new("setpriv");
    bare.args(["--bounding-set=-all", "--inh-caps=-all"])
        .arg(run.get_program())
        .args(run.get_args());
    refused(
        &lab,
        &director,
        &mut bare,
        &["CAP_NET_ADMIN", "run it as root"],
    )
}

#[test]
fn a_config_that_is_not_there() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let director = lab.daemon("")?;
    fs::remove_file(&director.config)?;
    refused(
        &lab,
        &director,
        &mut director.run_command(),
        &["keepalived.conf", "No such file"],
    )
}

#[test]
fn a_config_that_is_a_directory() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let director = lab.daemon("")?;
    fs::remove_file(&director.config)?;
    fs::create_dir(&director.config)?;
    refused(
        &lab,
        &director,
        &mut director.run_command(),
        &["keepalived.conf", "directory"],
    )
}

#[test]
fn a_config_that_is_empty() -> Result<()> {
    refused_config("", &["no settings", "virtual_server"])
}

#[test]
fn a_config_that_is_binary() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let director = lab.daemon("")?;
    fs::write(
        &director.config,
        [0x7f, b'E', b'L', b'F', 0, 0xff, 0xfe, 0, 1, 2, 3],
    )?;
    refused(
        &lab,
        &director,
        &mut director.run_command(),
        &["keepalived.conf"],
    )
}

#[test]
fn a_config_of_ten_megabytes() -> Result<()> {
    refused_config(&"garbage ".repeat(10 << 17), &["keepalived.conf"])
}

#[test]
fn a_real_server_that_is_the_vip() -> Result<()> {
    refused_config(
        &example::MASTER.replace("real_server 192.168.66.253", "real_server 192.168.66.251"),
        &["192.168.66.251", ":33:"],
    )
}

#[test]
fn a_real_server_behind_a_router() -> Result<()> {
    refused_config(
        &example::MASTER.replace("192.168.66.253", "10.1.2.3"),
        &["10.1.2.3", "not on a link", ":33:"],
    )
}

#[test]
fn s2_38_other_masks_and_a_server_off_the_link_are_flagged() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let ip = |words: &str| lab.director.namespace.ip(words);
    ip("address del 192.168.66.6/23 dev eth0")?;
    ip("address add 192.168.66.6/24 dev eth0")?;
    let (vip, wide) = ("    192.168.66.251", "    192.168.66.251/23");
    let masked = example::MASTER.replace(vip, wide);
    ensure!(masked != example::MASTER, "the example has another VIP");
    // The daemon looks before it has the address, so the mask of that opens no way to the server.
    let mistyped = masked.replace("192.168.66.253", "192.168.67.253");
    let mut director = lab.daemon(&mistyped)?;
    let said = fails(&director, &mut director.run_command())?;
    ensure!(
        said.contains("192.168.67.253 is not on a link of this host"),
        "{said}"
    );

    director.configure(&masked)?;
    director.start()?;
    director.await_log(
        "192.168.66.251/23 has another mask than eth0, which has 192.168.66.6/24",
        SOON,
    )?;

    let backup = lab.folder().join("of-the-backup.conf");
    let of_backup = example::BACKUP.replace(vip, "    192.168.66.251/24");
    fs::write(
        &backup,
        of_backup.replace("192.168.66.253", "192.168.67.253"),
    )?;
    let mut diff = director.command("config");
    let output = director.outcome(diff.arg("diff").arg(&director.config).arg(&backup))?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for words in ["/23", "/24", "192.168.67.253, outside of 192.168.66.251/24"] {
        ensure!(said.contains(words), "no {words}: {said}");
    }
    Ok(())
}

#[test]
fn a_service_that_is_there_twice() -> Result<()> {
    refused_config(
        &example::MASTER.replace("192.168.66.251 3308 {", "192.168.66.251 3306 {"),
        &["192.168.66.251", "3306", ":43:"],
    )
}

#[test]
fn ports_that_are_none() -> Result<()> {
    for port in ["65536", "3306x"] {
        refused_config(
            &example::MASTER.replace("251 3306 {", &format!("251 {port} {{")),
            &[port, ":25:31"],
        )?;
    }
    Ok(())
}

#[test]
fn a_weight_below_zero() -> Result<()> {
    refused_config(
        &example::MASTER.replace("weight 1", "weight -1"),
        &["-1", ":34:12"],
    )
}

#[test]
fn an_address_that_is_none() -> Result<()> {
    refused_config(
        &example::MASTER.replace("real_server 192.168.66.253", "real_server 192.168.66.2533"),
        &["192.168.66.2533", ":33:15"],
    )
}

#[test]
fn an_unknown_keyword() -> Result<()> {
    refused_config(
        &example::MASTER.replace("delay_loop", "delay_lop"),
        &["delay_lop", "delay_loop", ":26:3"],
    )
}

fn refused_config(config: &str, words: &[&str]) -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let director = lab.daemon(config)?;
    refused(&lab, &director, &mut director.run_command(), words)
}

/// The command fails with these words and leaves nothing.
fn refused(lab: &Lab, director: &Director, command: &mut Command, words: &[&str]) -> Result<()> {
    let said = fails(director, command)?;
    for word in words {
        ensure!(said.contains(word), "no `{word}` in:\n{said}");
    }
    ensure!(!director.socket.exists(), "a socket was left");
    untouched(lab, director)
}

/// The command fails as every failed start does; returns what it said.
fn fails(director: &Director, command: &mut Command) -> Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = director.outcome(command)?;
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    ensure!(
        status.code() == Some(2),
        "{status} instead of exit code 2:\n{said}"
    );
    ensure!(
        said.contains("error: ") && said.contains("help: "),
        "not what is wrong and what to do:\n{said}"
    );
    ensure!(!said.contains("panicked"), "{said}");
    Ok(said)
}

fn untouched(lab: &Lab, director: &Director) -> Result<()> {
    ensure!(!lab.director.has_xdp()?, "a program is attached");
    ensure!(!director.is_pinned()?, "something is pinned");
    assert_eq!(
        lab.director.addresses("eth0")?,
        ["192.168.66.6/23"],
        "an address was added"
    );
    Ok(())
}
