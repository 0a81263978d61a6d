//! The clock of the packet path, as the program `clock` reads it for userspace.

/// One moment by two clocks. The program writes it to the beginning of the frame that it is run with.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Reading {
    /// Jiffies, all 64 bits. They do not begin at 0, so that a wrong comparison of their low 32 bits shows five minutes after the boot.
    pub jiffies: u64,
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub monotonic_ns: u64,
}

const _: () = assert!(size_of::<Reading>() == 16);
