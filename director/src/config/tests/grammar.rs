//! The tables: no keyword is silent.

use super::{
    super::{
        grammar::{self, Support, TABLES, Table},
        settings::Settings,
        tree::{Block, Statement, Word},
    },
    text,
};
use crate::config::Span;

fn read_tables() -> [&'static Table; 11] {
    [
        &grammar::ROOT,
        &grammar::GLOBAL_DEFS,
        &grammar::VRRP_SYNC_GROUP,
        &grammar::VRRP_INSTANCE,
        &grammar::AUTHENTICATION,
        &grammar::VRRP_SCRIPT,
        &grammar::VRRP_TRACK_PROCESS,
        &grammar::TRACK_FILE,
        &grammar::VIRTUAL_SERVER,
        &grammar::REAL_SERVER,
        &grammar::TCP_CHECK,
    ]
}

#[test]
fn every_keyword_is_honoured_or_named_in_a_warning() {
    for table in read_tables() {
        for group in table.groups {
            for name in group.names {
                let word = Word {
                    text: (*name).to_owned(),
                    span: Span::default(),
                };
                let block = Block {
                    statements: vec![Statement {
                        words: vec![word],
                        block: None,
                    }],
                };
                let mut diagnostics = Vec::new();
                let mut settings = Settings::read(table, &block, &mut diagnostics);
                let kept = !settings.take_all(name).is_empty();
                let named = diagnostics
                    .iter()
                    .any(|diagnostic| diagnostic.message.contains(*name));
                let honoured = group.support == Support::Honoured;
                assert!(
                    named || (honoured && kept),
                    "{name} in {} is passed over in silence",
                    table.block
                );
            }
        }
    }
}

#[test]
fn every_honoured_keyword_is_asked_for_by_its_reader() {
    // Each reader asserts at its end that it asked for all that its table honours.
    let all = "global_defs { }\nvrrp_sync_group G { }\nvrrp_instance I { authentication { } }\n\
               vrrp_script S { }\nvrrp_track_process P { }\ntrack_file F { }\n\
               virtual_server 10.0.0.1 80 { real_server 10.0.0.2 80 { TCP_CHECK { } } }\n";
    assert!(text(all).errors() > 0);
}

#[test]
fn no_keyword_stands_twice_in_a_table() {
    for table in TABLES {
        let mut names: Vec<_> = table.names().collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{}", table.block);
    }
}

#[test]
fn the_tables_have_the_breadth_of_keepalived() {
    let count: usize = TABLES.iter().map(|table| table.names().count()).sum();
    assert!(count > 350, "only {count} keywords");
}
