//! IPv4 (RFC 791).

use aya_ebpf::bindings::xdp_md;
use director_common::{
    counters::Counter,
    flow::{Flow, FlowKeyV4},
    protocol,
    service::{Service, ServiceKeyV4, VipFilter},
};

use crate::{
    cursor::{Cursor, Header},
    family::{Family, Inner, Packet, Part, Table},
    frame::{Frame, virtual_router},
    maps::{FLOWS_V4, HALF_OPEN_V4, SERVICES_V4},
    reply::{self, IcmpError},
    reset, service,
    verdict::Verdict,
    verifier::load_u32,
};

/// IPv4 header without options (RFC 791 section 3.1).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Header4 {
    pub version_and_length: u8,
    pub type_of_service: u8,
    pub total_length_be: u16,
    pub identification_be: u16,
    pub fragment_be: u16,
    pub ttl: u8,
    pub protocol: u8,
    pub checksum_be: u16,
    pub source: [u16; 2],
    pub destination: [u16; 2],
}

// SAFETY: integers only, alignment 2 or less.
unsafe impl Header for Header4 {}

/// More fragments follow, in the fragment word.
const MORE_FRAGMENTS_BE: u16 = 0x2000_u16.to_be();
pub const DONT_FRAGMENT_BE: u16 = 0x4000_u16.to_be();
/// Offset of a fragment, in the fragment word.
const OFFSET_MASK_BE: u16 = 0x1fff_u16.to_be();

/// The family.
pub struct V4;

impl Family for V4 {
    type Header = Header4;
    type Key = FlowKeyV4;
    type Address = u32;
    const ICMP: u8 = protocol::ICMP;
    const VIRTUAL_ROUTER: u64 = virtual_router(1);

    #[inline(always)]
    fn parse(cursor: Cursor, frame: Frame) -> Result<Packet<Self>, Verdict> {
        const MALFORMED: Verdict = Verdict::Pass(Counter::PassMalformed);
        let header = cursor.header::<Header4>(frame.network).ok_or(MALFORMED)?;
        // SAFETY: the cursor checked the bounds; this holds for every access to the header below.
        let (version_and_length, total_length_be, fragment_be, identification_be, protocol) = unsafe {
            (
                (*header).version_and_length,
                (*header).total_length_be,
                (*header).fragment_be,
                (*header).identification_be,
                (*header).protocol,
            )
        };
        let header_length = usize::from(version_and_length & 0xf) * 4;
        let length = usize::from(u16::from_be(total_length_be));
        if version_and_length >> 4 != 4
            || header_length < size_of::<Header4>()
            || length < header_length
            || !frame.holds(cursor, length)
        {
            return Err(MALFORMED);
        }
        // SAFETY: see above.
        let (source, destination) = unsafe {
            (
                load_u32(&raw const (*header).source),
                load_u32(&raw const (*header).destination),
            )
        };
        if !Self::may_be_vip(&destination) {
            return Err(Verdict::Pass(Counter::PassNoService));
        }
        let part = if fragment_be & (MORE_FRAGMENTS_BE | OFFSET_MASK_BE) == 0 {
            Part::Whole
        } else if fragment_be & OFFSET_MASK_BE == 0 {
            Part::First(identification_be.into())
        } else {
            Part::Later(identification_be.into())
        };
        Ok(Packet {
            frame,
            header,
            source,
            destination,
            protocol,
            part,
            transport: frame.network + header_length,
            payload: length - header_length,
            length,
        })
    }

    #[inline(always)]
    fn key(source: u32, destination: u32, ports: u32, protocol: u8) -> FlowKeyV4 {
        FlowKeyV4 {
            source: source.to_ne_bytes(),
            destination: destination.to_ne_bytes(),
            ports: ports.to_ne_bytes(),
            protocol: protocol.into(),
        }
    }

    #[inline(always)]
    fn may_be_vip(destination: &u32) -> bool {
        service::filter_holds(VipFilter::bit(&[*destination]))
    }

