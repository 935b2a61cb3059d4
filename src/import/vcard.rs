//! vCards of the versions 2.1 to 4.0, any number in one file.

use calcard::vcard::{VCard, VCardEntry, VCardProperty, VCardValue};

use super::{Card, Contacts};
use crate::number::Numbering;

/// Stands where files were joined that each began with it.
const MARK: char = '\u{feff}';

/// Reads card by card.
pub fn read(text: &str, numbering: &Numbering, contacts: &mut Contacts) -> Result<(), String> {
    let mut begun: Option<(u64, usize)> = None;
    let (mut place, mut cards) = (0, 0);
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        let begin = place + content.len() - content.trim_start_matches(MARK).len();
        place += content.len();
        let word = content.trim_matches(|c: char| c.is_whitespace() || c == MARK);
        if begun.is_none() && word.eq_ignore_ascii_case("BEGIN:VCARD") {
            begun = Some((line, begin));
            cards += 1;
        } else if word.eq_ignore_ascii_case("END:VCARD") {
            match begun.take() {
                Some((line, start)) => contacts.take(card(line, &text[start..place]), numbering),
                None => contacts.skip(line, "a card ends here that begins nowhere"),
            }
        }
    }
    if let Some((line, _)) = begun {
        return Err(format!("the card that begins in line {line} has no END:VCARD"));
    }
    if cards == 0 {
        return Err("there is no BEGIN:VCARD in it".into());
    }
    Ok(())
}

/// A card that cannot be read has no name: it is skipped as such.
fn card(line: u64, text: &str) -> Card {
    let mut card = Card { line, ..Card::default() };
    let Ok(read) = VCard::parse(text) else { return card };
    let mut parts = Vec::new();
    for entry in &read.entries {
        match entry.name {
            VCardProperty::Fn => first(&mut card.name, values(entry).join(" ")),
            VCardProperty::N => parts = values(entry),
            VCardProperty::Org => first(&mut card.company, filled(values(entry)).join(", ")),
            VCardProperty::Note => first(&mut card.note, values(entry).join(", ")),
            VCardProperty::Tel => card.numbers.extend(filled(values(entry))),
            _ => {}
        }
    }
    if card.name.trim().is_empty() {
        // family; given; additional
        parts.truncate(3);
        let family = parts.len().min(1);
        parts.rotate_left(family);
        card.name = filled(parts).join(" ");
    }
    card
}

fn values(entry: &VCardEntry) -> Vec<String> {
    let text = |value: &VCardValue| match value {
        VCardValue::Component(parts) => parts.join(" "),
        VCardValue::Integer(number) => number.to_string(),
        value => value.as_text().unwrap_or_default().to_owned(),
    };
    entry.values.iter().map(text).collect()
}

fn filled(texts: Vec<String>) -> Vec<String> {
    texts.into_iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

fn first(known: &mut String, text: String) {
    if known.trim().is_empty() {
        *known = text;
    }
}
