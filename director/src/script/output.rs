//! The end of what a script writes. Pure.

/// Bytes that are kept of what one run writes.
pub(super) const MOST_BYTES: usize = 4096;

/// Keeps the last bytes of what comes.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    /// Adds what came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let surplus = self.bytes.len().saturating_sub(MOST_BYTES);
        self.bytes.drain(..surplus);
    }

    /// As text. What is no UTF-8 is replaced, also a character that was cut in two.
    pub(super) fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        // A replacement character has three bytes where there was one.
        let surplus = text.len().saturating_sub(MOST_BYTES);
        let start = (surplus..=text.len()).find(|&at| text.is_char_boundary(at));
        text.drain(..start.unwrap_or(0));
        text
    }
}

/// The last line that has something on it.
pub(crate) fn last_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).rfind(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_and_the_beginning_is_not() {
        let mut tail = Tail::default();
        for number in 0..2000 {
            tail.push(format!("{number}\n").as_bytes());
        }
        let text = tail.text();
        assert_eq!(text.len(), MOST_BYTES);
        assert!(text.ends_with("\n1998\n1999\n"));
        assert_eq!(last_line(&text), Some("1999"));
    }

    #[test]
    fn what_is_no_text_is_replaced_and_stays_within_the_limit() {
        let mut tail = Tail::default();
        tail.push(&[0xff; 3 * MOST_BYTES]);
        let text = tail.text();
        assert!(text.len() <= MOST_BYTES);
        assert!(text.len() > MOST_BYTES - 3);
        assert!(text.chars().all(|character| character == '\u{fffd}'));
    }

    #[test]
    fn no_output_has_no_last_line() {
        assert_eq!(last_line(&Tail::default().text()), None);
        assert_eq!(last_line("\n  \n"), None);
    }
}
