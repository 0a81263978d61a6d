//! Whole files through the whole way, from text to [`Config`] and diagnostics.

mod addresses;
mod arbitrary;
mod bad_input;
mod examples;
mod files;
mod global;
mod grammar;
mod layout;
mod limits;
mod notify;
mod rules;
mod services;
mod speaking;
mod tracking;

use std::path::Path;

use super::{Color, Config, Loaded, Severity, VirtualServer, parse};

/// A complete configuration without a remark, which tests change in one place.
const GOOD: &str = "\
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority 100
  virtual_ipaddress {
    10.0.0.1
  }
}
virtual_server 10.0.0.1 80 {
  lb_algo wrr
  lb_kind DR
  protocol TCP
  real_server 10.0.0.2 80 {
    weight 3
    TCP_CHECK {
      connect_timeout 2
    }
  }
}
";

/// What makes an IPv6 one of the good configuration.
const IPV6: [(&str, &str); 3] = [
    ("virtual_server 10.0.0.1 80", "virtual_server fd00::1 80"),
    ("    10.0.0.1\n", "    fd00::1\n"),
    ("real_server 10.0.0.2 80", "real_server fd00::2 80"),
];

fn text(text: &str) -> Loaded {
    parse(Path::new("test.conf"), text.as_bytes())
}

/// The good configuration with one stretch changed.
fn changed(from: &str, to: &str) -> Loaded {
    assert!(GOOD.contains(from), "{from} is not in the text");
    text(&GOOD.replacen(from, to, 1))
}

/// The good configuration with several stretches changed.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(GOOD.to_owned(), |whole, (from, to)| {
        assert!(whole.contains(from), "{from} is not in the text");
        whole.replace(from, to)
    })
}

fn none() -> Vec<String> {
    Vec::new()
}

/// The virtual server of a file without a remark.
fn clean(file: &str) -> VirtualServer {
    let loaded = text(file);
    assert_eq!(remarks(&loaded), none(), "{file}");
    config(loaded)
        .virtual_servers
        .pop()
        .expect("the file has one")
}

fn config(loaded: Loaded) -> Config {
    let rendered = loaded.render(Color::Plain);
    loaded
        .config
        .unwrap_or_else(|| panic!("refused:\n{rendered}"))
}

/// `line severity: message` of each diagnostic.
fn remarks(loaded: &Loaded) -> Vec<String> {
    let records = loaded.records();
    records
        .iter()
        .map(|record| {
            let severity = if record.severity == Severity::Error {
                "error"
            } else {
                "warning"
            };
            format!("{} {severity}: {}", record.line, record.message)
        })
        .collect()
}

#[test]
fn the_good_configuration_is_clean() {
    assert_eq!(remarks(&text(GOOD)), Vec::<String>::new());
    assert_eq!(text(GOOD).exit_code(), 0);
}
