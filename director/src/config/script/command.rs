//! The words of a command that stands in quotes: `"/etc/keepalived/chk.sh --port 3306 'a b'"`. Pure.
//!
//! keepalived.conf(5), "Quoted strings": blanks part the arguments, `'` and `"` keep them together, a backslash escapes.
//! The quotes around the whole are those of the file, and are gone already.

use super::super::escape::escaped;

/// Why a command is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It has no words.
    Empty,
    /// This quote has no other one.
    Unclosed(char),
    /// An escape made a byte that no argument can have.
    Nul,
}

/// The program, then its arguments.
///
/// # Errors
/// [`Malformed`].
pub(super) fn words(text: &str) -> Result<Vec<String>, Malformed> {
    let mut chars = text.char_indices().peekable();
    let mut words = Vec::new();
    while chars.next_if(|(_, c)| c.is_whitespace()).is_some() || chars.peek().is_some() {
        let mut word = String::new();
        let mut quote = None;
        let mut is_word = false;
        while let Some((_, c)) = chars.next_if(|(_, c)| quote.is_some() || !c.is_whitespace()) {
            is_word = true;
            match c {
                '\\' => escaped(&mut chars, &mut word),
                c if quote == Some(c) => quote = None,
                '"' | '\'' if quote.is_none() => quote = Some(c),
                c => word.push(c),
            }
        }
        if let Some(quote) = quote {
            return Err(Malformed::Unclosed(quote));
        }
        if word.contains('\0') {
            return Err(Malformed::Nul);
        }
        if is_word {
            words.push(word);
        }
    }
    match words.first() {
        None => Err(Malformed::Empty),
        Some(program) if program.is_empty() => Err(Malformed::Empty),
        Some(_) => Ok(words),
    }
}

/// A command that begins with a redirection names no program, and keepalived has a shell read it.
pub(super) fn is_for_a_shell(words: &[String]) -> bool {
    words
        .first()
        .is_some_and(|program| program.starts_with(['<', '>']))
}

/// A word by which a shell would do something, in a command that no shell reads.
pub(super) fn shell_syntax(words: &[String]) -> Option<&str> {
    const OPERATORS: [&str; 7] = ["|", "||", "&&", "&", ";", "2>&1", "&>"];
    let (program, arguments) = words.split_first()?;
    let name = program.rsplit('/').next().unwrap_or_default();
    if name.ends_with("sh") && arguments.iter().any(|word| word.starts_with("-c")) {
        return None;
    }
    let redirects = |word: &str| word.starts_with(['<', '>']) || word.starts_with("2>");
    words
        .iter()
        .map(String::as_str)
        .find(|word| OPERATORS.contains(word) || redirects(word))
}

#[cfg(test)]
mod tests;
