//! The XDP program: the packet path of the director, and nothing that userspace can do as well.
//!
//! Read [`path`] first; the other modules are its steps. Each of them is one noun of the packet's life:
//! `cursor` -> `frame` -> `family` (`ipv4`, `ipv6`) -> `transport` -> `flow` -> `service` -> `persistence`, `schedule` -> `forward`
//! -> `verdict`; aside lie `fragment`, `icmp`, and what the director says itself: `reset`, `reply`.
#![no_std]
#![no_main]
// Unaligned loads and atomic additions are single instructions that Rust has no other words for.
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};

mod clock;
mod cursor;
mod family;
mod flow;
mod forward;
mod fragment;
mod frame;
mod icmp;
mod ipv4;
mod ipv6;
mod load;
mod locality;
mod maps;
mod path;
mod persistence;
mod reply;
mod reset;
mod scan;
mod schedule;
mod service;
mod transport;
mod verdict;
mod verifier;

/// Entry point, once for each frame that the interface receives. Jumbo frames may come in several pieces.
#[xdp(frags)]
#[inline(always)]
pub fn director(context: XdpContext) -> u32 {
    path::process(&context).settle()
}

/// Not for packets: the daemon runs it by hand to read the clock that flows are stamped with and leases end by.
#[xdp]
pub fn clock(context: XdpContext) -> u32 {
    match clock::tell(&context) {
        true => xdp_action::XDP_PASS,
        false => xdp_action::XDP_ABORTED,
    }
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier refuses a program that can get here: nothing in the packet path panics.
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
