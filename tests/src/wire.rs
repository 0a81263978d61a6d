//! Who says what on the segment: advertisements of VRRP, and announcements of addresses. Read from the bytes, by nothing of ours.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};
use nix::net::if_::if_nametoindex;
use socket2::SockFilter;

use crate::{
    host::Host,
    lab::Lab,
    tap::{Frame, Tap, filter, word},
    wait,
};

const VRRP: u8 = 112;
const ICMPV6: u8 = 58;
/// What a Master sends so soon after the first word of its successor may have left before that came: the two have crossed.
const CROSSING: Duration = Duration::from_millis(50);
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;

/// Listens to the segment until it is dropped.
#[derive(Debug)]
pub struct Wire {
    ending: Arc<AtomicBool>,
    heard: Arc<Mutex<Heard>>,
    listener: Option<JoinHandle<Result<()>>>,
}

#[derive(Debug, Default)]
struct Heard {
    adverts: Vec<Advert>,
    announcements: Vec<Announcement>,
}

/// An advertisement as it stood on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advert {
    /// When it came to the bridge, since 1970.
    pub at: Duration,
    /// MAC address of the sender, `aa:bb:cc:dd:ee:ff`.
    pub mac: String,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub version: u8,
    pub virtual_router_id: u8,
    /// 0: its sender leaves.
    pub priority: u8,
    /// How many addresses it says that it lists.
    pub addresses: u8,
}

/// A gratuitous ARP message, or an unsolicited neighbor advertisement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// When it came to the bridge, since 1970.
    pub at: Duration,
    /// MAC address of the sender.
    pub mac: String,
    /// Which address it says that it has.
    pub address: IpAddr,
}

impl Lab {
    /// Listens to everybody on the segment from now on.
    pub fn listen(&self) -> Result<Wire> {
        // The bridge's own interface hears once more what came by a cable.
        Wire::start(self, "br0", Interfaces::AllBut)
    }

    /// Listens to one host of the segment, whatever flood comes from the others.
    pub fn listen_to(&self, host: &Host) -> Result<Wire> {
        Wire::start(self, host.name, Interfaces::Only)
    }
}

impl Wire {
    /// `interfaces`: all but the named one of the bridge, or only that.
    fn start(lab: &Lab, named: &str, interfaces: fn(u32) -> Interfaces) -> Result<Self> {
        let bridge = &lab.bridge.namespace;
        let index = bridge.enter(|| if_nametoindex(named))?;
        let index = index.with_context(|| format!("the bridge has no {named}"))?;
        let tap = Tap::open(bridge, &what_is_heard(interfaces(index)))?;
        let (ending, heard) = (Arc::default(), Arc::default());
        let (told, into): (Arc<AtomicBool>, Arc<Mutex<Heard>>) =
            (Arc::clone(&ending), Arc::clone(&heard));
        let listener = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                if let Some(frame) = tap.next()? {
                    lock(&into).take(&frame);
                }
            }
            Ok(())
        });
        Ok(Self {
            ending,
            heard,
            listener: Some(listener),
        })
    }

    /// All advertisements so far, in the order of their coming.
    pub fn adverts(&self) -> Vec<Advert> {
        lock(&self.heard).adverts.clone()
    }

    /// All announcements of an address so far.
    pub fn announcements(&self, address: impl Into<IpAddr>) -> Vec<Announcement> {
        let address = address.into();
        let mut announcements = lock(&self.heard).announcements.clone();
        announcements.retain(|announcement| announcement.address == address);
        announcements
    }

    /// Waits for an advertisement. One that has come already is good, too.
    pub fn await_advert(
        &self,
        what: &str,
        limit: Duration,
        is_it: impl Fn(&Advert) -> bool,
    ) -> Result<Advert> {
        let seen = || self.adverts().into_iter().find(&is_it);
        wait::until(what, limit, seen)
            .with_context(|| format!("heard, in turn: {:?}", self.succession()))
    }

    /// Who was Master in turn, by MAC address: everybody who advertised and did not say that he leaves. Two Masters at a time show
    /// as turns without end.
    pub fn succession(&self) -> Vec<String> {
        succession(&self.adverts())
    }
}

/// See [`Wire::succession`].
fn succession(adverts: &[Advert]) -> Vec<String> {
    struct Turn {
        mac: String,
        began: Duration,
        adverts: usize,
    }
    let mut turns: Vec<Turn> = Vec::new();
    for advert in adverts.iter().filter(|advert| advert.priority > 0) {
        if let [.., before, turn] = turns.as_slice()
            && before.mac == advert.mac
            && turn.adverts == 1
            && advert.at < turn.began + CROSSING
        {
            continue;
        }
        match turns.last_mut() {
            Some(turn) if turn.mac == advert.mac => turn.adverts += 1,
            _ => turns.push(Turn {
                mac: advert.mac.clone(),
                began: advert.at,
                adverts: 1,
            }),
        }
    }
    turns.into_iter().map(|turn| turn.mac).collect()
}

