//! No setting is left out in silence: each has a row in a table.

use std::collections::BTreeSet;

use super::{
    super::{
        object::Object,
        rules::{
            ADDRESS, CHECK, GARP, GLOBAL, GROUP, INSTANCE, LVS_TIMEOUTS, PACE_OF_CHECK,
            REAL_SERVER, Rule, VIRTUAL_SERVER,
        },
    },
    Side, config,
};

const EXAMPLE: &str = include_str!("../../../../../examples/director.conf");

fn covered(object: Object<'_>, rules: &[Rule]) {
    let keys: BTreeSet<_> = object.keys().collect();
    let rows: BTreeSet<_> = rules.iter().map(|rule| rule.key).collect();
    assert!(!keys.is_empty(), "{rows:?} have nothing to stand for");
    assert_eq!(rows.len(), rules.len(), "a key stands twice");
    // What a setting by hand adds is not in every document.
    let optional: BTreeSet<_> = ["on_removal"].into();
    assert_eq!(
        keys.difference(&rows).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "these settings are compared by nobody"
    );
    assert_eq!(
        rows.difference(&keys)
            .filter(|key| !optional.contains(**key))
            .collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "these rows stand for nothing"
    );
}

#[test]
fn every_setting_has_a_row_that_says_how_it_is_compared() {
    let config = config(EXAMPLE);
    let side = Side::of(&config);
    covered(side.global(), GLOBAL);
    covered(side.global().child("lvs_timeouts"), LVS_TIMEOUTS);
    let (instances, groups) = (side.instances(), side.groups());
    covered(instances[0], INSTANCE);
    covered(instances[0].child("garp"), GARP);
    let address = &instances[0].list("virtual_ipaddress")[0];
    covered(Object::bare(address, None), ADDRESS);
    covered(groups[0], GROUP);
    covered(side.virtual_servers()[0], VIRTUAL_SERVER);
    let server = side.real_servers(0)[0];
    covered(server, REAL_SERVER);
    let check = Object::bare(&server.list("checks")[0], None);
    covered(check, CHECK);
    covered(check.child("pace"), PACE_OF_CHECK);
}
