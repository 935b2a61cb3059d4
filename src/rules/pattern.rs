//! What a rule says of a number: which ones it means, and an index over many such patterns.

use std::borrow::Cow;
use std::collections::HashMap;

use wildmatch::WildMatchPattern;

use crate::number::{Number, Numbering, as_sent, unwrap_uri};

/// `*` and one character. The second cannot be typed, so that nothing else has a meaning.
type Wild = WildMatchPattern<'*', '\u{1}'>;

/// A number as patterns look at it.
pub struct Seen<'a> {
    withheld: bool,
    /// With its country code: a valid number, or one that claims to be.
    international: bool,
    /// The key without its plus.
    digits: &'a str,
    /// As sent, where that differs: Zammad compares numbers so.
    sent: Option<Cow<'a, str>>,
}

impl<'a> Seen<'a> {
    /// A caller of whom nothing was said counts as withheld.
    pub fn of(number: Option<&'a Number>) -> Self {
        let Some(number) = number.filter(|number| !number.is_withheld()) else {
            return Self { withheld: true, international: false, digits: "", sent: None };
        };
        let digits = number.key().trim_start_matches('+');
        let same = |raw: &str| raw == number.key() || raw == digits;
        let sent =
            Some(number.raw()).filter(|raw| !same(raw)).and_then(as_sent).filter(|sent| sent != digits);
        let international =
            number.key().len() > digits.len() || claims_country(digits) || number.is_written_abroad();
        Self { withheld: false, international, digits, sent }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.digits).chain(self.sent.as_deref())
    }
}

/// Nuisance callers send numbers that no plan knows. One that is longer than extensions and local numbers are begins
/// with its country code.
fn claims_country(digits: &str) -> bool {
    digits.len() > 10 && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A rule's text, read.
pub struct Pattern {
    /// Written with its country code (or a trunk zero, which names it too): means no extensions.
    international: bool,
    shape: Shape,
}

enum Shape {
    /// `*`: everybody.
    Any,
    Withheld,
    Exact {
        /// Without the plus.
        key: String,
        /// The digits as written, where that is not international.
        bare: Option<String>,
    },
    /// One star, at the end.
    Prefix(String),
    Glob {
        wild: Wild,
        /// The text itself: an extension such as `0003*210` looks like a pattern.
        literal: String,
    },
}

impl Pattern {
    /// `None` for text that means no number, which matches nothing.
    pub fn read(text: &str, numbering: &Numbering) -> Option<Self> {
        if !text.contains('*') {
            return Self::whole(text, numbering);
        }
        let read = numbering.read_pattern(text);
        let (international, body) = read.unwrap_or_else(|| (false, unwrap_uri(text.trim()).to_lowercase()));
        let shape = match body.trim_end_matches('*') {
            "" if !international => Shape::Any,
            head if !head.contains('*') => Shape::Prefix(head.to_owned()),
            _ => Shape::Glob {
                wild: Wild::new(&one_or_more(&body)),
                literal: text.split_whitespace().collect(),
            },
        };
        Some(Self { international, shape })
    }

    fn whole(text: &str, numbering: &Numbering) -> Option<Self> {
        let number = numbering.read(text)?;
        if number.is_withheld() {
            return Some(Self { international: false, shape: Shape::Withheld });
        }
        let bare = numbering
            .read_pattern(text)
            .and_then(|(international, digits)| (!international).then_some(digits));
        let key = number.key().trim_start_matches('+').to_owned();
        Some(Self { international: bare.is_none(), shape: Shape::Exact { key, bare } })
    }

    /// Does it mean those who withhold their number?
    pub fn is_withheld(&self) -> bool {
        matches!(self.shape, Shape::Withheld)
    }

    /// Does it mean this number? `*` is one or more characters, as in Zammad: `41*` is not `41`.
    pub fn matches(&self, seen: &Seen) -> bool {
        let texts = || {
            let (known, spellings) = if self.international { (seen.international, 1) } else { (true, 2) };
            seen.texts().take(spellings).filter(move |_| known)
        };
        match &self.shape {
            Shape::Any => true,
            Shape::Withheld => seen.withheld,
            _ if seen.withheld => false,
            Shape::Exact { key, bare } => {
                key == seen.digits || bare.as_ref().is_some_and(|bare| seen.texts().any(|text| text == bare))
            }
            Shape::Prefix(head) => {
                texts().any(|text| text.len() > head.len() && text.starts_with(head.as_str()))
            }
            Shape::Glob { wild, literal } => texts().any(|text| wild.matches(text)) || literal == seen.digits,
        }
    }
}

/// Each star, and each row of stars, as the crate's "one and then any number".
fn one_or_more(body: &str) -> String {
    let mut out = String::with_capacity(body.len() + 4);
    for c in body.chars() {
        match c {
            '*' if out.ends_with('*') => {}
            '*' => out.push_str("\u{1}*"),
            c => out.push(c),
        }
    }
    out
}

/// Finds the first of many patterns that means a number, without trying them all. Places are those in the order
/// in which the patterns were added.
#[derive(Default)]
pub struct Index {
    /// Patterns that every number has to try: `*`, `anonymous`, stars elsewhere.
    few: Vec<usize>,
    whole: HashMap<Box<str>, Vec<usize>>,
    heads: HashMap<Box<str>, Vec<usize>>,
    /// The lengths of `heads`, in bytes, ascending.
    lengths: Vec<usize>,
}

impl Index {
    /// The patterns in their order; `None` means nothing.
    pub fn new<'a>(patterns: impl Iterator<Item = &'a Pattern>) -> Self {
        let mut index = Self::default();
        for (place, pattern) in patterns.enumerate() {
            match &pattern.shape {
                Shape::Any | Shape::Withheld | Shape::Glob { .. } => index.few.push(place),
                Shape::Prefix(head) => index.heads.entry(head.as_str().into()).or_default().push(place),
                Shape::Exact { key, bare } => {
                    index.whole.entry(key.as_str().into()).or_default().push(place);
                    if let Some(bare) = bare.as_ref().filter(|bare| *bare != key) {
                        index.whole.entry(bare.as_str().into()).or_default().push(place);
                    }
                }
            }
        }
        index.lengths = index.heads.keys().map(|head| head.len()).collect();
        index.lengths.sort_unstable();
        index.lengths.dedup();
        index
    }

    /// The first place at which `holds`, which is asked of places whose pattern may mean the number, and must ask
    /// the pattern itself.
    pub fn first(&self, seen: &Seen, holds: impl Fn(usize) -> bool) -> Option<usize> {
        let mut first = None;
        let mut ask = |places: &[usize]| {
            let better = |place: &&usize| first.is_none_or(|first| **place < first);
            if let Some(&place) = places.iter().take_while(better).find(|place| holds(**place)) {
                first = Some(place);
            }
        };
        ask(&self.few);
        for text in seen.texts() {
            ask(self.whole.get(text).map_or(&[], Vec::as_slice));
            let heads =
                self.lengths.iter().map_while(|length| (*length < text.len()).then(|| text.get(..*length)));
            for head in heads.flatten() {
                ask(self.heads.get(head).map_or(&[], Vec::as_slice));
            }
        }
        first
    }
}
