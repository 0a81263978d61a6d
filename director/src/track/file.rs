//! The pure core of one `track_file`: the number in it.
//!
//! As in keepalived: white space before the number and anything after it is passed over, and a file that is missing, empty or has no
//! number counts as 0. A number that is too large is cut to what 32 bits hold. The number is decimal, where keepalived takes `010` for 8.
//!
//! - A file that is emptied or gone is believed only when it has been so for a tenth of a second: most programs write a file by
//!   emptying it first, and 0 means *well* where the weight is 0.
//! - A file that cannot be read, for another reason, keeps its last number, loudly: nothing is known of what it says.

use std::{
    fmt,
    time::{Duration, Instant},
};

use nix::errno::Errno;

use crate::vrrp::Status;

/// How long a file must be empty or gone.
const SETTLING: Duration = Duration::from_millis(100);

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A number.
    Number(i32),
    /// Nothing, or white space.
    Empty,
    /// Something else.
    NoNumber,
    /// No file.
    Missing,
    /// It cannot be read.
    Unreadable(Errno),
}

impl Reading {
    /// Reads the beginning of a file.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let text = bytes.trim_ascii_start();
        if text.is_empty() {
            return Self::Empty;
        }
        let (sign, digits) = match text {
            [b'-', digits @ ..] => (-1, digits),
            [b'+', digits @ ..] => (1, digits),
            digits => (1, digits),
        };
        let length = digits.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = &digits[..length.count()];
        if digits.is_empty() {
            return Self::NoNumber;
        }
        let size = digits.iter().fold(0_i64, |sum, digit| {
            sum.saturating_mul(10)
                .saturating_add(i64::from(digit - b'0'))
        });
        let number = (sign * size).clamp(i64::from(i32::MIN), i64::from(i32::MAX));
        Self::Number(number as i32)
    }

    /// Whether it is a number or what counts as one. What is not has to be told.
    #[must_use]
    pub const fn is_sound(self) -> bool {
        match self {
            Self::Number(_) | Self::Empty | Self::Missing => true,
            Self::NoNumber | Self::Unreadable(_) => false,
        }
    }

    const fn number(self) -> Option<i32> {
        match self {
            Self::Number(number) => Some(number),
            Self::Empty | Self::NoNumber | Self::Missing => Some(0),
            Self::Unreadable(_) => None,
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "it says {number}"),
            Self::Empty => f.write_str("it is empty, which counts as 0"),
            Self::NoNumber => f.write_str("it has no number, which counts as 0"),
            Self::Missing => f.write_str("it is not there, which counts as 0"),
            Self::Unreadable(errno) => {
                write!(f, "it cannot be read, and keeps its last number: {errno}")
            }
        }
    }
}

/// One `track_file`.
#[derive(Clone, Debug)]
pub struct FileTracker {
    /// `None`: nothing was read yet.
    number: Option<i32>,
    /// When a file that is empty or gone is believed to be.
    believed_at: Option<Instant>,
}

impl FileTracker {
    /// `number` is what an earlier tracker of the same name saw.
    #[must_use]
    pub const fn new(number: Option<i32>) -> Self {
        Self {
            number,
            believed_at: None,
        }
    }

    /// When to read again at the latest.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Instant> {
        self.believed_at
    }

    /// Takes what was read, and gives the status if it is another one now. To read too early or twice is harmless.
    pub fn read(&mut self, now: Instant, reading: Reading) -> Option<Status> {
        let is_passing = matches!(reading, Reading::Empty | Reading::Missing);
        let number = reading.number().or(self.number).unwrap_or(0);
        if self.number == Some(number) {
            self.believed_at = None;
            return None;
        }
        if is_passing && self.number.is_some() {
            let settled = now.checked_add(SETTLING).unwrap_or(now);
            if now < *self.believed_at.get_or_insert(settled) {
                return None;
            }
        }
        self.believed_at = None;
        self.number = Some(number);
        Some(Status::Number(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_a_decimal_number() {
        for (bytes, number) in [
            (&b"0"[..], 0),
            (b"5\n", 5),
            (b"  \n\t-7\n", -7),
            (b"+12 # comment", 12),
            (b"3.9", 3),
            (b"010", 10),
            (b"2147483647", i32::MAX),
            (b"2147483648", i32::MAX),
            (b"-99999999999999999999999999", i32::MIN),
            (b"-0", 0),
        ] {
            assert_eq!(Reading::of(bytes), Reading::Number(number), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_number_counts_as_zero_and_is_told() {
        for bytes in [&b"OK"[..], b"-", b"+-3", b"- 3", b"\xff\xfe", b"\x00 5"] {
            assert_eq!(Reading::of(bytes), Reading::NoNumber, "{bytes:?}");
        }
        assert_eq!(Reading::of(b""), Reading::Empty);
        assert_eq!(Reading::of(b" \n"), Reading::Empty);
        assert!(!Reading::NoNumber.is_sound());
        assert!(Reading::Missing.is_sound());
        let mut file = FileTracker::new(Some(3));
        assert_eq!(
            file.read(Instant::now(), Reading::NoNumber),
            Some(Status::Number(0))
        );
    }

    #[test]
    fn the_first_reading_is_told_and_after_it_changes_only() {
        let now = Instant::now();
        let mut file = FileTracker::new(None);
        assert_eq!(file.read(now, Reading::Missing), Some(Status::Number(0)));
        assert_eq!(file.read(now, Reading::Empty), None);
        assert_eq!(file.read(now, Reading::Number(5)), Some(Status::Number(5)));
        assert_eq!(file.read(now, Reading::Number(5)), None);
    }

    #[test]
    fn a_file_that_is_being_written_is_not_empty() {
        let start = Instant::now();
        let mut file = FileTracker::new(Some(5));
        assert_eq!(file.read(start, Reading::Empty), None);
        let due = file.next_deadline().unwrap();
        assert!(due > start);
        assert_eq!(
            file.read(start, Reading::Number(6)),
            Some(Status::Number(6))
        );
        assert_eq!(file.next_deadline(), None);
        assert_eq!(file.read(due, Reading::Missing), None);
        let due = file.next_deadline().unwrap();
        assert_eq!(
            file.read(due - Duration::from_millis(1), Reading::Empty),
            None
        );
        assert_eq!(file.next_deadline(), Some(due), "the wait is not prolonged");
        assert_eq!(file.read(due, Reading::Empty), Some(Status::Number(0)));
    }

    #[test]
    fn a_file_that_cannot_be_read_keeps_its_number() {
        let now = Instant::now();
        let unreadable = Reading::Unreadable(Errno::EIO);
        let mut file = FileTracker::new(Some(5));
        assert_eq!(file.read(now, unreadable), None);
        assert!(!unreadable.is_sound());
        let mut fresh = FileTracker::new(None);
        assert_eq!(fresh.read(now, unreadable), Some(Status::Number(0)));
    }
}
