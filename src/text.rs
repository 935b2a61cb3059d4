//! What people write: how long it may be, what neither database can hold, and all that is wrong with a request.

use std::borrow::Cow;

use crate::error::{Error, FieldError, Result as Answer};

/// The most mistakes that are told at once.
const MOST: usize = 50;

/// With these a formula begins in a spreadsheet, or what stands before one is skipped; the last four as East Asian
/// keyboards write them.
pub const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Text of `least` to `most` characters.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check(text: &str, least: usize, most: usize) -> Result<(), String> {
    if text.contains('\0') {
        return Err("must not hold a NUL character".into());
    }
    let seen = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    if seen.chars().count() < least {
        return Err("must not be blank".into());
    }
    if text.chars().count() > most {
        return Err(format!("must have at most {most} characters"));
    }
    Ok(())
}

/// Without a width or a look of its own.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The same, where it may be left out.
///
/// # Errors
/// What is wrong with it, in words.
pub fn optional(text: Option<&str>, least: usize, most: usize) -> Result<(), String> {
    text.map_or(Ok(()), |text| check(text, least, most))
}

/// For a terminal and a log: control characters, and those that turn the direction of writing, are shown and not
/// obeyed, as in `\n` and `\u{1b}`.
pub fn shown(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(obeyed) {
        return text.into();
    }
    let show = |c: char| if obeyed(c) { c.escape_default().to_string() } else { c.into() };
    text.chars().map(show).collect()
}

/// What is wrong with a request, field by field.
#[derive(Debug, Default)]
pub struct Mistakes {
    prefix: String,
    found: Vec<FieldError>,
}

impl Mistakes {
    /// What follows is about fields of this part, such as `block_rules[3].`.
    pub fn within(&mut self, part: String) {
        self.prefix = part;
    }

    /// Takes down an error as that of `field`.
    pub fn note(&mut self, field: &str, checked: Result<(), String>) {
        if let Err(message) = checked
            && self.found.len() < MOST
        {
            self.found.push(FieldError { field: format!("{}{field}", self.prefix), message });
        }
    }

    /// `value`, if there was none.
    ///
    /// # Errors
    /// `Invalid` with all of them.
    pub fn none<T>(self, value: T) -> Answer<T> {
        if self.found.is_empty() { Ok(value) } else { Err(Error::Invalid(self.found)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{check, shown};

    #[test]
    fn what_nobody_sees_is_blank() {
        assert!(check("\u{200b} \u{feff}", 1, 10).is_err());
        assert_eq!(check("a\u{200b}", 1, 10), Ok(()));
    }

    #[test]
    fn a_terminal_obeys_nothing_that_is_shown() {
        assert_eq!(shown("Müller\u{1b}[2J\r\n\u{9b}1m\u{202e}"), "Müller\\u{1b}[2J\\r\\n\\u{9b}1m\\u{202e}");
        assert_eq!(shown("Chloé 🙂"), "Chloé 🙂");
    }
}
