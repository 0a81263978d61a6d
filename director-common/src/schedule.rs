//! Scheduling tables: userspace prepares the order, the packet path takes the next slot.

/// Slots of a scheduling table.
pub const SLOTS: usize = 4095;

/// Order in which new flows of one service are given to its real servers.
///
/// The daemon writes a whole new table and swaps it in by one map update, so that no packet sees half an edit. The
/// length is part of the table for the same reason.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Schedule {
    /// Slots in use, 0 to [`SLOTS`]. 0: no server is available.
    pub length: u32,
    /// Indexes of real servers; 0 is *not set*.
    pub servers: [u32; SLOTS],
}

impl Schedule {
    /// The table of a service without an available server.
    pub const EMPTY: Self = Self {
        length: 0,
        servers: [0; SLOTS],
    };
}

const _: () = assert!(size_of::<Schedule>() == 4 * (SLOTS + 1));
