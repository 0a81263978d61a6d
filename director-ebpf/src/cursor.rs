//! The only door to packet memory: every access is checked against the end of the frame.

use aya_ebpf::programs::XdpContext;

/// The frame as it lies in memory.
#[derive(Clone, Copy)]
pub struct Cursor {
    data: usize,
    end: usize,
}

impl Cursor {
    #[inline(always)]
    pub fn new(context: &XdpContext) -> Self {
        Self {
            data: context.data(),
            end: context.data_end(),
        }
    }

    /// Bytes from the start of the frame to its end, padding included.
    #[inline(always)]
    pub fn length(&self) -> usize {
        self.end - self.data
    }

    /// The `T` at `offset`, or nothing where the frame ends before it does.
    ///
    /// Headers are described by structures without invalid values, so any bytes are a `T`.
    #[inline(always)]
    pub fn header<T: Header>(&self, offset: usize) -> Option<*mut T> {
        if self.data + offset + size_of::<T>() > self.end {
            return None;
        }
        Some((self.data + offset) as *mut T)
    }
}

/// A header: plain bytes, no padding, no invalid values, at most 2-byte alignment (the frame guarantees no more).
///
/// # Safety
///
/// Every bit pattern must be a value of the type, and its alignment must be 1 or 2.
pub unsafe trait Header: Copy {}
