//! What is tracked: `vrrp_script`, `vrrp_track_process`, `track_file`, and the blocks that name them.

use std::{path::Path, time::Duration};

use super::{
    super::{InitFile, ProcessMatch, StartsAs, Tracked},
    GOOD, config, none, remarks, text,
};

const SCRIPT: &str = "vrrp_script chk {\n  script \"/bin/chk --port 3306\"\n}\n";

/// The good configuration with lines in its instance, after blocks of the outermost level. Line numbers of the blocks are kept.
fn with(blocks: &str, lines: &str) -> super::Loaded {
    let instance = GOOD.replacen(
        "  priority 100\n",
        &format!("  priority 100\n  {lines}\n"),
        1,
    );
    text(&format!("{blocks}{instance}"))
}

fn clean(blocks: &str, lines: &str) -> super::Config {
    let loaded = with(blocks, lines);
    assert_eq!(remarks(&loaded), none(), "{blocks}{lines}");
    config(loaded)
}

/// Name, weight, `reverse`.
fn shown(tracked: &[Tracked]) -> Vec<(&str, i32, bool)> {
    tracked
        .iter()
        .map(|tracked| (tracked.name.as_str(), tracked.weight, tracked.reverse))
        .collect()
}

#[test]
fn a_script_has_keepaliveds_defaults() {
    let config = clean(SCRIPT, "track_script {\n chk\n }");
    let script = &config.vrrp_scripts[0];
    assert_eq!(script.name, "chk");
    assert_eq!(script.script.command, ["/bin/chk", "--port", "3306"]);
    assert_eq!(script.script.user, None);
    assert_eq!(script.interval, Duration::from_secs(1));
    assert_eq!(script.timeout, Duration::from_secs(1));
    assert_eq!((script.rise.get(), script.fall.get()), (1, 1));
    assert_eq!(script.starts_as, StartsAs::Unknown);
    assert_eq!(
        shown(&config.vrrp_instances[0].track.scripts),
        [("chk", 0, false)]
    );
}

#[test]
fn every_setting_of_a_script_is_read() {
    let block = "vrrp_script chk {\n script \"'/opt/my check' 'a b' \\\\\\\"c\"\n interval 2\n timeout 5\n weight -20 reverse\n \
                 rise 2\n fall 3\n user mysql dba\n init_fail\n}\n";
    let config = clean(block, "track_script {\n chk\n }");
    let script = &config.vrrp_scripts[0];
    assert_eq!(script.script.command, ["/opt/my check", "a b", "\"c"]);
    let user = script.script.user.as_ref().expect("it is set");
    assert_eq!(
        (user.user.as_str(), user.group.as_deref()),
        ("mysql", Some("dba"))
    );
    assert_eq!(script.interval, Duration::from_secs(2));
    assert_eq!(script.timeout, Duration::from_secs(5));
    assert_eq!((script.rise.get(), script.fall.get()), (2, 3));
    assert_eq!(script.starts_as, StartsAs::Failed);
    assert_eq!(
        shown(&config.vrrp_instances[0].track.scripts),
        [("chk", -20, true)]
    );
}

#[test]
fn a_redirection_is_run_by_a_shell_as_in_keepalived() {
    let block = "vrrp_script chk {\n script \"</dev/tcp/127.0.0.1/3306\"\n}\n";
    let config = clean(block, "track_script {\n chk\n }");
    assert_eq!(
        config.vrrp_scripts[0].script.command,
        ["/bin/sh", "-c", "</dev/tcp/127.0.0.1/3306"]
    );
}

#[test]
fn a_timeout_is_the_interval_unless_it_is_set() {
    let block = "vrrp_script chk {\n script /bin/true\n interval 7\n}\n";
    let config = clean(block, "track_script {\n chk\n }");
    assert_eq!(config.vrrp_scripts[0].timeout, Duration::from_secs(7));
}

#[test]
fn a_process_is_compared_by_as_much_as_is_given() {
    let cases = [
        ("process nginx", ProcessMatch::Name),
        (
            "process /usr/sbin/nginx\n full_command",
            ProcessMatch::FullCommand,
        ),
        ("process nginx -g daemon", ProcessMatch::ExactArguments),
        ("process nginx\n param_match", ProcessMatch::ExactArguments),
        (
            "process nginx -g\n param_match partial",
            ProcessMatch::InitialArguments,
        ),
        (
            "process nginx -g\n param_match initial",
            ProcessMatch::PartialArguments,
        ),
    ];
    for (lines, matching) in cases {
        let block = format!("vrrp_track_process web {{\n {lines}\n}}\n");
        let config = clean(&block, "track_process {\n web\n }");
        assert_eq!(config.track_processes[0].matching, matching, "{lines}");
    }
}