/// The longest time between two of these that follow one another; none if there are less than two.
pub fn longest_pause(adverts: &[Advert]) -> Option<Duration> {
    let pauses = adverts
        .windows(2)
        .map(|pair| pair[1].at.saturating_sub(pair[0].at));
    pauses.max()
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some(Ok(Err(error))) = self.listener.take().map(JoinHandle::join) {
            eprintln!("the wire was not listened to: {error:#}");
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where frames come in that are heard, by index.
#[derive(Debug, Clone, Copy)]
enum Interfaces {
    AllBut(u32),
    Only(u32),
}

/// Frames of ARP, VRRP and ICMPv6 that come in there.
fn what_is_heard(interfaces: Interfaces) -> [SockFilter; 17] {
    use filter::{DIRECTION, DROP, INTERFACE, KEEP, OUTGOING, byte_at, half_at, skip};
    let go_on_or_drop = match interfaces {
        Interfaces::AllBut(index) => skip(index, 0, 1),
        Interfaces::Only(index) => skip(index, 1, 0),
    };
    [
        DIRECTION,
        skip(OUTGOING, 0, 1),
        DROP,
        INTERFACE,
        go_on_or_drop,
        DROP,
        half_at(12),
        skip(ETHERTYPE_ARP.into(), 7, 0),
        skip(ETHERTYPE_IPV4.into(), 0, 2),
        byte_at(23),
        skip(VRRP.into(), 4, 5),
        skip(ETHERTYPE_IPV6.into(), 0, 4),
        byte_at(20),
        skip(VRRP.into(), 1, 0),
        skip(ICMPV6.into(), 0, 1),
        KEEP,
        DROP,
    ]
}

impl Heard {
    fn take(&mut self, frame: &Frame) {
        self.adverts.extend(advert(frame));
        self.announcements.extend(announcement(frame));
    }
}

fn v4(bytes: &[u8]) -> Option<IpAddr> {
    let octets: &[u8; 4] = bytes.first_chunk()?;
    Some(Ipv4Addr::from(*octets).into())
}

fn v6(bytes: &[u8]) -> Option<IpAddr> {
    let octets: &[u8; 16] = bytes.first_chunk()?;
    Some(Ipv6Addr::from(*octets).into())
}

/// What it says, right or wrong: RFC 3768 section 5.1, RFC 9568 section 5.2.
fn advert(frame: &Frame) -> Option<Advert> {
    let packet = frame.payload();
    let (source, destination, message) = match frame.ether_type()? {
        ETHERTYPE_IPV4 if *packet.get(9)? == VRRP => {
            let header_bytes = usize::from(packet.first()? & 0x0f) * 4;
            (
                v4(packet.get(12..)?)?,
                v4(packet.get(16..)?)?,
                packet.get(header_bytes..)?,
            )
        }
        ETHERTYPE_IPV6 if *packet.get(6)? == VRRP => (
            v6(packet.get(8..)?)?,
            v6(packet.get(24..)?)?,
            packet.get(40..)?,
        ),
        _ => return None,
    };
    let [version_and_type, virtual_router_id, priority, addresses] = *message.first_chunk()?;
    Some(Advert {
        at: frame.at,
        mac: frame.source_mac()?,
        source,
        destination,
        version: version_and_type >> 4,
        virtual_router_id,
        priority,
        addresses,
    })
}

/// ARP in which a host asks or tells of its own address (RFC 5227 section 3); a neighbor advertisement that nobody asked for
/// (RFC 4861 section 7.2.6).
fn announcement(frame: &Frame) -> Option<Announcement> {
    const NEIGHBOR_ADVERTISEMENT: u8 = 136;
    const SOLICITED: u8 = 0x40;
    let packet = frame.payload();
    let address = match frame.ether_type()? {
        ETHERTYPE_ARP if word(packet.get(2..)?) == ETHERTYPE_IPV4 => {
            let (sender, target) = (v4(packet.get(14..)?)?, v4(packet.get(24..)?)?);
            (sender == target).then_some(sender)?
        }
        ETHERTYPE_IPV6 if *packet.get(6)? == ICMPV6 => {
            let message = packet.get(40..)?;
            let is_unasked =
                *message.first()? == NEIGHBOR_ADVERTISEMENT && message.get(4)? & SOLICITED == 0;
            is_unasked.then_some(v6(message.get(8..)?)?)?
        }
        _ => return None,
    };
    Some(Announcement {
        at: frame.at,
        mac: frame.source_mac()?,
        address,
    })
}

#[cfg(test)]
mod tests;
