//! Programs of the benchmark: the harness that stands before the program under test, and the floor to compare it with.
//!
//! `BPF_PROG_TEST_RUN` repeats a program on the packet as the last run left it. The harness therefore writes the packet
//! anew each time - the next of N flows, a fresh TTL - and tail-calls the program under test. Its own work is what it costs
//! with an empty slot beyond a program that does nothing; that is subtracted. What the kernel needs to run any program
//! stays in every figure.
#![no_std]
#![no_main]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::{Array, ProgramArray},
    macros::{btf_map, xdp},
    programs::XdpContext,
};

#[allow(
    dead_code,
    reason = "the programs here need only headers of fixed places"
)]
#[path = "../cursor.rs"]
mod cursor;
mod floor;
mod packet;
#[allow(
    dead_code,
    reason = "the programs here need only headers of fixed places"
)]
#[path = "../verifier.rs"]
mod verifier;

/// Queues that packets may come in by. Each has memory of its own, on cache lines of its own.
const QUEUES: usize = 2;

/// What the harness writes. Set by the benchmark, except `next`.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Bench {
    /// Index of the next flow.
    pub next: u32,
    /// Number of flows less one; the number is a power of two.
    pub flow_mask: u32,
    /// What the index is multiplied with: 1, or an odd number that scatters the clients.
    pub factor: u32,
}

/// Frames that arrived at the far end.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Arrived {
    pub frames: u64,
}

/// The harness's own memory, by queue.
#[btf_map]
static BENCH: Array<Bench, QUEUES> = Array::new();

/// What arrived, by queue.
#[btf_map]
static ARRIVED: Array<Arrived, QUEUES> = Array::new();

/// Slot 0: the program under test.
#[btf_map]
static BENCH_PROGRAM: ProgramArray<1> = ProgramArray::new();

/// Writes the next flow's addresses and ports into the packet, and hands it on. All programs here take frames in several pieces, as
/// the program under test does: the kernel lets only programs of one kind call each other.
#[xdp(frags)]
pub fn harness(context: XdpContext) -> u32 {
    let Some(bench) = BENCH.get_ptr_mut(context.rx_queue_index()) else {
        return xdp_action::XDP_ABORTED;
    };
    // SAFETY: one CPU works at a queue at a time, and one benchmark runs at a time.
    let index = unsafe {
        let index = (*bench).next & (*bench).flow_mask;
        (*bench).next = (*bench).next.wrapping_add(1);
        index.wrapping_mul((*bench).factor)
    };
    if packet::write(cursor::Cursor::new(&context), index).is_none() {
        return xdp_action::XDP_ABORTED;
    }
    // SAFETY: the context is the program's own. The call returns only where the slot is empty.
    unsafe { BENCH_PROGRAM.tail_call(&context, 0) };
    xdp_action::XDP_TX
}

/// Nothing: what the kernel needs to run any program.
#[xdp(frags)]
pub fn empty(_: XdpContext) -> u32 {
    xdp_action::XDP_TX
}

/// The floor: the least that a forwarder in direct routing can do - parse, both MAC addresses, out.
#[xdp(frags)]
pub fn floor(context: XdpContext) -> u32 {
    floor::process(cursor::Cursor::new(&context))
}

/// Leaves a frame to the kernel: what stands at an interface whose frames the harness makes, and what IPVS needs.
#[xdp(frags)]
pub fn pass(_: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

/// The far end of the wire: counts what arrives.
#[xdp(frags)]
pub fn sink(context: XdpContext) -> u32 {
    if let Some(arrived) = ARRIVED.get_ptr_mut(context.rx_queue_index()) {
        // SAFETY: one CPU works at a queue at a time.
        unsafe { (*arrived).frames += 1 };
    }
    xdp_action::XDP_DROP
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier refuses a program that can get here.
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