#[test]
fn every_setting_of_a_process_is_read() {
    let block = "vrrp_track_process web {\n process \"/tmp/a b\" param1 \"param 2\"\n weight 254\n quorum 2\n quorum_max 5\n \
                 delay 3\n fork_delay 0.5\n}\n";
    let config = clean(block, "track_process {\n web\n }");
    let process = &config.track_processes[0];
    assert_eq!(process.process, ["/tmp/a b", "param1", "param 2"]);
    assert_eq!((process.quorum, process.quorum_max), (2, Some(5)));
    assert_eq!(process.fork_delay, Duration::from_millis(500));
    assert_eq!(process.terminate_delay, Duration::from_secs(3));
    assert_eq!(
        shown(&config.vrrp_instances[0].track.processes),
        [("web", 254, false)]
    );
    let none = "vrrp_track_process web {\n process nginx\n quorum_max 0\n}\n";
    let process = clean(none, "track_process {\n web\n }");
    let process = &process.track_processes[0];
    assert_eq!((process.quorum, process.quorum_max), (0, Some(0)));
}

#[test]
fn a_file_weighs_1_and_can_be_written_at_the_start() {
    let cases = [
        ("", None),
        ("init_file", Some((0, false))),
        ("init_file -7", Some((-7, false))),
        ("init_file overwrite", Some((0, true))),
        ("init_file 3 overwrite", Some((3, true))),
    ];
    for (line, init) in cases {
        for keyword in ["track_file", "vrrp_track_file"] {
            let block = format!("{keyword} load {{\n file /run/load\n {line}\n}}\n");
            let config = clean(&block, "track_file {\n load\n }");
            let file = &config.track_files[0];
            assert_eq!(file.file, Path::new("/run/load"));
            let init = init.map(|(value, overwrite)| InitFile { value, overwrite });
            assert_eq!(file.init, init, "{line}");
            assert_eq!(
                shown(&config.vrrp_instances[0].track.files),
                [("load", 1, false)]
            );
        }
    }
}

#[test]
fn s1_08_a_line_says_another_weight_than_the_definition() {
    let block = "vrrp_script chk {\n script /bin/true\n weight 10 reverse\n}\n";
    for (line, weight, reverse) in [
        ("chk", 10, true),
        ("chk noreverse", 10, false),
        ("chk weight -5", -5, true),
        ("chk weight -5 no_reverse", -5, false),
    ] {
        let loaded = with(block, &format!("track_script {{\n {line}\n }}"));
        let scripts = config(loaded).vrrp_instances.remove(0).track.scripts;
        assert_eq!(shown(&scripts), [("chk", weight, reverse)], "{line}");
    }
    let lines = "track_interface {\n eth1\n eth2 weight -5 reverse\n }";
    assert_eq!(
        shown(&clean("", lines).vrrp_instances[0].track.interfaces),
        [("eth1", 0, false), ("eth2", -5, true)]
    );
}

#[test]
fn a_group_tracks_for_all_its_members() {
    let loaded = in_group(
        "track_script {\n chk weight 10\n }\n track_interface {\n eth7 weight 5\n }",
        "",
    );
    let error = ["4 error: there is no `vrrp_script` `chk`"];
    assert_eq!(remarks(&loaded), error);
    let loaded = in_group("track_interface {\n eth7 weight 5\n }", "");
    assert_eq!(remarks(&loaded), none());
    assert_eq!(
        shown(&config(loaded).sync_groups[0].track.interfaces),
        [("eth7", 5, false)]
    );
}

