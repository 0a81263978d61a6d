//! A real DNS server on a host, for a service over UDP, and a client's question to it.

use std::{fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{client::Client, host::Host, lab::Lab, process::Process, source::Source, wait};

const START_LIMIT: Duration = Duration::from_secs(15);
const ID: [u8; 2] = [0x4c, 0x41];
/// The name whose TXT record is the name of the server's host.
const NAME: &str = "who.lab";
const TXT: u16 = 16;
const IN: u16 = 1;

/// A running dnsmasq on port 53 of a host, which knows one name.
#[derive(Debug)]
pub struct NameServer {
    process: Process,
}

impl Lab {
    /// Starts a DNS server on a host.
    pub fn start_name_server(&self, host: &Host) -> Result<NameServer> {
        NameServer::start(host, &self.folder().join(format!("dnsmasq-{}", host.name)))
    }
}

impl NameServer {
    fn start(host: &Host, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut dnsmasq = Command::new("dnsmasq");
        dnsmasq.args([
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--user=root",
            "--pid-file=",
            "--log-facility=-",
            "--no-resolv",
            "--no-hosts",
        ]);
        dnsmasq.arg(format!("--txt-record={NAME},{}", host.name));
        let mut process = Process::start(&host.namespace, &mut dnsmasq, &folder.join("log"))?;
        let what = format!("dnsmasq on {} answers", host.name);
        let own = Client { host: host.clone() };
        let pause = Duration::from_millis(100);
        let answers = || {
            if own.ask_name(Source::ANY, (host.address, 53), pause).is_ok() {
                return Some(true);
            }
            process.ended().ok()?.map(|_| false)
        };
        ensure!(
            wait::until(&what, START_LIMIT, answers)?,
            "dnsmasq on {} ended at once:\n{}",
            host.name,
            process.log()
        );
        Ok(Self { process })
    }

    /// `kill -9`. Its host then answers that the port is unreachable.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }
}

impl Client {
    /// Asks a DNS server of the lab for its host's name.
    pub fn ask_name(
        &self,
        source: Source,
        server: impl Into<SocketAddr>,
        limit: Duration,
    ) -> Result<String> {
        let answer = self.ask_by_udp(source, server, &question(), limit)?;
        text(&answer).with_context(|| format!("not the answer to the question: {answer:x?}"))
    }
}

/// A question for the TXT record (RFC 1035 4.1): the header with recursion desired and one question, then the question.
fn question() -> Vec<u8> {
    let mut question = ID.to_vec();
    question.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in NAME.split('.') {
        question.extend(u8::try_from(label.len()));
        question.extend(label.as_bytes());
    }
    question.push(0);
    question.extend(TXT.to_be_bytes());
    question.extend(IN.to_be_bytes());
    question
}

/// The text of an answer with one TXT record. It repeats the question; the record is a pointer to the name, type, class,
/// four bytes of time to live, two of length, and the text after a byte of its length.
fn text(answer: &[u8]) -> Option<String> {
    const ONE_QUESTION_ONE_ANSWER: [u8; 4] = [0, 1, 0, 1];
    if answer.get(..2)? != ID || answer.get(4..8)? != ONE_QUESTION_ONE_ANSWER {
        return None;
    }
    let record = answer.get(question().len()..)?;
    if record.get(2..4)? != TXT.to_be_bytes() {
        return None;
    }
    let (length, text) = record.get(12..)?.split_first()?;
    String::from_utf8(text.get(..usize::from(*length))?.to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_the_server() {
        let mut answer = question();
        answer[2] |= 0x80;
        answer[7] = 1;
        answer.extend(b"\xc0\x0c\0\x10\0\x01\0\0\0\0\0\x05\x04real");
        assert_eq!(text(&answer).as_deref(), Some("real"));
        answer.truncate(answer.len() - 1);
        assert_eq!(text(&answer), None);
        assert_eq!(text(&question()), None);
    }
}
