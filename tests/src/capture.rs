//! What passes on a host's cable, captured by dumpcap and read by tshark, which know nothing of us.

use std::{
    fs::File,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{host::Host, lab::Lab, namespace, process::Process, wait};

const START_LIMIT: Duration = Duration::from_secs(15);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running capture of the TCP segments from or to one port, on `eth0` of a host.
#[derive(Debug)]
pub struct Capture {
    dumpcap: Process,
    file: PathBuf,
}

/// A TCP segment as tshark reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub to_mac: String,
    pub from: SocketAddr,
    pub to: SocketAddr,
    /// Time to live, or hop limit.
    pub hops_left: u8,
    pub sequence: u32,
    pub acknowledgement: u32,
    /// Bytes of data.
    pub length: u32,
    pub flags: u16,
    /// Whether the checksums of TCP and, where there is one, of IP are what they should be.
    pub checksums_are_good: bool,
}

impl Lab {
    /// Begins a capture on a host. What passes from now on is in it.
    pub fn capture(&self, host: &Host, port: u16) -> Result<Capture> {
        let file = self.folder().join(format!("{}.pcapng", host.name));
        let log = file.with_extension("log");
        // What an earlier capture has said does not count.
        File::create(&log).with_context(|| format!("cannot make {}", log.display()))?;
        let mut dumpcap = Command::new("dumpcap");
        dumpcap.args(["-q", "-p", "-i", "eth0", "-f"]);
        dumpcap.arg(format!("tcp port {port}"));
        dumpcap.arg("-w").arg(&file);
        let mut dumpcap = Process::start(&host.namespace, &mut dumpcap, &log)?;
        // It names its file when it has opened the interface.
        let begun = || match dumpcap.log().contains("File: ") {
            true => Some(true),
            false => dumpcap.ended().ok()?.map(|_| false),
        };
        ensure!(
            wait::until("dumpcap captures", START_LIMIT, begun)?,
            "dumpcap on {} ended at once:\n{}",
            host.name,
            dumpcap.log()
        );
        Ok(Capture { dumpcap, file })
    }
}

impl Capture {
    /// Waits until a segment is in the file. Those that came before it are, too.
    pub fn await_segment(
        &self,
        what: &str,
        limit: Duration,
        is_it: impl Fn(&Segment) -> bool,
    ) -> Result<()> {
        // What is half written is no error, but too early.
        let seen = || self.segments().ok()?.into_iter().find(&is_it);
        wait::until(&format!("{what} is captured"), limit, seen).map(drop)
    }

    /// Ends the capture and tells everything that came.
    pub fn finish(mut self) -> Result<Vec<Segment>> {
        let status = self.dumpcap.terminate(STOP_LIMIT)?;
        ensure!(status.success(), "dumpcap failed:\n{}", self.dumpcap.log());
        self.segments()
    }

    fn segments(&self) -> Result<Vec<Segment>> {
        let mut tshark = Command::new("tshark");
        tshark.args(["-n", "-Y", "tcp", "-T", "fields", "-E", "separator=;"]);
        tshark.args(["-o", "ip.check_checksum:TRUE"]);
        tshark.args(["-o", "tcp.check_checksum:TRUE"]);
        tshark.args(FIELDS.iter().flat_map(|field| ["-e", field]));
        let printed = namespace::run(tshark.arg("-r").arg(&self.file))?;
        let segments = printed.lines().map(|line| {
            segment(line).with_context(|| format!("tshark printed what is no segment: {line}"))
        });
        segments.collect()
    }
}

/// Numbers as they were sent, not counted from the connection's first.
const FIELDS: [&str; 15] = [
    "eth.dst",
    "ip.src",
    "ipv6.src",
    "ip.dst",
    "ipv6.dst",
    "ip.ttl",
    "ipv6.hlim",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.len",
    "tcp.flags",
    "ip.checksum.status",
    "tcp.checksum.status",
];

/// A line with one value for each field, of which those of the other family are empty.
fn segment(line: &str) -> Result<Segment> {
    let values: Vec<_> = line.split(';').collect();
    let values: [&str; FIELDS.len()] = values.try_into().ok().context("not as many values")?;
    let [
        mac,
        from4,
        from6,
        to4,
        to6,
        ttl,
        hop_limit,
        from_port,
        to_port,
        rest @ ..,
    ] = values;
    let [
        sequence,
        acknowledgement,
        length,
        flags,
        ip_checksum,
        tcp_checksum,
    ] = rest;
    let address = |v4: &str, v6: &str, port: &str| -> Result<_> {
        let address: IpAddr = [v4, v6].concat().parse()?;
        Ok(SocketAddr::new(address, port.parse()?))
    };
    let flags = flags.strip_prefix("0x").context("flags not in hex")?;
    Ok(Segment {
        to_mac: mac.to_owned(),
        from: address(from4, from6, from_port)?,
        to: address(to4, to6, to_port)?,
        hops_left: [ttl, hop_limit].concat().parse()?,
        sequence: sequence.parse()?,
        acknowledgement: acknowledgement.parse()?,
        length: length.parse()?,
        flags: u16::from_str_radix(flags, 16)?,
        checksums_are_good: is_good(tcp_checksum)
            && (is_good(ip_checksum) || (ip_checksum.is_empty() && from4.is_empty())),
    })
}

/// 0 is bad, 2 not looked at, 3 not there (Wireshark's `proto_checksum_enum_e`). Later versions print the word.
fn is_good(status: &str) -> bool {
    ["1", "Good"].contains(&status)
}

impl Segment {
    const FIN: u16 = 0x01;
    const SYN: u16 = 0x02;
    const RST: u16 = 0x04;

    /// Whether it ends the connection at once.
    pub fn is_reset(&self) -> bool {
        self.flags & Self::RST != 0
    }

    /// The number that its sender's next one has: SYN and FIN count as one byte each (RFC 9293 section 3.4).
    pub fn next_sequence(&self) -> u32 {
        let counted = self.flags & (Self::SYN | Self::FIN);
        self.sequence
            .wrapping_add(self.length)
            .wrapping_add(counted.count_ones())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_of_each_family_is_read() {
        let v4 = "02:00:00:00:00:01;192.168.66.10;;192.168.66.251;;64;;40000;3306;4294967295;7;5;0x0019;1;1";
        let v4 = segment(v4).expect("a segment");
        assert_eq!(v4.to, "192.168.66.251:3306".parse().expect("an address"));
        assert_eq!((v4.hops_left, v4.acknowledgement), (64, 7));
        assert!(v4.checksums_are_good && !v4.is_reset());
        // Five bytes and a FIN, past the end of the numbers.
        assert_eq!(v4.next_sequence(), 5);

        let v6 = "02:00:00:00:00:01;;fd00:66::251;;fd00:66::10;;63;3306;40000;9;0;0;0x0014;;1";
        let v6 = segment(v6).expect("a segment");
        assert_eq!(v6.from, "[fd00:66::251]:3306".parse().expect("an address"));
        assert!(v6.checksums_are_good && v6.is_reset());
    }

    #[test]
    fn a_checksum_that_is_bad_or_was_not_looked_at_is_not_good() {
        for checksums in ["0;1", "1;0", "1;2", ";1"] {
            let line =
                format!("02:00:00:00:00:01;10.0.0.1;;10.0.0.2;;64;;1;2;3;4;0;0x0010;{checksums}");
            let segment = segment(&line).expect("a segment");
            assert!(!segment.checksums_are_good, "{checksums}");
        }
    }
}
