//! What people and spreadsheets write where a contact's number belongs.

use std::borrow::Cow;

use crate::number::{Number, Numbering};
use crate::text;

/// What may follow a number behind a semicolon (RFC 3966).
const PARAMETERS: [&str; 3] = ["ext=", "phone-context=", "isub="];

/// A contact's number, wherever it comes from.
///
/// # Errors
/// What is wrong with it, in words that follow its name.
pub fn number(text: &str, numbering: &Numbering) -> Result<Number, String> {
    text::check(text, 1, 100)?;
    let text = bare(text);
    if is_shortened(&text) {
        return Err("was shortened by a spreadsheet; make its column one of text there".into());
    }
    if apart(&text).nth(1).is_some() {
        return Err("holds several numbers; send each by itself".into());
    }
    let number = numbering.read(&text).ok_or("is no number")?;
    if number.is_withheld() {
        return Err("stands for callers who withhold theirs".into());
    }
    let key = number.key();
    let is_one =
        key.contains(|c: char| c.is_ascii_digit()) && !key.contains(|c: char| c.is_whitespace() || c == '=');
    if is_one || key.contains('@') { Ok(number) } else { Err("is no number".into()) }
}

/// Without what keeps a spreadsheet from calculating: `'+49…` (so does our own CSV of calls) and `="030…"`. What
/// follows a number behind a semicolon is only read as such in a `tel:`.
fn bare(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    let quoted = trimmed.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    let text = quoted.or_else(|| trimmed.strip_prefix('\'')).unwrap_or(text);
    match text.split_once(';') {
        Some((number, rest)) if is_parameter(rest) && !number.contains(':') => format!("tel:{text}").into(),
        _ => text.into(),
    }
}

/// Is this no number, but says more of the one before it?
pub fn is_parameter(text: &str) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    PARAMETERS.iter().any(|name| text.starts_with(name))
}

/// `4.93056E+11`: the other digits are gone.
fn is_shortened(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.trim().split_once(['E', 'e']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let Some((whole, rest)) = mantissa.trim_start_matches('+').split_once(['.', ',']) else { return false };
    digits(whole) && digits(rest) && exponent.strip_prefix('+').is_some_and(digits)
}

/// The numbers of a text that holds several: `030 5557160, 030 5557161`, `030 5557160 / +49 171 3920055`.
pub fn apart(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let mut ends = text.match_indices(['/', ',']).map(|(at, _)| at);
        let end = ends.find(|at| begins_one(&text[at + 1..]) && is_whole(&text[..*at]));
        let Some(end) = end else { return Some(text.trim()) };
        rest = Some(&text[end + 1..]);
        Some(text[..end].trim())
    })
}

/// More than the prefix that is written so, as in `0800/0123456` and `030/123456`?
fn is_whole(text: &str) -> bool {
    let text = text.trim();
    let is_prefix = text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    digits(text) > 3 && !is_prefix
}

/// Does a number begin here, with its own prefix?
fn begins_one(text: &str) -> bool {
    let text = text.trim_start();
    let group = text.split(['/', ',']).next().unwrap_or_default();
    text.starts_with(['0', '+']) && digits(group) > 3
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}
