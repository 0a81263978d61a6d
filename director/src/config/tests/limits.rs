//! More virtual servers or real servers than the tables of the packet path have room for.

use super::{none, remarks, text};

#[test]
fn more_than_1023_virtual_servers_are_refused() {
    let file = |count: u32| -> String {
        (1..=count)
            .map(|port| {
                format!("virtual_server 10.0.0.1 {port} {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\nreal_server 10.0.0.2 {port} {{ }}\n}}\n")
            })
            .collect()
    };
    assert_eq!(text(&file(1023)).errors(), 0);
    let loaded = text(&file(1024));
    let errors: Vec<_> = remarks(&loaded)
        .into_iter()
        .filter(|remark| remark.contains("error"))
        .collect();
    assert_eq!(errors, ["6139 error: more than 1023 virtual servers"]);
}

/// A virtual server on its own line, with real servers on theirs.
fn pool(number: u32, servers: u32, sorry: &str) -> String {
    let servers: String = (0..servers)
        .map(|server| {
            format!(
                "real_server 10.1.{}.{} 80 {{ }}\n",
                server >> 8,
                server & 255
            )
        })
        .collect();
    format!(
        "virtual_server 10.0.0.{number} 80 {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\n{sorry}\n{servers}}}\n"
    )
}

fn errors(file: &str) -> Vec<String> {
    let mut remarks = remarks(&text(file));
    remarks.retain(|remark| remark.contains("error"));
    remarks
}

#[test]
fn more_than_256_servers_in_one_virtual_server_are_refused() {
    assert_eq!(errors(&pool(1, 256, "")), none());
    assert_eq!(
        errors(&pool(1, 257, "")),
        ["262 error: more than 256 servers in one virtual server"]
    );
    assert_eq!(
        errors(&pool(1, 256, "sorry_server 10.2.0.0 80")),
        ["5 error: more than 256 servers in one virtual server"]
    );
    assert_eq!(
        errors(&pool(1, 256, "sorry_server 10.1.0.0 80")),
        none(),
        "a sorry server among the real servers counts once"
    );
}

#[test]
fn more_than_16383_servers_in_all_are_refused() {
    let most: String = (1..64).map(|number| pool(number, 256, "")).collect();
    assert_eq!(errors(&format!("{most}{}", pool(64, 255, ""))), none());
    let loaded = errors(&format!("{most}{}", pool(64, 256, "")));
    assert_eq!(
        loaded,
        ["16767 error: more than 16383 real and sorry servers in all virtual servers"]
    );
}
