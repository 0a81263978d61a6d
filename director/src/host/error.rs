//! Why the kernel did not do what was asked: the `source` of every error of this part.

use caps::Capability;
use nix::errno::Errno;
use thiserror::Error;

/// The kernel's side of a failed operation. What was tried, and where, is in the error that carries it.
#[derive(Debug, Error)]
pub enum KernelError {
    /// EPERM.
    #[error(
        "operation not permitted: {0} is missing; run as root, or add it to the service's AmbientCapabilities"
    )]
    MissingCapability(Capability),
    /// Any other error number.
    #[error("{}", .0.desc())]
    Refused(Errno),
    /// The task that owns the netlink socket has ended.
    #[error("the netlink connection is closed; the reason is in the log")]
    Closed,
    /// An answer that this kernel should not give.
    #[error("the kernel's answer lacks what every answer of its kind has")]
    Unexpected,
}

impl KernelError {
    pub(super) fn from_errno(errno: Errno, needs: Capability) -> Self {
        match errno {
            Errno::EPERM => Self::MissingCapability(needs),
            other => Self::Refused(other),
        }
    }

    pub(super) fn from_io(error: &std::io::Error, needs: Capability) -> Self {
        let errno = error
            .raw_os_error()
            .map_or(Errno::UnknownErrno, Errno::from_raw);
        Self::from_errno(errno, needs)
    }

    /// The error number, if the kernel gave one.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        match self {
            Self::MissingCapability(_) => Some(Errno::EPERM),
            Self::Refused(errno) => Some(*errno),
            Self::Closed | Self::Unexpected => None,
        }
    }
}

/// Every change by netlink needs CAP_NET_ADMIN; reading needs nothing.
impl From<rtnetlink::Error> for KernelError {
    fn from(error: rtnetlink::Error) -> Self {
        match error {
            rtnetlink::Error::NetlinkError(message) => {
                let errno = Errno::from_raw(message.raw_code().saturating_neg());
                Self::from_errno(errno, Capability::CAP_NET_ADMIN)
            }
            rtnetlink::Error::RequestFailed => Self::Closed,
            _ => Self::Unexpected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_by_privilege_names_the_capability() {
        let error = KernelError::from_errno(Errno::EPERM, Capability::CAP_NET_RAW);
        assert!(error.to_string().contains("CAP_NET_RAW"), "{error}");
    }

    #[test]
    fn any_other_refusal_says_what_the_system_says() {
        let error = KernelError::from_errno(Errno::ENODEV, Capability::CAP_NET_ADMIN);
        assert_eq!(error.to_string(), "No such device");
        assert_eq!(error.errno(), Some(Errno::ENODEV));
    }
}