#[test]
fn what_cannot_be_tracked_is_refused_on_its_line() {
    let tracked =
        "vrrp_script chk {\n script /bin/true\n}\nvrrp_script check2 {\n script /bin/true\n}\n";
    let all = "track_script {\n chk\n check2\n ";
    for (line, remark) in [
        ("chek2\n }", "error: there is no `vrrp_script` `chek2`"),
        ("chk\n }", "error: `chk` is tracked twice"),
        (
            "}\n track_script {\n chk\n }",
            "error: `chk` is tracked twice",
        ),
        (
            "}\n track_process {\n chk\n }",
            "error: there is no `vrrp_track_process` `chk`",
        ),
        (
            "}\n track_interface {\n eth1 weight 254\n }",
            "error: `254` is out of range",
        ),
        (
            "}\n track_interface {\n eth1 weight\n }",
            "error: `weight` needs its value",
        ),
        (
            "}\n track_interface {\n eth1 weight five\n }",
            "error: `five` is not a number",
        ),
        (
            "}\n track_interface {\n eth1 wieght 5\n }",
            "error: unknown word `wieght` after a name",
        ),
        (
            "}\n track_interface {\n eth1 eth2\n }",
            "error: unknown word `eth2` after a name",
        ),
        (
            "}\n track_interface {\n a/b\n }",
            "error: `a/b` cannot be the name of an interface",
        ),
        (
            "}\n track_interface {\n eth1 { }\n }",
            "error: a block cannot stand in `track_interface`",
        ),
    ] {
        let found = remarks(&with(tracked, &format!("{all}{line}")));
        let found: Vec<_> = found
            .iter()
            .filter_map(|remark| remark.split_once(' ').map(|(_, text)| text))
            .collect();
        assert_eq!(found, [remark], "{line}");
    }
}

#[test]
fn a_weight_can_be_as_large_as_keepalived_takes_it() {
    let blocks = "track_file load {\n file /run/load\n}\n";
    for (line, fits) in [
        ("track_interface {\n eth1 weight -253\n }", true),
        ("track_interface {\n eth1 weight -254\n }", false),
        ("track_file {\n load weight 254\n }", true),
        ("track_file {\n load weight -255\n }", false),
    ] {
        let blocks = if line.contains("load") { blocks } else { "" };
        assert_eq!(with(blocks, line).errors() == 0, fits, "{line}");
    }
}

