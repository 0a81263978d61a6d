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

/// The offset as a number of which the verifier knows no more than that it is below `limit`.
///
/// It follows every value that an offset may have through all that comes after. Made unknown, all ways to here are one. `None`: it is
/// not below the limit, which the caller has seen to.
#[inline(always)]
pub fn forget_origin(offset: usize, limit: usize, context: *mut xdp_md) -> Option<usize> {
    // SAFETY: the context is the program's own.
    let unknown = u64::from(unsafe { (*context).ingress_ifindex });
    #[cfg(target_arch = "bpf")]
    let offset = {
        let mut offset = offset;
        // SAFETY: what is added is taken away again; the compiler must not see it.
        unsafe {
            core::arch::asm!(
                "{offset} += {unknown}",
                "{offset} -= {unknown}",
                offset = inout(reg) offset,
                unknown = in(reg) unknown,
                options(nostack, nomem),
            );
        }
        offset
    };
    #[cfg(not(target_arch = "bpf"))]
    let _ = unknown;
    (offset < limit).then_some(offset)
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
