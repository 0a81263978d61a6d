//! What outlives a daemon, and what keeps a second one out.

use std::fs;

use director::{
    config::Scheduler,
    dataplane::{
        DataPlane, Found, LoadError, PinsError,
        flows::FlowTables,
        pins::{self, Unloaded},
    },
};

use crate::{
    bench::{Bench, PinRoot, server, sizes, wanted},
    packets,
};

#[test]
fn s2_17_the_next_daemon_finds_tables_flows_and_counters_as_they_were() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    bench.run(&packets::ack(1000).frame());
    bench.dataplane.keep();
    let Bench { dataplane, root } = bench;
    let tables = dataplane.tables().clone();
    drop(dataplane);

    let mut next = DataPlane::load(root.path(), &sizes(4096)).expect("the pins are taken over");
    assert_eq!(next.found(), Found::Ours);
    next.adopt_tables().expect("the tables are read");
    assert_eq!(next.tables(), &tables);
    let unchanged = wanted(Scheduler::RoundRobin, &[server(1, 1), server(2, 1)]);
    assert_eq!(next.apply(&unchanged).expect("nothing to write"), []);
    let mut bench = Bench {
        dataplane: next,
        root,
    };
    assert_eq!(bench.server_of(&packets::ack(1000).frame()), Some(1));
    assert_eq!(bench.counters()["forward_flow"], 2);
}

#[test]
fn a_second_director_on_the_same_pins_is_kept_out() {
    let bench = Bench::new();
    let second = DataPlane::load(bench.root.path(), &sizes(4096));
    assert!(matches!(
        second,
        Err(LoadError::Pins(PinsError::Locked { .. }))
    ));
    drop(second);
    assert!(bench.root.path().exists(), "the first one's pins stay");
}

#[test]
fn pins_of_another_version_are_not_touched() {
    let root = PinRoot::new();
    let other = root.path().join("v999");
    fs::create_dir_all(&other).expect("a folder");
    let refused = DataPlane::load(root.path(), &sizes(4096));
    assert!(matches!(
        refused,
        Err(LoadError::Pins(PinsError::OtherVersion { found, .. })) if found == "v999"
    ));
    assert!(other.exists());
}

#[test]
fn what_no_director_has_pinned_is_not_touched() {
    let root = PinRoot::new();
    let foreign = root.path().join("cilium");
    fs::create_dir_all(&foreign).expect("a folder");
    let refused = DataPlane::load(root.path(), &sizes(4096));
    assert!(matches!(
        refused,
        Err(LoadError::Pins(PinsError::Foreign { .. }))
    ));
    assert!(matches!(
        pins::unload(root.path()),
        Err(PinsError::Foreign { .. })
    ));
    assert!(foreign.exists());
}

#[test]
fn a_start_that_was_killed_in_the_middle_does_not_stop_the_next_one() {
    let mut bench = Bench::new();
    bench.dataplane.keep();
    let Bench { dataplane, root } = bench;
    drop(dataplane);
    fs::remove_file(pins::folder(root.path()).join("program")).expect("the last pin");
    let next = DataPlane::load(root.path(), &sizes(4096)).expect("a new start");
    assert_eq!(next.found(), Found::Nothing);
    let second = DataPlane::load(root.path(), &sizes(4096));
    assert!(
        matches!(second, Err(LoadError::Pins(PinsError::Locked { .. }))),
        "the new start holds the folder"
    );
}

#[test]
fn a_start_that_cannot_pin_its_program_leaves_the_earlier_one_s_pins_in_use() {
    let mut bench = Bench::new();
    bench.dataplane.keep();
    let Bench { dataplane, root } = bench;
    drop(dataplane);
    // A folder where the new pin would be made: it cannot be replaced by one.
    let folder = pins::folder(root.path());
    fs::create_dir_all(folder.join("program_next")).expect("a folder");
    let refused = DataPlane::load(root.path(), &sizes(4096));
    assert!(matches!(
        refused,
        Err(LoadError::Pins(_) | LoadError::Pin(_))
    ));
    drop(refused);
    assert!(folder.join("program").exists());
}

#[test]
fn a_start_replaces_what_a_killed_one_left_beside_the_program() {
    let mut bench = Bench::new();
    bench.dataplane.keep();
    let Bench { dataplane, root } = bench;
    drop(dataplane);
    let folder = pins::folder(root.path());
    fs::hard_link(folder.join("program"), folder.join("program_next")).expect("another pin");
    let next = DataPlane::load(root.path(), &sizes(4096)).expect("the pins are taken over");
    assert_eq!(next.found(), Found::Ours);
    assert!(folder.join("program").exists());
    assert!(!folder.join("program_next").exists());
}

#[test]
fn a_start_that_is_not_completed_leaves_nothing_pinned() {
    let bench = Bench::new();
    let Bench { dataplane, root } = bench;
    drop(dataplane);
    assert!(!root.path().exists());
}

#[test]
fn a_flow_table_that_the_machine_cannot_hold_is_refused_and_leaves_nothing() {
    let root = PinRoot::new();
    let refused = DataPlane::load(root.path(), &sizes(u32::MAX - 1));
    assert!(matches!(refused, Err(LoadError::Object(_))));
    assert!(!root.path().exists());
}

#[test]
fn a_flow_table_that_is_taken_over_keeps_its_size() {
    let mut bench = Bench::sized(128);
    bench.dataplane.keep();
    let Bench { dataplane, root } = bench;
    drop(dataplane);
    let _next = DataPlane::load(root.path(), &sizes(4096)).expect("the pins are taken over");
    let tables = FlowTables::open(&pins::folder(root.path())).expect("the table");
    assert_eq!(tables.capacity().expect("its size"), 128);
}

#[test]
fn unload_removes_what_a_daemon_left() {
    let mut bench = Bench::new();
    bench.dataplane.keep();
    let Bench { dataplane, root } = bench;
    assert!(matches!(
        pins::unload(root.path()),
        Err(PinsError::Locked { .. })
    ));
    drop(dataplane);
    assert_eq!(
        pins::unload(root.path()).expect("removed"),
        Unloaded::Removed
    );
    assert!(!root.path().exists());
    assert_eq!(
        pins::unload(root.path()).expect("nothing"),
        Unloaded::NothingThere
    );
}
