//! TCP states as a director in direct routing sees them: from the client's side only.
//!
//! The table is IPVS's input-only table (`net/netfilter/ipvs/ip_vs_proto_tcp.c`, `tcp_states`, columns that can be
//! reached from *None* without `secure_tcp`). Answers never pass the director, so what the server does is not seen.

/// State of a flow, as an integer for the map.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct FlowState(pub u32);

impl FlowState {
    pub const NONE: Self = Self(0);
    pub const SYN_RECV: Self = Self(1);
    pub const ESTABLISHED: Self = Self(2);
    pub const FIN_WAIT: Self = Self(3);
    pub const TIME_WAIT: Self = Self(4);
    pub const CLOSE: Self = Self(5);
    /// The one state of a UDP flow.
    pub const UDP: Self = Self(6);

    /// The word that ipvsadm prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SYN_RECV => "SYN_RECV",
            Self::ESTABLISHED => "ESTABLISHED",
            Self::FIN_WAIT => "FIN_WAIT",
            Self::TIME_WAIT => "TIME_WAIT",
            Self::CLOSE => "CLOSE",
            Self::UDP => "UDP",
            _ => "NONE",
        }
    }

    /// State after a TCP segment with these flags (byte 13 of the header, RFC 9293 section 3.1) came from the client.
    ///
    /// As in IPVS the first of RST, SYN, FIN, ACK decides; a segment with none of them changes nothing.
    #[must_use]
    #[inline(always)]
    pub const fn next(self, flags: u8) -> Self {
        if self.0 == Self::ESTABLISHED.0 && flags & (RST | SYN | FIN) == 0 {
            return self;
        }
        if flags & RST != 0 {
            return match self {
                Self::SYN_RECV => Self::SYN_RECV,
                _ => Self::CLOSE,
            };
        }
        if flags & SYN != 0 {
            return match self {
                Self::ESTABLISHED => Self::ESTABLISHED,
                _ => Self::SYN_RECV,
            };
        }
        if flags & FIN != 0 {
            return match self {
                Self::SYN_RECV | Self::TIME_WAIT => Self::TIME_WAIT,
                Self::ESTABLISHED | Self::FIN_WAIT => Self::FIN_WAIT,
                _ => Self::CLOSE,
            };
        }
        if flags & ACK != 0 {
            return match self {
                Self::NONE | Self::SYN_RECV => Self::ESTABLISHED,
                _ => self,
            };
        }
        self
    }

    /// Whether ipvsadm counts a flow in this state as *ActiveConn* (otherwise *InActConn*, where UDP always is).
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::ESTABLISHED | Self::SYN_RECV)
    }
}

/// Flag bits of byte 13 of the TCP header.
pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const ACK: u8 = 0x10;

#[cfg(all(test, feature = "user"))]
mod tests {
    use super::*;

    #[test]
    fn every_state_follows_the_input_only_table_of_ipvs() {
        use FlowState as S;
        // Columns: NONE, SYN_RECV, ESTABLISHED, FIN_WAIT, TIME_WAIT, CLOSE.
        let states = [
            S::NONE,
            S::SYN_RECV,
            S::ESTABLISHED,
            S::FIN_WAIT,
            S::TIME_WAIT,
            S::CLOSE,
        ];
        let table = [
            (
                SYN,
                [
                    S::SYN_RECV,
                    S::SYN_RECV,
                    S::ESTABLISHED,
                    S::SYN_RECV,
                    S::SYN_RECV,
                    S::SYN_RECV,
                ],
            ),
            (
                FIN,
                [
                    S::CLOSE,
                    S::TIME_WAIT,
                    S::FIN_WAIT,
                    S::FIN_WAIT,
                    S::TIME_WAIT,
                    S::CLOSE,
                ],
            ),
            (
                ACK,
                [
                    S::ESTABLISHED,
                    S::ESTABLISHED,
                    S::ESTABLISHED,
                    S::FIN_WAIT,
                    S::TIME_WAIT,
                    S::CLOSE,
                ],
            ),
            (
                RST,
                [
                    S::CLOSE,
                    S::SYN_RECV,
                    S::CLOSE,
                    S::CLOSE,
                    S::CLOSE,
                    S::CLOSE,
                ],
            ),
            (0, states),
        ];
        for (flags, row) in table {
            for (from, to) in states.into_iter().zip(row) {
                assert_eq!(
                    from.next(flags),
                    to,
                    "{} with flags {flags:#04x}",
                    from.name()
                );
            }
        }
    }

    #[test]
    fn the_first_of_rst_syn_fin_ack_decides() {
        assert_eq!(
            FlowState::ESTABLISHED.next(RST | FIN | ACK),
            FlowState::CLOSE
        );
        assert_eq!(FlowState::ESTABLISHED.next(FIN | ACK), FlowState::FIN_WAIT);
        assert_eq!(FlowState::CLOSE.next(SYN | ACK), FlowState::SYN_RECV);
    }
}
