//! The tree of commands as a whole.

use clap::{CommandFactory, Parser, error::ErrorKind};

use super::*;
use crate::dataplane::XdpMode;

fn parse(line: &str) -> Result<Command, clap::Error> {
    Cli::try_parse_from(line.split(' ')).map(|cli| cli.command)
}

#[test]
fn the_definitions_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn run_has_the_defaults_of_keepalived_and_the_limits() {
    let Command::Run(options) = parse("director run").unwrap() else {
        panic!("not run");
    };
    assert_eq!(options.config, None);
    let started = crate::daemon::Options::from(options.clone());
    assert_eq!(
        started.config,
        PathBuf::from("/etc/keepalived/keepalived.conf")
    );
    assert_eq!(options.interfaces, Vec::<String>::new());
    assert_eq!(options.xdp_mode, XdpMode::Auto);
    assert_eq!(options.pins, PathBuf::from(DEFAULT_ROOT));
    assert_eq!(options.socket, PathBuf::from(DEFAULT_SOCKET));
    assert_eq!(options.flow_table_size, None);
}

#[test]
fn run_takes_several_interfaces() {
    let Command::Run(options) = parse("director run --interface eth0 --interface eth1").unwrap()
    else {
        panic!("not run");
    };
    assert_eq!(options.interfaces, ["eth0", "eth1"]);
}

#[test]
fn a_flow_table_of_no_size_is_refused() {
    let error = parse("director run --flow-table-size 0").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValueValidation);
}

#[test]
fn a_listing_has_one_view() {
    let error = parse("director list --stats --rate").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
}

#[test]
fn a_map_is_named_in_any_case_and_only_if_there_is_one() {
    let Command::Map(map::Command::Dump(options)) = parse("director map dump flows_v4").unwrap()
    else {
        panic!("not map dump");
    };
    assert_eq!(options.map, director_common::limits::map::FLOWS_V4);
    let error = parse("director map dump FLOW").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
}

#[test]
fn every_command_says_what_it_does() {
    fn check(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        command.get_subcommands().for_each(check);
    }
    check(&Cli::command());
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let end = Err(CliError::Output(std::io::ErrorKind::BrokenPipe.into()));
    assert_eq!(
        format!("{:?}", output::report(end)),
        format!("{:?}", ExitCode::SUCCESS)
    );
}

#[test]
fn a_real_server_is_drained_for_a_minute_unless_another_time_is_given() {
    for (words, timeout, wait) in [
        ("", 60, false),
        (" --timeout 5 --wait", 5, true),
        (" --timeout 0", 0, false),
    ] {
        let line = format!("director real drain 192.168.66.251:3306 192.168.66.253{words}");
        let Command::Real(edit::RealCommand::Drain(options)) = parse(&line).unwrap() else {
            panic!("not a drain");
        };
        assert_eq!((options.timeout, options.wait), (timeout, wait));
    }
    for line in [
        "director real add 192.168.66.251 192.168.66.253",
        "director real add 192.168.66.251:3306 192.168.66.253 --weight 2147483648",
        "director service add 192.168.66.251:3306 --scheduler round",
        "director service add 192.168.66.251:3306 --ops",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}
