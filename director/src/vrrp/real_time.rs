//! What the thread that sends advertisements needs so that it is never late: a priority before all other work, and memory that is
//! never swapped out.

use std::io;

use nix::sys::mman::{MlockAllFlags, mlockall};

/// `vrrp_rt_priority`, if the configuration has none: above other real-time work of a router, below the kernel's watchdogs.
pub const DEFAULT_PRIORITY: u8 = 50;

/// Raises the calling thread to `SCHED_RR` with this priority, 1 to 99 (sched(7)). Children that it might have get the usual one.
///
/// # Errors
///
/// CAP_SYS_NICE is missing, or the limit `RLIMIT_RTPRIO` is lower.
pub fn raise(priority: u8) -> io::Result<()> {
    let parameters = libc::sched_param {
        sched_priority: priority.into(),
    };
    // SAFETY: the structure lives until the call returns; 0 means the calling thread.
    let result = unsafe {
        libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &parameters)
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Keeps every page that this process has touched, or will, in memory.
///
/// # Errors
///
/// CAP_IPC_LOCK is missing, or the limit `RLIMIT_MEMLOCK` is too low.
pub fn lock_memory() -> io::Result<()> {
    // Pages that nobody has touched need not be there: stacks of idle threads are large.
    let on_fault = MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_fault)?;
    Ok(())
}
