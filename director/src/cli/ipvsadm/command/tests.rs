//! ipvsadm's options, word for word.

use super::*;

fn edit(words: &str) -> Result<Edit, String> {
    let line = Line::try_parse_from(words.split(' ')).map_err(|error| error.to_string())?;
    line.options.edit().map_err(|problem| problem.what)
}

const SERVICE: ServiceName = ServiceName {
    protocol: Protocol::Tcp,
    address: IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 66, 251)),
    port: 3306,
};

#[test]
fn s3_01_the_four_commands_of_report_3_are_understood() {
    let Ok(Edit::AddService { service, settings }) =
        edit("-A -t 192.168.66.251:3306 -s wrr -p 120")
    else {
        panic!("not an addition");
    };
    assert_eq!(service, SERVICE);
    assert_eq!(settings.scheduler, Scheduler::WeightedRoundRobin);
    assert_eq!(settings.persistence_secs, Some(120));
    let Ok(Edit::AddServer {
        service,
        server,
        settings,
    }) = edit("-a -t 192.168.66.251:3306 -r 192.168.66.253:3306 -g -w 2")
    else {
        panic!("not an addition");
    };
    assert_eq!(
        (service, server.to_string().as_str()),
        (SERVICE, "192.168.66.253")
    );
    assert_eq!(settings.weight, Some(2));
    assert!(matches!(
        edit("-d -t 192.168.66.251:3306 -r 192.168.66.253"),
        Ok(Edit::RemoveServer { .. })
    ));
    assert_eq!(edit("-C"), Ok(Edit::Clear));
    assert_eq!(edit("-Z"), Ok(Edit::ZeroCounters { service: None }));
    assert_eq!(
        edit("-Z -t 192.168.66.251:3306"),
        Ok(Edit::ZeroCounters {
            service: Some(SERVICE)
        })
    );
    assert_eq!(
        edit("--set 900 0 300"),
        Ok(Edit::SetTimeouts {
            tcp: 900,
            tcpfin: 0,
            udp: 300
        })
    );
}

#[test]
fn options_have_the_defaults_and_the_forms_of_ipvsadm() {
    let Ok(Edit::AddService { service, settings }) =
        edit("-A -u [fd00::1]:53 -p -M 64 -b sh-port,sh-fallback -s sh")
    else {
        panic!("not an addition");
    };
    assert_eq!(service.to_string(), "UDP [fd00::1]:53");
    assert_eq!(settings.persistence_secs, PERSISTENCE.parse().ok());
    assert_eq!(settings.persistence_prefix, Some(64));
    assert!(settings.flags.port && settings.flags.fallback);
    let Ok(Edit::AddService { settings, .. }) = edit("-A -t 10.0.0.1:80 -M 255.255.255.0") else {
        panic!("not an addition");
    };
    assert_eq!(settings.scheduler, Scheduler::WeightedLeastConnection);
    assert_eq!(settings.persistence_prefix, Some(24));
}

#[test]
fn what_direct_routing_cannot_do_is_refused_with_the_reason() {
    for (words, said) in [
        ("-a -t 10.0.0.1:80 -r 10.0.0.2 -m", "direct routing only"),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2 -i", "direct routing only"),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2:81",
            "port 81 is not its service's",
        ),
        ("-A -f 1", "firewall mark"),
        ("-A", "'service-address'"),
        ("-a -t 10.0.0.1:80", "'real-server'"),
        ("-A -t name:80", "illegal virtual server address"),
        ("-A -t 10.0.0.1:80 -M 255.0.255.0", "invalid netmask"),
        ("-A -t 10.0.0.1:80 -b sticky", "illegal scheduler flag"),
        ("-A -t 10.0.0.1:80 -s sh -b mh-port", "no flag `mh-port`"),
        ("-A -t 10.0.0.1:80 -s rr -b sh-port", "no flag `sh-port`"),
        ("--start-daemon master", "not copied between directors"),
        ("-Z -f 1", "firewall mark"),
        ("-A -D -t 10.0.0.1:80", "cannot be used with"),
    ] {
        let error = edit(words).expect_err(words);
        assert!(error.contains(said), "{words}: {error}");
    }
}
