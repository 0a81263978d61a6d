//! Bad input and what is said of it, word by word.

use super::{Color, GOOD, changed, remarks, text};

/// One remark, with its line, its underlined word and what is right.
fn rendered(from: &str, to: &str) -> String {
    let loaded = changed(from, to);
    assert_eq!(loaded.diagnostics.len(), 1, "{:?}", remarks(&loaded));
    loaded.render(Color::Plain)
}

#[test]
fn an_unknown_keyword_gets_the_nearest_one() {
    let expected = "\
error: unknown keyword `priorty` in `vrrp_instance`
 --> test.conf:5:3
  |
5 |   priorty 100
  |   ^^^^^^^ did you mean `priority`?

";
    assert_eq!(rendered("priority 100", "priorty 100"), expected);
}

#[test]
fn a_keyword_of_another_block_is_told_where_it_belongs() {
    let expected = "\
error: unknown keyword `quorum` in `vrrp_instance`
 --> test.conf:5:3
  |
5 |   quorum 2
  |   ^^^^^^ it belongs to virtual_server, vrrp_track_process
  |
  = help: move it there; see also whether a brace above closes too early or too late

";
    assert_eq!(rendered("priority 100", "quorum 2"), expected);
}

#[test]
fn a_keyword_that_is_not_supported_yet_is_a_warning() {
    let expected = "\
warning: `use_ipvlan` is not supported yet
 --> test.conf:5:3
  |
5 |   use_ipvlan
  |   ^^^^^^^^^^ the interface's own hardware address answers for the addresses

";
    assert_eq!(rendered("priority 100", "use_ipvlan"), expected);
}

#[test]
fn s2_12_a_word_that_is_not_a_scheduler_is_an_error() {
    let expected = "\
error: unknown scheduler `fastest`
  --> test.conf:11:11
   |
11 |   lb_algo fastest
   |           ^^^^^^^ `lb_algo` takes one of rr wrr lc wlc lblc sh mh dh fo ovf lblcr sed nq twos

";
    assert_eq!(rendered("lb_algo wrr", "lb_algo fastest"), expected);
}

