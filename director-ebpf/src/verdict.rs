//! How a packet leaves the path. Every exit is named and counted once.

use aya_ebpf::bindings::xdp_action;
use director_common::counters::Counter;

use crate::maps::COUNTERS;

/// The end of a packet's way through the program, with the counter of its reason.
///
/// One integer that is always written whole: of an `enum` whose variants have fields of their own the compiler leaves some unwritten,
/// and whatever a register held before then looks to the verifier as if it were used.
#[must_use]
#[derive(Clone, Copy)]
pub struct Verdict {
    kind: Kind,
    /// The counter; of a refusal, what its answer needs.
    value: u32,
}

/// What happens to the packet.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Out of the interface it came in by.
    Tx,
    /// Out of another interface, which the kernel was told.
    Redirect,
    /// To the kernel.
    Pass,
    Drop,
    /// Back to its sender with a reset: no server is available. The value is the number that follows the SYN.
    RefuseConnection,
    /// Back to its sender with a reset: it belongs to no flow. The value is the number that follows the segment.
    RefuseSegment,
    /// Back to its sender as *port unreachable*: no server is available.
    RefuseDatagram,
    /// Back to its sender as *time exceeded*: the TTL or hop limit ran out.
    RefuseTtl,
    /// Back to its sender as *too big* for the server's link. The value is what that takes.
    RefuseSize,
}

#[expect(
    non_snake_case,
    reason = "they read as the variants that they stand for"
)]
impl Verdict {
    #[inline(always)]
    pub const fn Tx(counter: Counter) -> Self {
        Self::of(Kind::Tx, counter as u32)
    }

    #[inline(always)]
    pub const fn Redirect(counter: Counter) -> Self {
        Self::of(Kind::Redirect, counter as u32)
    }

    #[inline(always)]
    pub const fn Pass(counter: Counter) -> Self {
        Self::of(Kind::Pass, counter as u32)
    }

    #[inline(always)]
    pub const fn Drop(counter: Counter) -> Self {
        Self::of(Kind::Drop, counter as u32)
    }
}

impl Verdict {
    /// A verdict of a kind, with its counter or what its answer needs.
    #[inline(always)]
    pub const fn of(kind: Kind, value: u32) -> Self {
        Self { kind, value }
    }

    #[inline(always)]
    pub fn kind(self) -> Kind {
        self.kind
    }

    #[inline(always)]
    pub fn value(self) -> u32 {
        self.value
    }

    /// Counts the exit and gives the kernel's word for it.
    #[inline(always)]
    pub fn settle(self) -> u32 {
        let action = match self.kind {
            Kind::Tx => xdp_action::XDP_TX,
            Kind::Redirect => xdp_action::XDP_REDIRECT,
            Kind::Pass => xdp_action::XDP_PASS,
            // Every refusal was answered before: see `path::refuse`.
            _ => xdp_action::XDP_DROP,
        };
        add_one(self.value);
        action
    }
}

/// Adds one to a counter of this CPU.
#[inline(always)]
pub fn count(counter: Counter) {
    add_one(counter as u32);
}

#[inline(always)]
fn add_one(counter: u32) {
    if let Some(value) = COUNTERS.get_ptr_mut(counter) {
        // SAFETY: the slot belongs to this CPU, and the program is not preempted by itself.
        unsafe { *value += 1 }
    }
}
