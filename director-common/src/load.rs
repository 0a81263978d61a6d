//! How many flows each real server has, for the schedulers that ask.

/// Flows of one real server. The packet path adds and subtracts by atomic operations; the sweep, which counts the flows one
/// by one, puts right what evictions made wrong.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Load {
    /// ipvsadm's *ActiveConn*. Between two sweeps it may be a little less than 0.
    pub active: i32,
    /// ipvsadm's *InActConn*, likewise.
    pub inactive: i32,
    /// 1 from the moment that the upper threshold is reached until the flows are fewer than the lower one.
    pub overloaded: u32,
    pub _reserved: u32,
}

impl Load {
    /// All flows, never less than 0.
    #[must_use]
    #[inline(always)]
    pub const fn total(&self) -> u32 {
        not_negative(self.active) + not_negative(self.inactive)
    }

    /// Active flows, never less than 0.
    #[must_use]
    #[inline(always)]
    pub const fn active(&self) -> u32 {
        not_negative(self.active)
    }

    /// What IPVS's lc and wlc compare: an active flow is worth 256 inactive ones (`ip_vs_dest_conn_overhead`).
    #[must_use]
    #[inline(always)]
    pub const fn overhead(&self) -> u64 {
        ((not_negative(self.active) as u64) << 8) + not_negative(self.inactive) as u64
    }

    /// Whether the server is overloaded with these thresholds; between the two it stays what it was.
    #[must_use]
    #[inline(always)]
    pub const fn is_overloaded(&self, upper: u32, lower: u32) -> bool {
        if upper == 0 {
            return false;
        }
        let total = self.total();
        if total >= upper {
            return true;
        }
        let is_relieved = if lower != 0 {
            total < lower
        } else {
            total as u64 * 4 < upper as u64 * 3
        };
        self.overloaded != 0 && !is_relieved
    }
}

#[inline(always)]
const fn not_negative(count: i32) -> u32 {
    if count < 0 { 0 } else { count as u32 }
}

const _: () = assert!(size_of::<Load>() == 16);

#[cfg(all(test, feature = "user"))]
mod tests {
    use super::*;

    fn load(active: i32, overloaded: u32) -> Load {
        Load {
            active,
            overloaded,
            ..Load::default()
        }
    }

    #[test]
    fn between_the_thresholds_a_server_stays_what_it_was() {
        for total in 0..12 {
            let calm = load(total, 0).is_overloaded(10, 4);
            let overloaded = load(total, 1).is_overloaded(10, 4);
            assert_eq!(calm, total >= 10, "calm with {total}");
            assert_eq!(overloaded, total >= 4, "overloaded with {total}");
        }
    }

    #[test]
    fn without_a_lower_threshold_three_quarters_of_the_upper_relieve() {
        assert!(load(6, 1).is_overloaded(8, 0));
        assert!(!load(5, 1).is_overloaded(8, 0));
    }

    #[test]
    fn without_an_upper_threshold_nothing_is_too_much() {
        assert!(!load(i32::MAX, 1).is_overloaded(0, 3));
    }

    #[test]
    fn a_count_below_zero_counts_as_zero() {
        assert_eq!(load(-3, 0).overhead(), 0);
        assert_eq!(load(-3, 0).total(), 0);
    }
}