    #[inline(always)]
    fn service(destination: &u32, port: [u8; 2], protocol: u8) -> Option<&'static Service> {
        let key = ServiceKeyV4 {
            address: destination.to_ne_bytes(),
            port,
            protocol,
            _reserved: 0,
        };
        // SAFETY: the daemon replaces entries, it never edits them in place; the memory outlives the program's run.
        unsafe { SERVICES_V4.get(&key) }
    }

    #[inline(always)]
    fn mapped(address: &u32) -> [u32; 4] {
        [0, 0, 0xffff_u32.to_be(), *address]
    }

    /// Mends the checksum by the difference (RFC 1624).
    #[inline(always)]
    fn decrement_ttl(packet: &Packet<Self>) -> Option<()> {
        // SAFETY: `parse` checked the bounds of the header.
        let header = unsafe { &mut *packet.header };
        if header.ttl <= 1 {
            return None;
        }
        header.ttl -= 1;
        // The TTL is the high byte of its 16-bit word: the word fell by 0x0100, so the complement rises by it.
        let sum = u32::from(header.checksum_be) + u32::from(0x0100_u16.to_be());
        header.checksum_be = (sum + u32::from(sum >= 0xffff)) as u16;
        Some(())
    }

    #[inline(always)]
    fn fragments_protocol(protocol: u8) -> u8 {
        protocol
    }

    #[inline(always)]
    fn is_whole_by_wish(packet: &Packet<Self>) -> bool {
        // SAFETY: `parse` checked the bounds of the header.
        unsafe { (*packet.header).fragment_be & DONT_FRAGMENT_BE != 0 }
    }

    #[inline(always)]
    fn parse_inner(cursor: Cursor, offset: usize) -> Option<Inner<Self>> {
        let header = cursor.header::<Header4>(offset)?;
        // SAFETY: the cursor checked the bounds.
        let (version_and_length, fragment_be, protocol, source, destination) = unsafe {
            (
                (*header).version_and_length,
                (*header).fragment_be,
                (*header).protocol,
                load_u32(&raw const (*header).source),
                load_u32(&raw const (*header).destination),
            )
        };
        let header_length = usize::from(version_and_length & 0xf) * 4;
        if version_and_length >> 4 != 4
            || header_length < size_of::<Header4>()
            || fragment_be & OFFSET_MASK_BE != 0
        {
            return None;
        }
        Some(Inner {
            source,
            destination,
            protocol,
            ports: crate::transport::ports(cursor, offset + header_length)?,
        })
    }

    #[inline(always)]
    fn flow(table: Table, key: &FlowKeyV4) -> Option<*mut Flow> {
        match table {
            Table::Flows => FLOWS_V4.get_ptr_mut(key),
            Table::HalfOpen => HALF_OPEN_V4.get_ptr_mut(key),
        }
    }

    #[inline(always)]
    fn insert(table: Table, key: &FlowKeyV4, flow: &Flow) -> Result<(), i32> {
        match table {
            Table::Flows => FLOWS_V4.insert(key, flow, 0),
            Table::HalfOpen => HALF_OPEN_V4.insert(key, flow, 0),
        }
    }

    #[inline(always)]
    fn remove(table: Table, key: &FlowKeyV4) {
        // It may have been evicted in this instant.
        let _gone = match table {
            Table::Flows => FLOWS_V4.remove(key),
            Table::HalfOpen => HALF_OPEN_V4.remove(key),
        };
    }

    #[inline(always)]
    fn answer_reset(context: *mut xdp_md, packet: &Packet<Self>, acknowledgement: u32) -> bool {
        let (network, transport) = (packet.frame.network as u32, packet.transport as u32);
        reset::answer_reset_v4(context, network, transport, acknowledgement) != 0
    }

    #[inline(always)]
    fn answer_error(
        context: *mut xdp_md,
        packet: &Packet<Self>,
        error: IcmpError,
        mtu: u16,
    ) -> bool {
        let (network, length) = (packet.frame.network as u32, packet.length as u32);
        reply::answer_error_v4(context, network, length, error as u32, mtu.into()) != 0
    }
}
