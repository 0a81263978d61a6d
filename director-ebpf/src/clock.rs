//! Time in the packet path: jiffies, which the kernel inlines as one load.

use aya_ebpf::{
    helpers::generated::{bpf_jiffies64, bpf_ktime_get_ns},
    programs::XdpContext,
};
use director_common::clock::Reading;

/// Jiffies.
#[inline(always)]
pub fn jiffies() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_jiffies64() }
}

/// Low 32 bits of jiffies: differences are right for 49 days at 1000 Hz, longer than anything is kept unseen.
#[inline(always)]
pub fn now() -> u32 {
    jiffies() as u32
}

/// Whether more than `limit` jiffies went by since `then`. A `limit` of 0 never runs out.
///
/// A point that seems to lie ahead was written on another CPU in this instant.
#[inline(always)]
pub fn is_over(then: u32, limit: u32) -> bool {
    let passed = now().wrapping_sub(then);
    limit != 0 && passed > limit && passed <= u32::MAX / 2
}

/// Writes this moment to the beginning of the frame; whether there was room for it.
#[inline(always)]
pub fn tell(context: &XdpContext) -> bool {
    let start = context.data();
    if start + size_of::<Reading>() > context.data_end() {
        return false;
    }
    let reading = Reading {
        jiffies: jiffies(),
        // SAFETY: the helper has no preconditions.
        monotonic_ns: unsafe { bpf_ktime_get_ns() },
    };
    // SAFETY: the bounds were just checked. Nothing is known of the place's alignment.
    unsafe { (start as *mut Reading).write_unaligned(reading) };
    true
}
