//! Answering a segment with a reset, in the frame that it came in (RFC 9293 section 3.10.7.1): both ends change places, the segment
//! loses all but its header, and every checksum is made anew.

use aya_ebpf::{bindings::xdp_md, helpers::generated::bpf_xdp_adjust_tail};
use director_common::{protocol, tcp};

use crate::{
    cursor::{Cursor, Header, Sum},
    frame,
    ipv4::Header4,
    ipv6::{FARTHEST, Header6},
    transport::TcpHeader,
    verifier::limited,
};

/// Time to live of what the director says itself (`net.ipv4.ip_default_ttl`).
pub const TTL: u8 = 64;
/// Length of a TCP header without options, in the upper half of its byte.
const NO_OPTIONS: u8 = 5 << 4;
/// No less than [`frame::LONGEST`] and [`FARTHEST`].
const NETWORK_MASK: usize = 31;
const TRANSPORT_MASK: usize = 0x7fff;
const HEADER_LENGTH: usize = size_of::<TcpHeader>();

/// Makes the IPv4 frame a reset. 0: nothing was changed.
///
/// A function of its own for the verifier, too, as [`crate::schedule::choose_server`] is.
///
/// `network` and `transport` are where the headers begin; `acknowledgement` is the number that follows the segment, for one that acknowledges nothing itself.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn answer_reset_v4(
    context: *mut xdp_md,
    network: u32,
    transport: u32,
    acknowledgement: u32,
) -> u32 {
    let Cut {
        cursor,
        ip,
        tcp,
        network,
        transport,
    } = match turn_round::<Header4>(context, network, transport) {
        Ok(cut) => cut,
        Err(changed) => return changed,
    };
    // No reference is made to what is summed meanwhile: the sum reads the frame by itself.
    // SAFETY: the cursor checked the bounds.
    unsafe {
        let (client, vip) = ((*ip).source, (*ip).destination);
        let length = (transport - network + HEADER_LENGTH) as u16;
        (*ip).source = vip;
        (*ip).destination = client;
        (*ip).type_of_service = 0;
        (*ip).total_length_be = length.to_be();
        (*ip).identification_be = 0;
        (*ip).fragment_be = crate::ipv4::DONT_FRAGMENT_BE;
        (*ip).ttl = TTL;
        (*ip).checksum_be = 0;
        let mut sum = Sum::default();
        sum.add_up_to(cursor, network, transport);
        (*ip).checksum_be = sum.finish();
        let mut pseudo = Sum::default();
        pseudo.add_words(&vip);
        pseudo.add_words(&client);
        finish(cursor, tcp, transport, acknowledgement, pseudo);
    }
    1
}

/// The same for IPv6.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn answer_reset_v6(
    context: *mut xdp_md,
    network: u32,
    transport: u32,
    acknowledgement: u32,
) -> u32 {
    let Cut {
        cursor,
        ip,
        tcp,
        network,
        transport,
    } = match turn_round::<Header6>(context, network, transport) {
        Ok(cut) => cut,
        Err(changed) => return changed,
    };
    // SAFETY: the cursor checked the bounds.
    unsafe {
        let (client, vip) = ((*ip).source, (*ip).destination);
        let length = transport - network - size_of::<Header6>() + HEADER_LENGTH;
        (*ip).source = vip;
        (*ip).destination = client;
        (*ip).payload_length_be = (length as u16).to_be();
        (*ip).hop_limit = TTL;
        let mut pseudo = Sum::default();
        pseudo.add_words(&vip);
        pseudo.add_words(&client);
        finish(cursor, tcp, transport, acknowledgement, pseudo);
    }
    1
}

/// A frame on its way back, cut off behind its TCP header, and where its headers are.
struct Cut<H> {
    cursor: Cursor,
    ip: *mut H,
    tcp: *mut TcpHeader,
    network: usize,
    transport: usize,
}

/// Cuts the frame off and turns it round. An error is what the caller answers: 0 where nothing was changed.
#[inline(always)]
fn turn_round<H: Header>(
    context: *mut xdp_md,
    network: u32,
    transport: u32,
) -> Result<Cut<H>, u32> {
    let (network, transport) = (network as usize, transport as usize);
    if network > frame::LONGEST
        || transport > FARTHEST
        || transport < network
        || !cut_behind_header(context, transport)
    {
        return Err(0);
    }
    let network = limited::<NETWORK_MASK>(network);
    let transport = limited::<TRANSPORT_MASK>(transport);
    let cursor = Cursor::anew(context);
    let (Some(ip), Some(tcp)) = (
        cursor.header::<H>(network),
        cursor.header::<TcpHeader>(transport),
    ) else {
        return Err(1);
    };
    frame::turn_round(cursor);
    Ok(Cut {
        cursor,
        ip,
        tcp,
        network,
        transport,
    })
}

/// Cuts the frame off behind a TCP header without options.
#[inline(always)]
fn cut_behind_header(context: *mut xdp_md, transport: usize) -> bool {
    let length = Cursor::anew(context).whole_length();
    let cut = (transport + HEADER_LENGTH) as i32 - length as i32;
    // SAFETY: the context is the program's own; pointers into the frame are made anew after this.
    cut <= 0 && unsafe { bpf_xdp_adjust_tail(context, cut) } == 0
}

/// Writes the TCP header. `sum` is that of the addresses.
///
/// # Safety
///
/// The cursor must have checked the bounds of the header.
#[inline(always)]
unsafe fn finish(
    cursor: Cursor,
    header: *mut TcpHeader,
    transport: usize,
    acknowledgement: u32,
    mut sum: Sum,
) {
    let number = acknowledgement.to_be();
    // SAFETY: the caller vouches for the bounds.
    unsafe {
        let [source, destination] = (*header).ports;
        // What the sender expects next is what it acknowledged.
        let expected = (*header).acknowledgement_be;
        let is_expecting = (*header).flags & tcp::ACK != 0;
        let (sequence_be, acknowledgement_be, flags) = if is_expecting {
            (expected, [0; 2], tcp::RST)
        } else {
            let number = [number as u16, (number >> 16) as u16];
            ([0; 2], number, tcp::RST | tcp::ACK)
        };
        *header = TcpHeader {
            ports: [destination, source],
            sequence_be,
            acknowledgement_be,
            data_offset: NO_OPTIONS,
            flags,
            window_be: 0,
            checksum_be: 0,
            urgent_be: 0,
        };
    }
    sum.add(u16::from(protocol::TCP).to_be());
    sum.add((HEADER_LENGTH as u16).to_be());
    sum.add_up_to(cursor, transport, transport + HEADER_LENGTH);
    // SAFETY: as above.
    unsafe { (*header).checksum_be = sum.finish() };
}
