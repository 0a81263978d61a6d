//! The only door to packet memory: every access is checked against the end of the frame.

use aya_ebpf::{
    EbpfContext as _, bindings::xdp_md, helpers::generated::bpf_xdp_get_buff_len,
    programs::XdpContext,
};

use crate::verifier::{load_u32, point};

/// The frame as it lies in memory: of a frame in several pieces, the first one.
#[derive(Clone, Copy)]
pub struct Cursor {
    data: usize,
    end: usize,
    pub context: *mut xdp_md,
}

impl Cursor {
    #[inline(always)]
    pub fn new(context: &XdpContext) -> Self {
        Self {
            data: context.data(),
            end: context.data_end(),
            context: context.as_ptr().cast(),
        }
    }

    /// A cursor over the frame as it is now, after a helper moved its ends.
    #[inline(always)]
    pub fn anew(context: *mut xdp_md) -> Self {
        Self::new(&XdpContext::new(context))
    }

    /// Whether the frame has `length` bytes from `offset` on, padding included.
    #[inline(always)]
    pub fn holds(&self, offset: usize, length: usize) -> bool {
        if offset + length <= self.end - self.data {
            return true;
        }
        // A jumbo frame may go on in further pieces, which only the kernel knows of.
        offset + length <= self.whole_length()
    }

    /// The `T` at `offset`, or nothing where the frame ends before it does.
    ///
    /// Headers are described by structures without invalid values, so any bytes are a `T`.
    #[inline(always)]
    pub fn header<T: Header>(&self, offset: usize) -> Option<*mut T> {
        let start = point(self.data, offset);
        if start + size_of::<T>() > self.end {
            return None;
        }
        Some(start as *mut T)
    }
}

impl Cursor {
    /// Bytes of the whole frame, in however many pieces it came.
    #[inline(always)]
    pub fn whole_length(&self) -> usize {
        // SAFETY: the context is the program's own.
        unsafe { bpf_xdp_get_buff_len(self.context) as usize }
    }
}

/// The Internet checksum (RFC 1071) on its way. Words are taken in memory order, which its arithmetic does not mind.
#[derive(Clone, Copy, Default)]
pub struct Sum(u64);

/// Longest stretch that is summed, in words of four bytes: an ICMP error with what it quotes.
const LONGEST_SUM: usize = 36;

impl Sum {
    #[inline(always)]
    pub fn add(&mut self, word: u16) {
        self.0 += u64::from(word);
    }

    #[inline(always)]
    pub fn add_words(&mut self, words: &[u16]) {
        for word in words {
            self.add(*word);
        }
    }

    /// Adds the frame from one offset up to another, a multiple of four bytes.
    #[inline(always)]
    pub fn add_up_to(&mut self, cursor: Cursor, from: usize, to: usize) {
        for index in 0..LONGEST_SUM {
            let offset = from + index * size_of::<u32>();
            if offset >= to {
                break;
            }
            let Some(word) = cursor.header::<[u16; 2]>(offset) else {
                break;
            };
            // SAFETY: the cursor checked the bounds.
            self.0 += u64::from(unsafe { load_u32(word) });
        }
    }

    /// Adds the frame from an offset up to its end.
    #[inline(always)]
    pub fn add_rest(&mut self, cursor: Cursor, from: usize) {
        self.add_up_to(cursor, from, usize::MAX);
    }

    /// The checksum, as it stands on the wire.
    #[inline(always)]
    pub fn finish(self) -> u16 {
        // A few dozen words of 32 bits: three folds take every carry in.
        let mut sum = (self.0 & 0xffff) + (self.0 >> 16 & 0xffff) + (self.0 >> 32);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        !(sum as u16)
    }
}

/// A header: plain bytes, no padding, no invalid values, at most 2-byte alignment (the frame guarantees no more).
///
/// # Safety
///
/// Every bit pattern must be a value of the type, and its alignment must be 1 or 2.
pub unsafe trait Header: Copy {}

// SAFETY: an integer of two bytes.
unsafe impl Header for u16 {}
// SAFETY: likewise.
unsafe impl Header for [u16; 2] {}
