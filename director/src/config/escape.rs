//! What follows a backslash: the escapes of C, which keepalived takes in quotes and in the commands of scripts. Pure.

use std::{iter::Peekable, str::CharIndices};

/// Takes what follows a backslash, up to the end of the line at most. Any other character stands for itself.
pub(super) fn escaped(chars: &mut Peekable<CharIndices<'_>>, word: &mut String) {
    let Some((_, c)) = chars.next_if(|(_, c)| *c != '\n') else {
        return;
    };
    match c {
        'a' => word.push('\x07'),
        'b' => word.push('\x08'),
        'E' | 'e' => word.push('\x1b'),
        'f' => word.push('\x0c'),
        'n' => word.push('\n'),
        'r' => word.push('\r'),
        't' => word.push('\t'),
        'v' => word.push('\x0b'),
        'x' => number(chars, 16, 0, word),
        c => match c.to_digit(8) {
            Some(digit) => number(chars, 8, digit, word),
            None => word.push(c),
        },
    }
}

/// Up to two further digits of a character's number.
fn number(chars: &mut Peekable<CharIndices<'_>>, radix: u32, first: u32, word: &mut String) {
    let mut value = first;
    for _ in 0..2 {
        let Some((_, c)) = chars.next_if(|(_, c)| c.is_digit(radix)) else {
            break;
        };
        value = value * radix + c.to_digit(radix).unwrap_or(0);
    }
    word.extend(char::from_u32(value));
}
