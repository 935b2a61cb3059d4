//! What a text is, before any numbering plan is asked: digits with separators, a URI, a word for "withheld".

use std::borrow::Cow;

/// Words that stand for a withheld number, in lower case. `anonymous`: Zammad, sipgate, Placetel, 3CX, RFC 3323;
/// `unknown`: Asterisk (`<unknown>`); the rest are the words of carriers' caller-name fields (CNAM) and gateways.
const WITHHELD: [&str; 27] = [
    "anonymous",
    "anonym",
    "unknown",
    "unknown number",
    "unknown caller",
    "unbekannt",
    "restricted",
    "private",
    "private number",
    "private caller",
    "withheld",
    "number withheld",
    "unavailable",
    "not available",
    "no number",
    "no caller id",
    "out of area",
    "blocked",
    "hidden",
    "anonymous call",
    "anonymous caller",
    "unterdrückt",
    "nummer unterdrückt",
    "privat",
    "null",
    "(null)",
    "n/a",
];

/// ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE on a keypad: what Twilio sends for them, after a plus.
pub const SPELLED_OUT: [&str; 5] = ["266696687", "7378742833", "2562533", "8656696", "86282452253"];

/// `text` is in lower case. `anonymous@anonymous.invalid` is how SIP writes it (RFC 3323), `unavailable@unknown.invalid`
/// where nobody knows it (3GPP TS 24.229); others leave the user out, or the number behind the name.
pub fn is_withheld(text: &str) -> bool {
    let text = text.strip_suffix("<>").unwrap_or(text);
    let (user, host) = text.split_once('@').unwrap_or((text, text));
    let word = user.trim_matches(|c: char| c == '"' || c.is_whitespace()).replace('_', " ");
    WITHHELD.contains(&&*word) || host.ends_with(".invalid") || (user.is_empty() && !host.is_empty())
}

/// The number in a text that is more than one: without quotes, before `@host` where it begins with a plus, or without the
/// extension that some put behind a whole number (`ext. 12`, `x12`, `,12`).
pub fn main_number(text: &str) -> Option<&str> {
    let digits = |text: &str| Spelling::of(text, false).map_or(0, |spelling| spelling.digits.len());
    let bare = text.trim_matches(|c: char| c == '"' || c.is_whitespace());
    let user = text.split_once('@').map_or("", |(user, _)| user);
    if digits(bare) > 0 {
        return Some(bare);
    }
    if user.starts_with('+') && digits(user) > 0 {
        return Some(user);
    }
    let head = text.trim_end_matches(|c: char| c.is_ascii_digit());
    if head.len() == text.len() {
        return None;
    }
    let head = head.trim_end_matches([' ', '.', ':', '=', '-']);
    let mark = ["extension", "ext", "x", ","].iter().find_map(|mark| {
        let (before, end) = head.split_at_checked(head.len().checked_sub(mark.len())?)?;
        end.eq_ignore_ascii_case(mark).then(|| before.trim_end_matches([' ', ',', ';']))
    });
    mark.filter(|number| digits(number) > super::EXTENSION)
}

/// The digits of a text that is a number and nothing else.
pub struct Spelling {
    /// Began with a plus.
    pub plus: bool,
    /// All of them.
    pub digits: String,
    /// Without the trunk zero that some put in brackets behind the country code; `None` where there is none.
    pub shorn: Option<String>,
}

impl Spelling {
    /// `None` where `text` holds anything but digits and what people put between them. `stars`: `*` counts as a digit.
    pub fn of(text: &str, stars: bool) -> Option<Self> {
        let (mut plus, mut bracket, mut trunk) = (false, false, None);
        let mut digits = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '0'..='9' => {
                    let country_before = plus || digits.starts_with("00") || !digits.starts_with('0');
                    if c == '0' && bracket && trunk.is_none() && country_before && !digits.is_empty() {
                        trunk = Some(digits.len());
                    }
                    digits.push(c);
                }
                '*' if stars => digits.push(c),
                '+' if digits.is_empty() => plus = true,
                _ if is_separator(c) => {}
                _ => return None,
            }
            bracket = c == '(';
        }
        let shorn = trunk.map(|at| format!("{}{}", &digits[..at], &digits[at + 1..]));
        (!digits.is_empty()).then_some(Self { plus, digits, shorn })
    }
}

/// What people and address books put between digits, marks of writing direction among it.
fn is_separator(c: char) -> bool {
    let ascii = matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '[' | ']' | '|' | '~');
    let marks = || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}');
    let dashes = || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}');
    ascii || c.is_whitespace() || marks() || dashes()
}

/// The digits of a text as they were sent, without plus and separators; `None` for text. (Zammad compares these.)
pub(crate) fn as_sent(raw: &str) -> Option<Cow<'_, str>> {
    if raw.bytes().all(|b| b.is_ascii_digit()) {
        return Some(raw.into());
    }
    Spelling::of(raw, false).map(|spelling| spelling.digits.into())
}

/// Extension forms such as `0003*210` and feature codes such as `*43`.
pub fn is_star_code(text: &str) -> bool {
    text.contains(['*', '#']) && !text.contains(|c: char| c.is_alphabetic() || c == '@')
}

/// The text without the blanks around it. A blank before a whole number was a plus that nobody escaped (FusionPBX,
/// Kamailio send `from=+49…` so). `None` where there is nothing to read.
pub fn restore_plus(text: &str) -> Option<String> {
    let trimmed = text.trim();
    if !says_something(trimmed) {
        return None;
    }
    let whole = || Spelling::of(trimmed, false).is_some_and(|s| !s.plus && s.digits.len() > super::EXTENSION);
    let was_plus = text.starts_with(' ') && trimmed.starts_with(|c: char| matches!(c, '1'..='9')) && whole();
    Some(if was_plus { format!("+{trimmed}") } else { trimmed.to_owned() })
}

fn says_something(text: &str) -> bool {
    text.contains(|c: char| c.is_alphanumeric() || matches!(c, '*' | '#'))
}

/// The number or name within `"Name" <number>`, `sip:user@host;params` and `tel:number;params`.
pub fn unwrap_uri(text: &str) -> Cow<'_, str> {
    let mut text = text;
    loop {
        let inner = in_brackets(text).or_else(|| in_sip(text)).or_else(|| in_tel(text));
        let Some(inner) = inner.map(str::trim).filter(|inner| says_something(inner)) else {
            return text.into();
        };
        if let Some(number) = in_context(text, inner) {
            return number.into();
        }
        text = inner;
    }
}

fn in_brackets(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once('<')?; // whoever calls may choose the name before it
    rest.split_once('>').map(|(inner, _)| inner)
}

fn in_sip(text: &str) -> Option<&str> {
    let address = after_scheme(text, "sip:").or_else(|| after_scheme(text, "sips:"))?;
    let address = address.split([';', '?']).next()?;
    match address.split_once('@') {
        Some((user, _)) if Spelling::of(user, false).is_some() || is_star_code(user) => Some(user),
        _ => Some(address),
    }
}

fn in_tel(text: &str) -> Option<&str> {
    after_scheme(text, "tel:")?.split(';').next()
}

/// A local number of RFC 3966 with the country (and area) that it is of.
fn in_context(text: &str, number: &str) -> Option<String> {
    let (_, context) = text.split_once(";phone-context=")?;
    let context = context.split([';', '>']).next().filter(|context| context.starts_with('+'))?;
    (!number.starts_with('+') && Spelling::of(number, false).is_some()).then(|| format!("{context}{number}"))
}

fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}
