//! Words for the verifier, and single instructions that Rust has no words for.
//!
//! The verifier believes in the very register that was checked. The compiler knows of no such thing: it would check one copy of a
//! number and use another. What goes through here it cannot look into.

use aya_ebpf::bindings::xdp_md;

/// The sum of a place in the frame and an offset.
///
/// The compiler would make the same sum a second time, behind the check.
#[inline(always)]
pub fn point(data: usize, offset: usize) -> usize {
    #[cfg(target_arch = "bpf")]
    {
        let mut start = data;
        // SAFETY: an addition.
        unsafe {
            core::arch::asm!(
                "{start} += {offset}",
                start = inout(reg) start,
                offset = in(reg) offset,
                options(nostack, nomem),
            );
        }
        start
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        data + offset
    }
}

/// A number that is no larger than `MASK`, a power of two less one: the caller has seen to that, and the verifier learns it here.
#[inline(always)]
pub fn limited<const MASK: usize>(number: usize) -> usize {
    const { assert!((MASK + 1).is_power_of_two()) };
    #[cfg(target_arch = "bpf")]
    {
        let mut number = number;
        // SAFETY: a mask that changes nothing.
        unsafe {
            core::arch::asm!(
                "{number} &= {mask}",
                number = inout(reg) number,
                mask = const MASK,
                options(nostack, nomem),
            );
        }
        number
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        number & MASK
    }
}

/// The element of an array at an index, which is below its length: the caller has seen to that. `MASK` is the length less one.
///
/// An index expression would bring a panic that the verifier refuses.
#[inline(always)]
pub fn element<const MASK: usize, T, const N: usize>(
    array: *const [T; N],
    index: usize,
) -> *const T {
    const { assert!(MASK + 1 == N) };
    array.cast::<T>().wrapping_add(limited::<MASK>(index))
}

/// The offset as a number of which the verifier knows no more than that it is at most `MASK`, a power of two less one; the caller has
/// seen to that.
///
/// It follows every value that an offset may have through all that comes after. Made unknown, all ways to here are one. It is limited
/// by a mask: a comparison would tell of one register only, and Linux 6.1 does not see that the copy on the stack is the same number.
#[inline(always)]
pub fn forget_origin<const MASK: usize>(offset: usize, context: *mut xdp_md) -> usize {
    const { assert!((MASK + 1).is_power_of_two()) };
    // SAFETY: the context is the program's own.
    let unknown = u64::from(unsafe { (*context).ingress_ifindex });
    #[cfg(target_arch = "bpf")]
    let offset = {
        let mut offset = offset;
        // SAFETY: what is added is taken away again, and the mask changes nothing; the compiler must not see it.
        unsafe {
            core::arch::asm!(
                "{offset} += {unknown}",
                "{offset} -= {unknown}",
                "{offset} &= {mask}",
                offset = inout(reg) offset,
                unknown = in(reg) unknown,
                mask = const MASK,
                options(nostack, nomem),
            );
        }
        offset
    };
    #[cfg(not(target_arch = "bpf"))]
    let _ = unknown;
    offset
}

/// Zero, of which the verifier does not know what it is.
///
/// Linux before 6.7 looks at the step of a `bpf_loop` once, with what stands on the stack before the first turn. What a step reads and a
/// turn before it may have written must not be known there, or the branch for the later turns is taken for dead and removed.
#[inline(always)]
pub fn hidden_zero(readable: &u32) -> u64 {
    #[cfg(target_arch = "bpf")]
    {
        let zero: u64;
        // SAFETY: reads four bytes twice; the reference vouches for them.
        unsafe {
            core::arch::asm!(
                "{zero} = *(u32 *)({from} + 0)",
                "{same} = *(u32 *)({from} + 0)",
                "{zero} ^= {same}",
                zero = out(reg) zero,
                same = out(reg) _,
                from = in(reg) core::ptr::from_ref(readable),
                options(nostack, preserves_flags, readonly),
            );
        }
        zero
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        let _ = readable;
        0
    }
}

/// Loads four bytes in memory order, wherever they lie.
///
/// The compiler takes what is aligned to two bytes in pieces of two bytes; the machine can do it at once.
///
/// # Safety
///
/// The four bytes must be readable.
#[inline(always)]
pub unsafe fn load_u32<T>(from: *const T) -> u32 {
    #[cfg(target_arch = "bpf")]
    {
        let value: u64;
        // SAFETY: the caller vouches for the bytes; the instruction reads them and nothing else.
        unsafe {
            core::arch::asm!(
                "{value} = *(u32 *)({from} + 0)",
                value = out(reg) value,
                from = in(reg) from,
                options(nostack, preserves_flags, readonly),
            );
        }
        value as u32
    }
    #[cfg(not(target_arch = "bpf"))]
    // SAFETY: the caller vouches for the bytes.
    unsafe {
        from.cast::<u32>().read_unaligned()
    }
}

/// Loads eight bytes, likewise.
///
/// # Safety
///
/// The eight bytes must be readable.
#[inline(always)]
pub unsafe fn load_u64<T>(from: *const T) -> u64 {
    #[cfg(target_arch = "bpf")]
    {
        let value: u64;
        // SAFETY: the caller vouches for the bytes; the instruction reads them and nothing else.
        unsafe {
            core::arch::asm!(
                "{value} = *(u64 *)({from} + 0)",
                value = out(reg) value,
                from = in(reg) from,
                options(nostack, preserves_flags, readonly),
            );
        }
        value
    }
    #[cfg(not(target_arch = "bpf"))]
    // SAFETY: the caller vouches for the bytes.
    unsafe {
        from.cast::<u64>().read_unaligned()
    }
}
