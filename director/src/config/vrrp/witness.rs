//! Reading `director_witness ADDRESS... [required N]`, a word of the director's own. The same can stand in braces.

use std::net::IpAddr;

use super::{
    super::{
        Diagnostic, Span,
        settings::{Setting, Settings},
        tree::Word,
        value::{self, Spanned, number},
    },
    Witness,
};

/// More hosts than anybody asks.
const MOST_HOSTS: usize = 64;

pub(super) fn witness(settings: &mut Settings<'_, '_>) -> Option<Witness> {
    let setting = settings.take("director_witness")?;
    let mut reader = Reader::default();
    reader.line(settings, setting.arguments);
    for statement in setting
        .block
        .into_iter()
        .flat_map(|block| &block.statements)
    {
        if let (Some(_), Some(word)) = (&statement.block, statement.words.last()) {
            settings.diagnostics.push(Diagnostic::error(
                word.span,
                "a block cannot stand among the addresses of witnesses",
            ));
            continue;
        }
        reader.line(settings, &statement.words);
    }
    reader.settled(settings, &setting)
}

#[derive(Default)]
struct Reader {
    hosts: Vec<Spanned<IpAddr>>,
    /// Words that stand for a host, whether they are right or not.
    hosts_written: usize,
    required: Option<Spanned<usize>>,
}

impl Reader {
    fn line(&mut self, settings: &mut Settings<'_, '_>, words: &[Word]) {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word.text != "required" {
                self.host(settings, word);
                continue;
            }
            let Some(count) = words.next() else {
                settings.diagnostics.push(
                    Diagnostic::error(word.span, "`required` needs its value")
                        .label("how many of the hosts must answer is missing after this word"),
                );
                return;
            };
            let value = settings.keep(number(count, "required", 1..=MOST_HOSTS));
            self.required = value.map(|value| Spanned {
                value,
                span: count.span,
            });
        }
    }

    fn host(&mut self, settings: &mut Settings<'_, '_>, word: &Word) {
        self.hosts_written += 1;
        let Some(address) = settings.keep(value::network_address(word)) else {
            return;
        };
        if let Some(earlier) = self.hosts.iter().find(|host| host.value == address) {
            settings.diagnostics.push(
                Diagnostic::error(word.span, format!("{address} is a witness twice"))
                    .label("its one answer would count for two")
                    .related(earlier.span, "first listed here"),
            );
            return;
        }
        self.hosts.push(Spanned {
            value: address,
            span: word.span,
        });
    }

    fn settled(self, settings: &mut Settings<'_, '_>, setting: &Setting<'_>) -> Option<Witness> {
        let hosts = self.hosts.len();
        if self.hosts_written == 0 {
            settings.diagnostics.push(
                Diagnostic::error(setting.span, "`director_witness` names no host")
                    .help("list the address of at least one host that is there as long as the network is, such as the gateway"),
            );
        }
        if let Some(required) = self.required
            && required.value > self.hosts_written.max(1)
        {
            settings.diagnostics.push(
                Diagnostic::error(
                    required.span,
                    format!("{} of {hosts} hosts can never answer", required.value),
                )
                .label("this director could never become MASTER")
                .help(format!(
                    "write a number from 1 to {}, or list more hosts",
                    hosts.max(1)
                )),
            );
        }
        Some(Witness {
            addresses: self.hosts.iter().map(|host| host.value).collect(),
            required: self
                .required
                .map_or(hosts / 2 + 1, |required| required.value),
            address_spans: self
                .hosts
                .iter()
                .map(|host| host.span)
                .collect::<Vec<Span>>(),
            span: setting.span,
        })
    }
}
