//! Time in the packet path: jiffies, which the kernel inlines as one load.

use aya_ebpf::helpers::generated::bpf_jiffies64;

/// Low 32 bits of jiffies: differences are right for 49 days at 1000 Hz, longer than anything is kept unseen.
#[inline(always)]
pub fn now() -> u32 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_jiffies64() as u32 }
}

/// Whether more than `limit` jiffies went by since `then`. A `limit` of 0 never runs out.
///
/// A point that seems to lie ahead was written on another CPU in this instant.
#[inline(always)]
pub fn is_over(then: u32, limit: u32) -> bool {
    let passed = now().wrapping_sub(then);
    limit != 0 && passed > limit && passed <= u32::MAX / 2
}
