//! Which VRRP instance a service belongs to, and who it is in the tables.

use std::path::Path;

use super::*;
use crate::{config, dataplane::tables::Family};

/// A configuration with a virtual router of each family, each with the VRID of the other.
fn both_families() -> Config {
    let text = "
        vrrp_instance FOUR { interface eth0 virtual_router_id 4 virtual_ipaddress { 192.168.66.251 } }
        vrrp_instance SIX { interface eth0 virtual_router_id 6 virtual_ipaddress { fd00:66::251 } }
        virtual_server 192.168.66.251 3306 {
            lb_algo rr
            lb_kind DR
            protocol TCP
            real_server 192.168.66.253 3306 { }
        }
        virtual_server fd00:66::251 3306 {
            lb_algo rr
            lb_kind DR
            protocol TCP
            real_server fd00:66::253 3306 { }
        }
    ";
    let loaded = config::parse(Path::new("test.conf"), text.as_bytes());
    let mut config = loaded.config.expect("a configuration without errors");
    for instance in &mut config.vrrp_instances {
        instance.virtual_router_id = 66;
    }
    config
}

fn key(family: Family) -> InstanceKey {
    InstanceKey {
        virtual_router_id: 66,
        ifindex: 0,
        family,
    }
}

#[test]
fn the_role_of_one_family_is_not_that_of_the_other_with_the_same_vrid() {
    let mut model = model(&both_families());
    let event = Event::Role {
        instance: key(Family::V6),
        role: Role::MASTER,
    };
    assert_eq!(model.handle(at(3), event).len(), 1);
    let wanted = model.wanted();
    assert_eq!(wanted.instances[&key(Family::V4)], Role::INITIALIZE);
    assert_eq!(wanted.instances[&key(Family::V6)], Role::MASTER);
    for (service, wanted) in &wanted.services {
        let family = match service.address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        };
        assert_eq!(wanted.instance, key(family));
    }
}
