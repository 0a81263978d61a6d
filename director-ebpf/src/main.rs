//! The XDP program: the packet path of the director, and nothing that userspace can do as well.
//!
//! Read [`path`] first; the other modules are its steps. Each of them is one noun of the packet's life:
//! `cursor` -> `packet` -> `flow` -> `service` -> `schedule` -> `forward` -> `verdict`.
#![no_std]
#![no_main]

use aya_ebpf::{macros::xdp, programs::XdpContext};

mod cursor;
mod flow;
mod forward;
mod maps;
mod packet;
mod path;
mod schedule;
mod service;
mod verdict;

/// Entry point, once for each frame that the interface receives.
#[xdp]
pub fn director(context: XdpContext) -> u32 {
    path::process(&context).settle()
}

/// Not for packets: the daemon runs it by hand to read the clock that flows are stamped with.
#[xdp]
pub fn clock(_: XdpContext) -> u32 {
    flow::now()
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
