//! How a packet leaves the path. Every exit is named and counted once.

use aya_ebpf::bindings::xdp_action;
use director_common::counters::Counter;

use crate::maps::COUNTERS;

/// The end of a packet's way through the program, with the counter of its reason.
#[must_use]
#[derive(Clone, Copy)]
pub enum Verdict {
    /// Out of the interface it came in by.
    Tx(Counter),
    /// To the kernel.
    Pass(Counter),
    Drop(Counter),
}

impl Verdict {
    /// Counts the exit and gives the kernel's word for it.
    #[inline(always)]
    pub fn settle(self) -> u32 {
        let (action, counter) = match self {
            Self::Tx(counter) => (xdp_action::XDP_TX, counter),
            Self::Pass(counter) => (xdp_action::XDP_PASS, counter),
            Self::Drop(counter) => (xdp_action::XDP_DROP, counter),
        };
        count(counter);
        action
    }
}

/// Adds one to a counter of this CPU.
#[inline(always)]
pub fn count(counter: Counter) {
    if let Some(value) = COUNTERS.get_ptr_mut(counter as u32) {
        // SAFETY: the slot belongs to this CPU, and the program is not preempted by itself.
        unsafe { *value += 1 }
    }
}
