//! IPv6 (RFC 8200).

use aya_ebpf::bindings::xdp_md;
use director_common::{
    counters::Counter,
    flow::{Flow, FlowKeyV6},
    limits::MAX_EXTENSION_HEADERS,
    protocol,
    service::{Service, ServiceKeyV6, VipFilter},
};

use crate::{
    cursor::{Cursor, Header},
    family::{Family, Inner, Packet, Part, Table},
    frame::{Frame, virtual_router},
    maps::{FLOWS_V6, HALF_OPEN_V6, SERVICES_V6},
    reply::{self, IcmpError},
    reset, service,
    verdict::Verdict,
    verifier::{forget_origin, load_u64},
};

/// IPv6 header (RFC 8200 section 3).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Header6 {
    pub version_class_and_flow: [u16; 2],
    pub payload_length_be: u16,
    pub next_header: u8,
    pub hop_limit: u8,
    pub source: [u16; 8],
    pub destination: [u16; 8],
}

/// What opens most extension headers (RFC 8200 section 4.3, 4.6).
#[derive(Clone, Copy)]
#[repr(C)]
struct Extension {
    next_header: u8,
    /// In units of 8 bytes, the first 8 not counted.
    length: u8,
}

/// Fragment header (RFC 8200 section 4.5).
#[derive(Clone, Copy)]
#[repr(C)]
struct FragmentHeader {
    next_header: u8,
    _reserved: u8,
    offset_and_more_be: u16,
    identification: [u16; 2],
}

// SAFETY: integers only, alignment 2 or less.
unsafe impl Header for Header6 {}
// SAFETY: as above.
unsafe impl Header for Extension {}
// SAFETY: as above.
unsafe impl Header for FragmentHeader {}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;
/// Offset of a fragment in units of 8 bytes, in its word.
const OFFSET_MASK_BE: u16 = 0xfff8_u16.to_be();
const MORE_FRAGMENTS_BE: u16 = 1_u16.to_be();

/// No transport header begins farther from the start of a frame: all extension headers at their longest, twice over for a packet
/// inside a packet.
pub const FARTHEST: usize = 2 * (MAX_EXTENSION_HEADERS * (8 + 255 * 8) + 256);

/// The family.
pub struct V6;

/// An address as two words in memory order.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Address6(pub [u64; 2]);

impl Address6 {
    /// # Safety
    ///
    /// The sixteen bytes must be readable.
    #[inline(always)]
    unsafe fn load(from: *const [u16; 8]) -> Self {
        // SAFETY: the caller vouches for the bytes.
        unsafe { Self([load_u64(from), load_u64(from.cast::<u8>().add(8))]) }
    }

    #[inline(always)]
    fn bytes(self) -> [u8; 16] {
        // SAFETY: sixteen bytes are sixteen bytes.
        unsafe { core::mem::transmute(self.0) }
    }
}

/// Where the transport header is, behind the extension headers.
struct Behind {
    protocol: u8,
    part: Part,
    /// Bytes from the start of the frame.
    transport: usize,
}

/// Walks the extension headers from `offset` on. `None`: they are cut short, or more than are looked behind.
#[inline(always)]
fn behind_extensions(cursor: Cursor, first: u8, offset: usize) -> Option<Behind> {
    let mut behind = Behind {
        protocol: first,
        part: Part::Whole,
        transport: offset,
    };
    if matches!(first, protocol::TCP | protocol::UDP | protocol::ICMPV6) {
        return Some(behind);
    }
    walk_extensions(cursor, &mut behind)?;
    behind.transport =
        forget_origin::<{ FARTHEST.next_power_of_two() - 1 }>(behind.transport, cursor.context);
    Some(behind)
}

/// The walk itself.
#[inline(always)]
fn walk_extensions(cursor: Cursor, behind: &mut Behind) -> Option<()> {
    for _ in 0..MAX_EXTENSION_HEADERS {
        match behind.protocol {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => {
                let extension = cursor.header::<Extension>(behind.transport)?;
                // SAFETY: the cursor checked the bounds.
                let extension = unsafe { *extension };
                behind.protocol = extension.next_header;
                behind.transport += 8 + usize::from(extension.length) * 8;
            }
            FRAGMENT => {
                let fragment = cursor.header::<FragmentHeader>(behind.transport)?;
                // SAFETY: the cursor checked the bounds.
                let fragment = unsafe { *fragment };
                behind.protocol = fragment.next_header;
                behind.transport += size_of::<FragmentHeader>();
                let [high, low] = fragment.identification;
                let identification = u32::from(high) | u32::from(low) << 16;
                if fragment.offset_and_more_be & OFFSET_MASK_BE != 0 {
                    // What follows is the middle of something, and no header.
                    behind.part = Part::Later(identification);
                    return Some(());
                }
                // A packet may be its own and only fragment (RFC 6946): it is whole.
                if fragment.offset_and_more_be & MORE_FRAGMENTS_BE != 0 {
                    behind.part = Part::First(identification);
                }
            }
            _ => return Some(()),
        }
    }
    match behind.protocol {
        HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | FRAGMENT => None,
        _ => Some(()),
    }
}

impl Family for V6 {
    type Header = Header6;
    type Key = FlowKeyV6;
    type Address = Address6;
    const ICMP: u8 = protocol::ICMPV6;
    const VIRTUAL_ROUTER: u64 = virtual_router(2);