#[test]
fn s2_12_a_missing_scheduler_is_a_warning() {
    let expected = "\
warning: this virtual server has no `lb_algo`
  --> test.conf:10:16
   |
10 | virtual_server 10.0.0.1 80 {
   |                ^^^^^^^^^^^ it takes `wlc`, as in keepalived
   |
   = help: add `lb_algo wlc`, or another scheduler

";
    assert_eq!(rendered("  lb_algo wrr\n", ""), expected);
}

#[test]
fn a_flag_of_another_scheduler_is_an_error() {
    let expected = "\
error: scheduler `mh` has no flag `sh-port`
  --> test.conf:12:3
   |
12 |   sh-port
   |   ^^^^^^^ `sh` has it
   |
   = help: write `mh-port`

";
    assert_eq!(rendered("lb_algo wrr", "lb_algo mh\n  sh-port"), expected);
}

#[test]
fn s2_12_nat_is_an_error() {
    let expected = "\
error: `lb_kind NAT` is not supported
  --> test.conf:12:11
   |
12 |   lb_kind NAT
   |           ^^^ the director works in direct routing only
   |
   = help: write `lb_kind DR`, and give the real servers the virtual address on their loopback interface, without ARP

";
    assert_eq!(rendered("lb_kind DR", "lb_kind NAT"), expected);
}

#[test]
fn s2_12_a_missing_method_is_an_error() {
    let expected = "\
error: this virtual server has no `lb_kind`
  --> test.conf:10:16
   |
10 | virtual_server 10.0.0.1 80 {
   |                ^^^^^^^^^^^ keepalived would take `NAT`, which is not supported
   |
   = help: add `lb_kind DR` if the real servers have the address on their loopback interface

";
    assert_eq!(rendered("  lb_kind DR\n", ""), expected);
}

#[test]
fn a_missing_protocol_with_a_tcp_check_is_an_error() {
    let expected = "\
error: this virtual server has no `protocol`
  --> test.conf:10:16
   |
10 | virtual_server 10.0.0.1 80 {
   |                ^^^^^^^^^^^ keepalived would take UDP, but its real servers are checked by TCP
   |
   = help: add `protocol TCP`, or `protocol UDP` if that is meant

";
    assert_eq!(rendered("  protocol TCP\n", ""), expected);
}

#[test]
fn a_real_server_equal_to_the_virtual_address_is_an_error() {
    let expected = "\
error: this `real_server` is the virtual address itself
  --> test.conf:14:15
   |
14 |   real_server 10.0.0.1 80 {
   |               ^^^^^^^^ packets would come back to the director for ever
   |
   = help: write the server's own address on the network; the virtual address belongs on its loopback interface only

";
    assert_eq!(
        rendered("real_server 10.0.0.2 80", "real_server 10.0.0.1 80"),
        expected
    );
}

#[test]
fn port_0_without_persistence_is_an_error() {
    let expected = "\
error: a virtual server for all ports needs persistence
  --> test.conf:10:25
   |
10 | virtual_server 10.0.0.1 0 {
   |                         ^ port 0 stands for all ports
   |
   = note: the connections of one client to different ports would go to different real servers; keepalived switches persistence on by itself, and ipvsadm refuses it
   = help: add `persistence_timeout 360`, or write one port

";
    let loaded = text(
        &GOOD
            .replace("virtual_server 10.0.0.1 80", "virtual_server 10.0.0.1 0")
            .replace("real_server 10.0.0.2 80", "real_server 10.0.0.2")
            .replace("connect_timeout 2", "connect_port 80"),
    );
    assert_eq!(loaded.render(Color::Plain), expected);
}

#[test]
fn another_family_than_the_virtual_servers_is_an_error() {
    let expected = "\
error: this `real_server` has an IPv6 address, its virtual server an IPv4 address
  --> test.conf:14:15
   |
14 |   real_server fd00::2 80 {
   |               ^^^^^^^ an IPv4 address is wanted here
   |
   = note: direct routing changes only the hardware addresses of a packet; it cannot make one family into the other
   = help: write the server's IPv4 address, or a virtual server of its own for IPv6

";
    assert_eq!(
        rendered("real_server 10.0.0.2 80", "real_server fd00::2 80"),
        expected
    );
}

#[test]
fn a_lower_threshold_above_the_upper_one_is_an_error() {
    let expected = "\
error: `lthreshold` is above `uthreshold`
  --> test.conf:16:16
   |
15 |     uthreshold 5
   |                - the server gets no new connections from here on
16 |     lthreshold 7
   |                ^ at most 5 can stand here
   |
   = help: the lower threshold says when a full server gets new connections again; without it, below three quarters of `uthreshold`

";
    assert_eq!(
        rendered("weight 3", "uthreshold 5\n    lthreshold 7"),
        expected
    );
}

#[test]
fn timeouts_in_braces_are_read_with_a_warning() {
    let expected = "\
warning: `lvs_timeouts` in braces is not read by keepalived
 --> test.conf:2:3
  |
2 |   lvs_timeouts {
  |   ^^^^^^^^^^^^ it is read here
  |
  = note: keepalived takes the closing brace for the end of `global_defs`, and nothing after it as part of that block
  = help: write it on one line: `lvs_timeouts tcp 900 tcpfin 120 udp 300`

";
    let global = "global_defs {\n  lvs_timeouts {\n    tcp 60\n    udp 5 tcpfin 3\n  }\n}\n";
    let loaded = text(&format!("{global}{GOOD}"));
    assert_eq!(loaded.render(Color::Plain), expected);
}

#[test]
fn port_65536_is_an_error() {
    let expected = "\
error: `65536` is out of range
  --> test.conf:14:24
   |
14 |   real_server 10.0.0.2 65536 {
   |                        ^^^^^ a port is a whole number from 1 to 65535

";
    assert_eq!(
        rendered("real_server 10.0.0.2 80", "real_server 10.0.0.2 65536"),
        expected
    );
}

#[test]
fn a_weight_below_0_is_an_error() {
    let expected = "\
error: `-1` is out of range
  --> test.conf:15:12
   |
15 |     weight -1
   |            ^^ `weight` takes a whole number from 0 to 2147483647

";
    assert_eq!(rendered("weight 3", "weight -1"), expected);
}

#[test]
fn a_word_that_is_not_an_address_is_an_error() {
    let expected = "\
error: `db1` is not an IP address
  --> test.conf:14:15
   |
14 |   real_server db1 80 {
   |               ^^^ an address such as 192.168.66.251 or fd00::251 is wanted here; names are not resolved

";
    assert_eq!(
        rendered("real_server 10.0.0.2 80", "real_server db1 80"),
        expected
    );
}

#[test]
fn an_unclosed_block_is_shown_at_its_opening_brace() {
    let expected = "\
error: this block is not closed
  --> test.conf:10:28
   |
10 | virtual_server 10.0.0.1 80 {
   |                            ^ no `}` for this brace
   |
   = help: write the missing `}`

";
    assert_eq!(rendered("    }\n  }\n}\n", "    }\n  }\n"), expected);
}

#[test]
fn a_stray_brace_is_an_error() {
    let expected = "\
error: this brace closes nothing
  --> test.conf:10:1
   |
10 | }
   | ^
   |
   = help: take it away, or see whether a block above was closed too early

";
    assert_eq!(
        rendered("virtual_server 10", "}\nvirtual_server 10"),
        expected
    );
}

#[test]
fn trailing_words_are_an_error() {
    let expected = "\
error: unexpected `the` after `priority`
 --> test.conf:5:16
  |
5 |   priority 100 the higher one
  |                ^^^
  |
  = help: `priority` takes one value; comments start with `#` or `!`

";
    assert_eq!(
        rendered("priority 100", "priority 100 the higher one"),
        expected
    );
}

#[test]
fn a_missing_value_is_an_error() {
    let expected = "\
error: `priority` needs its value
 --> test.conf:5:3
  |
5 |   priority
  |   ^^^^^^^^ its value is missing after this word

";
    assert_eq!(rendered("priority 100", "priority"), expected);
}

#[test]
fn a_fraction_of_a_second_with_version_2_is_an_error() {
    let expected = "\
error: VRRP version 2 has no fractions of a second
 --> test.conf:5:14
  |
5 |   advert_int 0.3
  |              ^^^ its packets carry whole seconds, from 1 to 255
  |
  = note: keepalived rounds it, so that the director takes over later than the file says
  = help: write `advert_int 1`, or `version 3` on all directors of this instance

";
    assert_eq!(rendered("priority 100", "advert_int 0.3"), expected);
}

#[test]
fn s2_14_nb_get_retry_is_taken_as_retry() {
    let expected = "\
warning: `nb_get_retry` is not a keyword of TCP_CHECK
  --> test.conf:17:7
   |
17 |       nb_get_retry 3
   |       ^^^^^^^^^^^^ taken as `retry`
   |
   = note: keepalived ignores it here and retries once
   = help: write `retry 3`

";
    assert_eq!(rendered("connect_timeout 2", "nb_get_retry 3"), expected);
}

#[test]
fn another_port_of_a_real_server_is_a_warning() {
    let expected = "\
warning: `real_server` has another port than its virtual server
  --> test.conf:14:24
   |
14 |   real_server 10.0.0.2 8080 {
   |                        ^^^^ 80 is used, as in keepalived
   |
   = note: direct routing cannot translate ports
   = help: write 80 here, or another port at the virtual server

";
    assert_eq!(
        rendered("real_server 10.0.0.2 80", "real_server 10.0.0.2 8080"),
        expected
    );
}

#[test]
fn another_check_says_that_the_server_is_not_checked() {
    let expected = "\
warning: `HTTP_GET` is not supported yet
  --> test.conf:16:5
   |
16 |     HTTP_GET {
   |     ^^^^^^^^ the real server is not checked by it; without a TCP_CHECK it counts as up, whatever happens to it

";
    assert_eq!(rendered("TCP_CHECK", "HTTP_GET"), expected);
}

#[test]
fn an_address_that_no_instance_holds_is_a_warning() {
    let expected = "\
warning: no `vrrp_instance` holds 10.0.0.1
  --> test.conf:10:16
   |
10 | virtual_server 10.0.0.1 80 {
   |                ^^^^^^^^^^^ nothing here brings this address up
   |
   = help: list it in the `virtual_ipaddress` of an instance, unless something else adds it

";
    assert_eq!(rendered("    10.0.0.1\n", "    10.0.0.9\n"), expected);
}
