//! Why a call ended, in the words of switches: FreeSWITCH, Asterisk, Q.850 and SIP. Dialects whose own words these
//! are, or which pass them on, read them here; docs/pbx shows the same tables.

mod tables;
#[cfg(test)]
mod tests;

use crate::call::Cause;
pub use tables::{DIALSTATUS, FREESWITCH, Q850, SIP};

/// Every table, in the order in which a word is looked up.
pub const ALL: &[&Table] = &[&DIALSTATUS, &Q850, &FREESWITCH, &SIP];

/// The words of one world.
#[derive(Debug)]
pub struct Table {
    /// As in docs/pbx.
    pub name: &'static str,
    /// A word that also stands in another table means the same there.
    pub rows: &'static [Row],
}

/// Words that mean the same.
#[derive(Debug)]
pub struct Row {
    /// As their owner writes them. `4xx` is a class: each number from 400 to 499 that has no row.
    pub words: &'static [&'static str],
    /// In short, for people.
    pub meaning: &'static str,
    /// Ours; `None` where the word tells nothing.
    pub cause: Option<Cause>,
}

/// What it means, where anybody's table has it. Our own words come first, and cost least. Letter case, blanks and
/// `_` do not matter, nor what stands around a number: `17`, `sip:486`, `486 Busy Here`, `Q.850;cause=16`.
pub fn understand(word: &str) -> Option<Cause> {
    if let Some(ours) = Cause::ALL.iter().find(|cause| cause.as_str() == word) {
        return Some(*ours);
    }
    if let Some(number) = number(word) {
        return by_number(number);
    }
    rows().find(|row| row.words.iter().any(|known| alike(known, word)))?.cause
}

/// The number in it, where it is one, or begins with one, or names one as SIP's header Reason does.
fn number(word: &str) -> Option<&str> {
    let told = word.split_once("cause=").map_or(word, |(_, number)| number);
    let prefixes = ["SIP/2.0 ", "SIP ", "sip:"];
    let told = prefixes.iter().find_map(|prefix| told.strip_prefix(prefix)).unwrap_or(told);
    let end = told.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(told.len());
    Some(&told[..end]).filter(|digits| (1..=3).contains(&digits.len()))
}

fn by_number(number: &str) -> Option<Cause> {
    let row = |word: &str| rows().find(|row| row.words.contains(&word));
    let class = || Some(format!("{}xx", number.get(..1)?)).filter(|_| number.len() == 3);
    row(number).or_else(|| row(&class()?))?.cause
}

fn rows() -> impl Iterator<Item = &'static Row> {
    ALL.iter().flat_map(|table| table.rows)
}

/// Equal but for letter case and whatever is neither letter nor digit.
fn alike(known: &str, word: &str) -> bool {
    plain(known).eq(plain(word))
}

fn plain(word: &str) -> impl Iterator<Item = u8> {
    word.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}
