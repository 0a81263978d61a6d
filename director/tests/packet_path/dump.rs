//! The maps as `director map` shows them.

use director::dataplane::dump::{self, DumpError};
use director_common::limits::map;
use serde_json::json;

use crate::{
    bench::{Bench, PinRoot},
    packets,
};

#[test]
fn every_map_is_decoded() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    assert_eq!(
        bench.rows(map::INSTANCES),
        [(
            json!(1),
            json!({"role": "MASTER", "virtual_router_id": 0, "ifindex": 0, "family": "IPv4"})
        )]
    );
    assert_eq!(
        bench.rows(map::LEASES),
        [(
            json!(1),
            json!({
                "state": "held for ever",
                "left_ms": null,
                "until_jiffies": u64::MAX,
                "until_monotonic_ns": u64::MAX,
            })
        )]
    );
    assert_eq!(
        bench.rows(map::SERVERS)[0].1,
        json!({
            "address": "192.168.66.1",
            "port": 3306,
            "in_use": true,
            "accepts_new": true,
            "local": false,
            "generation": 0,
            "service": 1,
            "instance": 1,
            "mac": "02:00:00:00:01:01",
            "source_mac": "02:00:00:00:00:06",
            "ifindex": 1,
            "vlans": [0, 0],
            "mtu": 1500,
            "upper_threshold": 0,
            "lower_threshold": 0,
        })
    );
    let (service, schedule) = &bench.rows(map::SCHEDULES)[0];
    assert_eq!(*service, json!(1));
    assert_eq!(schedule["slots"], json!([0, 1]));
    assert_eq!(
        schedule["candidates"],
        json!([{"server": 1, "weight": 1}, {"server": 2, "weight": 1}])
    );
    assert_eq!(bench.rows(map::CURSORS), [(json!(1), json!(1))]);
    assert_eq!(
        bench.rows(map::LOADS),
        [(
            json!(1),
            json!({"active": 1, "inactive": 0, "overloaded": false})
        )]
    );
    assert_eq!(
        bench.rows(map::HALF_OPEN_V4)[0].0,
        json!({"client": "192.168.66.10:1000", "vip": "192.168.66.251:3306", "protocol": "TCP"})
    );
    bench.run(&packets::ack(1000).frame());
    assert_eq!(bench.rows(map::HALF_OPEN_V4), []);
    assert_eq!(bench.rows(map::FLOWS_V4).len(), 1);
    let services = bench.rows(map::SERVICES_V4);
    assert!(services.iter().any(|(key, service)| {
        *key == json!({"vip": "192.168.66.251:3306", "protocol": "UDP"}) && service["id"] == 2
    }));
    assert_eq!(bench.rows(map::EGRESS), [(json!(1), json!({"ifindex": 1}))]);
    assert_eq!(
        bench.rows(map::INTERFACES)[0].1["address_v4"],
        "192.168.66.6"
    );
    assert_eq!(bench.rows(map::COUNTERS)[0].0, "forward_flow");
}

#[test]
fn the_list_has_every_map_with_its_entries_and_memory() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    bench.run(&packets::ack(1000).frame());
    let maps = dump::list(bench.root.path()).expect("the maps");
    let names: Vec<_> = maps.iter().map(|map| map.name.as_str()).collect();
    assert_eq!(names, map::ALL);
    assert!(maps.iter().all(|map| map.memory_bytes > 0), "{maps:?}");
    let flows = maps
        .iter()
        .find(|found| found.name == map::FLOWS_V4)
        .expect("the flows");
    assert_eq!((flows.kind.as_str(), flows.entries), ("lru_hash", 1));
    // A flow may cost no more than 128 bytes.
    assert!(
        flows.memory_bytes < 128 * 4096 + 65_536,
        "{} bytes",
        flows.memory_bytes
    );
}

#[test]
fn what_is_not_there_is_told() {
    let bench = Bench::new();
    let nobody = PinRoot::new();
    assert!(matches!(
        dump::list(nobody.path()),
        Err(DumpError::NothingPinned(_))
    ));
    let unknown = dump::dump(bench.root.path(), "FLOWS", |_| {
        std::ops::ControlFlow::Continue(())
    });
    let error = unknown.expect_err("no such map");
    assert!(matches!(error, DumpError::Unknown(_)));
    assert!(error.help().contains("FLOWS_V4"));
}