#[test]
fn a_definition_needs_its_main_setting_and_right_values() {
    let tracks = "track_script {\n s\n }\n track_process {\n p\n }\n track_file {\n f\n }";
    let script = "vrrp_script s {\n script /bin/true\n}\n";
    let process = "vrrp_track_process p {\n process nginx\n}\n";
    let file = "track_file f {\n file /run/f\n}\n";
    let good = format!("{script}{process}{file}");
    assert_eq!(remarks(&with(&good, tracks)), none());
    for (from, to, remark) in [
        (
            " script /bin/true\n",
            "",
            "1 error: `vrrp_script` `s` has no `script`",
        ),
        (
            " script /bin/true\n",
            " script\n",
            "2 error: `script` needs its value",
        ),
        (
            " script /bin/true\n",
            " script \" \"\n",
            "2 error: this command names no program",
        ),
        (
            " script /bin/true\n",
            " script \"/bin/x 'a\"\n",
            "2 error: a quote within this command is not closed",
        ),
        (
            " script /bin/true\n",
            " script /bin/x a b\n",
            "2 error: unexpected `a` after the command",
        ),
        (
            " script /bin/true\n",
            " script \"ps -ef | grep mycat\"\n",
            "2 warning: no shell reads this command",
        ),
        (
            " script /bin/true\n",
            " script /bin/true\n interval 0\n",
            "3 error: `0` is out of range",
        ),
        (
            " script /bin/true\n",
            " script /bin/true\n rise 0\n",
            "3 error: `0` is out of range",
        ),
        (
            " script /bin/true\n",
            " script /bin/true\n weight 5 revers\n",
            "3 error: `revers` is not a value of `weight`",
        ),
        (
            " process nginx\n",
            "",
            "4 error: `vrrp_track_process` `p` has no `process`",
        ),
        (
            " process nginx\n",
            " process /usr/sbin/nginx\n",
            "5 warning: `/usr/sbin/nginx` is not the name of a process",
        ),
        (
            " process nginx\n",
            " process nginx\n quorum 3\n quorum_max 2\n",
            "6 error: `quorum` is above `quorum_max`",
        ),
        (
            " process nginx\n",
            " process nginx\n param_match partly\n",
            "6 error: `partly` is not a value of `param_match`",
        ),
        (
            " file /run/f\n",
            "",
            "7 error: `track_file` `f` has no `file`",
        ),
        (
            " file /run/f\n",
            " file run/f\n",
            "8 error: `run/f` is no absolute path",
        ),
        (
            " file /run/f\n",
            " file /run/f\n init_file 1 over\n",
            "9 error: `over` is not a value of `init_file`",
        ),
        (
            " file /run/f\n",
            " file /run/f\n init_file 2147483648\n",
            "9 error: `2147483648` is out of range",
        ),
        (
            "track_file f {",
            "vrrp_script s {\n script /bin/true\n}\ntrack_file f {",
            "7 error: a second `vrrp_script` `s`",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let loaded = with(&good.replacen(from, to, 1), tracks);
        let found = remarks(&loaded);
        assert!(found.contains(&remark.to_owned()), "{to}: {found:?}");
        // A second definition has nobody who tracks it, which is said as well.
        assert!(found.len() <= 2, "{to}: {found:?}");
    }
}

#[test]
fn what_nobody_tracks_is_a_warning() {
    let blocks = format!(
        "{SCRIPT}vrrp_track_process p {{\n process nginx\n}}\ntrack_file f {{\n file /run/f\n}}\n"
    );
    assert_eq!(
        remarks(&with(&blocks, "")),
        [
            "1 warning: nobody tracks `vrrp_script` `chk`",
            "4 warning: nobody tracks `vrrp_track_process` `p`",
            "7 warning: nobody tracks `track_file` `f`",
        ]
    );
}

#[test]
fn a_weight_that_every_line_overrides_is_a_warning() {
    let block = "track_file f {\n file /run/f\n weight 3\n}\n";
    assert_eq!(
        remarks(&with(block, "track_file {\n f weight 5\n }")),
        ["3 warning: this weight of `f` has no effect"]
    );
}

#[test]
fn the_owner_of_the_addresses_keeps_its_priority() {
    let file = GOOD.replace("state BACKUP", "state MASTER").replace(
        "  priority 100\n",
        "  priority 255\n  track_interface {\n  eth1 weight 5\n  eth2\n  }\n",
    );
    assert_eq!(
        remarks(&text(&file)),
        ["7 warning: the weight of `eth1` has no effect with priority 255"]
    );
}

#[test]
fn the_own_interface_is_tracked_in_any_case() {
    let loaded = with("", "track_interface {\n eth0\n }");
    assert_eq!(
        remarks(&loaded),
        ["7 warning: `eth0` is the instance's own interface"]
    );
    let weighted = clean("", "track_interface {\n eth0 weight 10\n }");
    assert_eq!(
        shown(&weighted.vrrp_instances[0].track.interfaces),
        [("eth0", 10, false)]
    );
    assert!(config(loaded).vrrp_instances[0].track.interfaces.is_empty());
}

/// Two instances in a group, the first of which tracks something.
fn in_group(group: &str, lines: &str) -> super::Loaded {
    let other = "vrrp_instance VI_2 {\n interface eth1\n virtual_router_id 9\n virtual_ipaddress {\n 10.1.0.1\n }\n}\n";
    with(
        &format!("vrrp_sync_group G {{\n group {{ VI_1 VI_2 }}\n {group}\n}}\n{other}"),
        lines,
    )
}

#[test]
fn a_weight_in_a_sync_group_is_taken_for_0_unless_the_group_says_so() {
    let loaded = in_group("", "track_interface {\n eth5 weight 5\n }");
    assert_eq!(
        remarks(&loaded),
        ["18 warning: the weight of `eth5` is taken for 0 in a sync group"]
    );
    let member = |loaded| config(loaded).vrrp_instances.remove(1).track.interfaces;
    assert_eq!(shown(&member(loaded)), [("eth5", 0, false)]);
    let loaded = in_group(
        "sync_group_tracking_weight",
        "track_interface {\n eth5 weight 5\n }",
    );
    assert_eq!(remarks(&loaded), none());
    assert_eq!(shown(&member(loaded)), [("eth5", 5, false)]);
}

#[test]
fn what_the_group_tracks_need_not_be_tracked_by_a_member() {
    let loaded = in_group(
        "track_interface {\n eth5\n }",
        "track_interface {\n eth5\n eth6\n }",
    );
    assert_eq!(
        remarks(&loaded),
        ["20 warning: the sync group tracks `eth5`, too"]
    );
    assert_eq!(
        shown(&config(loaded).vrrp_instances[1].track.interfaces),
        [("eth6", 0, false)]
    );
}

#[test]
fn the_order_of_blocks_does_not_matter() {
    let loaded = text(&format!(
        "{}{SCRIPT}",
        GOOD.replacen(
            "  priority 100\n",
            "  priority 100\n  track_script {\n  chk\n  }\n",
            1
        )
    ));
    assert_eq!(remarks(&loaded), none());
}
