//! What the daemon tells the packet path once: times in jiffies, whose rate only userspace knows, and limits.

/// States that have a timeout, see [`crate::tcp::FlowState`].
pub const TIMEOUTS: usize = 8;

/// Settings of the packet path. All zero, until the daemon has written them.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Settings {
    /// Time in jiffies that a flow in each state is kept after the client was last heard, by the state's number. 0: for ever.
    /// That of an established flow is its service's.
    pub timeouts: [u32; TIMEOUTS],
    /// Time in jiffies that later fragments follow the first one.
    pub fragment_timeout: u32,
    /// Time in jiffies without a change after which lblcr forgets the most loaded server of a set.
    pub locality_timeout: u32,
    /// Length in jiffies of the window in which ICMP errors are counted.
    pub reply_window: u32,
    /// ICMP errors that one CPU may send in a window. 0: none.
    pub replies: u32,
}

/// ICMP errors that this CPU has sent in its window.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ReplyBudget {
    /// Low 32 bits of jiffies when the window began.
    pub began: u32,
    /// Replies since then.
    pub sent: u32,
}

const _: () = assert!(size_of::<Settings>() == 48);
const _: () = assert!(size_of::<ReplyBudget>() == 8);