    #[inline(always)]
    fn parse(cursor: Cursor, frame: Frame) -> Result<Packet<Self>, Verdict> {
        const MALFORMED: Verdict = Verdict::Pass(Counter::PassMalformed);
        let header = cursor.header::<Header6>(frame.network).ok_or(MALFORMED)?;
        // SAFETY: the cursor checked the bounds; this holds for every access to the header below.
        let (version, payload_length_be, next_header) = unsafe {
            (
                u16::from_be((*header).version_class_and_flow[0]) >> 12,
                (*header).payload_length_be,
                (*header).next_header,
            )
        };
        let length = size_of::<Header6>() + usize::from(u16::from_be(payload_length_be));
        if version != 6 || !frame.holds(cursor, length) {
            return Err(MALFORMED);
        }
        // SAFETY: see above.
        let (source, destination) = unsafe {
            (
                Address6::load(&raw const (*header).source),
                Address6::load(&raw const (*header).destination),
            )
        };
        if !Self::may_be_vip(&destination) {
            return Err(Verdict::Pass(Counter::PassNoService));
        }
        let behind = behind_extensions(cursor, next_header, frame.network + size_of::<Header6>())
            .ok_or(MALFORMED)?;
        let payload = (frame.network + length).wrapping_sub(behind.transport);
        if payload > length {
            return Err(MALFORMED);
        }
        Ok(Packet {
            frame,
            header,
            source,
            destination,
            protocol: behind.protocol,
            part: behind.part,
            transport: behind.transport,
            payload,
            length,
        })
    }

    #[inline(always)]
    fn key(source: Address6, destination: Address6, ports: u32, protocol: u8) -> FlowKeyV6 {
        FlowKeyV6 {
            source: source.bytes(),
            destination: destination.bytes(),
            ports: ports.to_ne_bytes(),
            protocol: protocol.into(),
        }
    }

    #[inline(always)]
    fn may_be_vip(destination: &Address6) -> bool {
        service::filter_holds(VipFilter::bit(&Self::mapped(destination)))
    }

    #[inline(always)]
    fn service(destination: &Address6, port: [u8; 2], protocol: u8) -> Option<&'static Service> {
        let key = ServiceKeyV6 {
            address: destination.bytes(),
            port,
            protocol,
            _reserved: 0,
        };
        // SAFETY: the daemon replaces entries, it never edits them in place; the memory outlives the program's run.
        unsafe { SERVICES_V6.get(&key) }
    }

    #[inline(always)]
    fn mapped(address: &Address6) -> [u32; 4] {
        let [high, low] = address.0;
        [
            high as u32,
            (high >> 32) as u32,
            low as u32,
            (low >> 32) as u32,
        ]
    }

    #[inline(always)]
    fn decrement_ttl(packet: &Packet<Self>) -> Option<()> {
        // SAFETY: `parse` checked the bounds of the header.
        let header = unsafe { &mut *packet.header };
        if header.hop_limit <= 1 {
            return None;
        }
        header.hop_limit -= 1;
        Some(())
    }

    /// The identification alone tells IPv6's packets apart, whatever the headers behind it.
    #[inline(always)]
    fn fragments_protocol(_: u8) -> u8 {
        FRAGMENT
    }

    /// Only a sender fragments IPv6 (RFC 8200 section 4.5).
    #[inline(always)]
    fn is_whole_by_wish(_: &Packet<Self>) -> bool {
        true
    }

    #[inline(always)]
    fn parse_inner(cursor: Cursor, offset: usize) -> Option<Inner<Self>> {
        let header = cursor.header::<Header6>(offset)?;
        // SAFETY: the cursor checked the bounds.
        let (version, next_header, source, destination) = unsafe {
            (
                u16::from_be((*header).version_class_and_flow[0]) >> 12,
                (*header).next_header,
                Address6::load(&raw const (*header).source),
                Address6::load(&raw const (*header).destination),
            )
        };
        if version != 6 {
            return None;
        }
        let behind = behind_extensions(cursor, next_header, offset + size_of::<Header6>())?;
        if matches!(behind.part, Part::Later(_)) {
            return None;
        }
        Some(Inner {
            source,
            destination,
            protocol: behind.protocol,
            ports: crate::transport::ports(cursor, behind.transport)?,
        })
    }

    #[inline(always)]
    fn flow(table: Table, key: &FlowKeyV6) -> Option<*mut Flow> {
        match table {
            Table::Flows => FLOWS_V6.get_ptr_mut(key),
            Table::HalfOpen => HALF_OPEN_V6.get_ptr_mut(key),
        }
    }

    #[inline(always)]
    fn insert(table: Table, key: &FlowKeyV6, flow: &Flow) -> Result<(), i32> {
        match table {
            Table::Flows => FLOWS_V6.insert(key, flow, 0),
            Table::HalfOpen => HALF_OPEN_V6.insert(key, flow, 0),
        }
    }

    #[inline(always)]
    fn remove(table: Table, key: &FlowKeyV6) {
        // It may have been evicted in this instant.
        let _gone = match table {
            Table::Flows => FLOWS_V6.remove(key),
            Table::HalfOpen => HALF_OPEN_V6.remove(key),
        };
    }

    #[inline(always)]
    fn answer_reset(context: *mut xdp_md, packet: &Packet<Self>, acknowledgement: u32) -> bool {
        let (network, transport) = (packet.frame.network as u32, packet.transport as u32);
        reset::answer_reset_v6(context, network, transport, acknowledgement) != 0
    }

    #[inline(always)]
    fn answer_error(
        context: *mut xdp_md,
        packet: &Packet<Self>,
        error: IcmpError,
        mtu: u16,
    ) -> bool {
        let (network, length) = (packet.frame.network as u32, packet.length as u32);
        reply::answer_error_v6(context, network, length, error as u32, mtu.into()) != 0
    }
}
