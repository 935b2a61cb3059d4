//! Contacts from the files of other programs: CSV and vCard.

mod csv;
mod decode;
mod merge;
mod number;
#[cfg(test)]
mod tests;
mod vcard;

use std::collections::HashMap;

use serde::Serialize;

use crate::number::{Number, Numbering};
use crate::store::contacts::NewContact;
use crate::text;

pub use merge::{Imported, into};
pub use number::number;

/// The largest file, in bytes.
pub const LARGEST: usize = 8 * 1024 * 1024;

/// The most numbers of one contact.
pub const MOST_NUMBERS: usize = 50;

/// So many texts are tried as one contact's numbers, since some may be no number, or say the same again.
const TRIED: usize = 20 * MOST_NUMBERS;

/// The most skipped lines that are told one by one.
const TOLD: usize = 1_000;

impl Skipped {
    /// Is counted, and told unless there are many.
    fn join(self, told: &mut Vec<Self>, count: &mut usize) {
        *count += 1;
        if told.len() < TOLD {
            told.push(self);
        }
    }
}

/// What a file says of one contact, as it stands there.
#[derive(Debug, Default, PartialEq, Eq)]
struct Card {
    /// Where it begins, counted from 1.
    line: u64,
    name: String,
    company: String,
    note: String,
    numbers: Vec<String>,
}

/// What of a file was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Skipped {
    /// Where it stands, counted from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// A file that was read.
#[derive(Debug, Default, PartialEq)]
pub struct Contacts {
    /// Each with its line.
    pub found: Vec<(u64, NewContact)>,
    /// What is not among them; the first thousand.
    pub skipped: Vec<Skipped>,
    /// How often something was left out in all.
    pub skipped_count: usize,
}

impl Contacts {
    /// Keeps what can be kept of a card, so that no more of the file than that stands in memory.
    fn take(&mut self, card: Card, numbering: &Numbering) {
        let line = card.line;
        let contact = contact(card, numbering, &mut |why| self.skip(line, why));
        match contact {
            Ok(contact) => self.found.push((line, contact)),
            Err(why) => self.skip(line, why),
        }
    }

    fn skip(&mut self, line: u64, why: impl Into<String>) {
        Skipped { line, why: why.into() }.join(&mut self.skipped, &mut self.skipped_count);
    }
}

/// Reads a file. The name of its type, where there is one, wins over what it looks like.
///
/// # Errors
/// Where it is no such file; says what is missing.
pub fn read(file: &[u8], content_type: Option<&str>, numbering: &Numbering) -> Result<Contacts, String> {
    let text = decode::decode(file);
    let mut contacts = Contacts::default();
    if is_vcard(content_type, &text) {
        vcard::read(&text, numbering, &mut contacts)?;
    } else {
        csv::read(&text, |card| contacts.take(card, numbering))?;
    }
    Ok(contacts)
}

fn is_vcard(content_type: Option<&str>, text: &str) -> bool {
    let media = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    match media.to_ascii_lowercase().as_str() {
        "text/csv" => false,
        "text/vcard" | "text/x-vcard" | "text/directory" => true,
        _ => text.trim_start().get(..11).is_some_and(|begin| begin.eq_ignore_ascii_case("BEGIN:VCARD")),
    }
}

/// What can be kept of a card. Single numbers that cannot go to `skip`.
fn contact(card: Card, numbering: &Numbering, skip: &mut impl FnMut(String)) -> Result<NewContact, String> {
    let blank_as_none = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let company = blank_as_none(card.company);
    let name = blank_as_none(card.name).or_else(|| company.clone()).ok_or("it has no name")?;
    let mut numbers: Vec<Number> = Vec::new();
    for text in card.numbers.iter().take(TRIED).flat_map(|text| number::apart(text)) {
        match number(text, numbering) {
            Ok(number) if numbers.iter().any(|known| known.key() == number.key()) => {}
            Ok(number) => numbers.push(number),
            Err(why) => skip(format!("the number {text:?} {why}; it was left out")),
        }
        if numbers.len() > MOST_NUMBERS {
            break; // more of them would only take longer to refuse
        }
    }
    if card.numbers.len() > TRIED {
        return Err(format!("its numbers must be at most {MOST_NUMBERS}"));
    }
    if numbers.is_empty() {
        return Err("it has no number".into());
    }
    let note = blank_as_none(card.note);
    check(&name, company.as_deref(), note.as_deref(), numbers.len())
        .map_err(|(field, why)| format!("its {field} {why}"))?;
    Ok(NewContact { name, company, note, numbers })
}

/// Does a contact fit? The error names the field.
///
/// # Errors
/// The field, and what is wrong with it.
pub fn check(
    name: &str,
    company: Option<&str>,
    note: Option<&str>,
    numbers: usize,
) -> Result<(), (&'static str, String)> {
    text::check(name, 1, 250).map_err(|why| ("name", why))?;
    text::optional(company, 0, 250).map_err(|why| ("company", why))?;
    text::optional(note, 0, 2_000).map_err(|why| ("note", why))?;
    if numbers > MOST_NUMBERS {
        return Err(("numbers", format!("must be at most {MOST_NUMBERS}")));
    }
    Ok(())
}

/// One contact where a file holds it several times: by the same name, with a number in common.
fn folded(contacts: Vec<(u64, NewContact)>, skip: &mut impl FnMut(Skipped)) -> Vec<(u64, NewContact)> {
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    let mut all: Vec<(u64, NewContact)> = Vec::with_capacity(contacts.len());
    for (line, mut contact) in contacts {
        let name = contact.name.to_lowercase();
        let key = |number: &Number| (name.clone(), number.key().to_owned());
        let known = contact.numbers.iter().find_map(|number| places.get(&key(number)).copied());
        let place = known.unwrap_or(all.len());
        if let Some((_, first)) = all.get(place) {
            contact.numbers.retain(|number| first.numbers.iter().all(|known| known.key() != number.key()));
            if first.numbers.len() + contact.numbers.len() > MOST_NUMBERS {
                skip(too_many(line));
                continue;
            }
        }
        places.extend(contact.numbers.iter().map(|number| (key(number), place)));
        match all.get_mut(place) {
            None => all.push((line, contact)),
            Some((_, first)) => {
                first.numbers.append(&mut contact.numbers);
                first.company = contact.company.or(first.company.take());
                first.note = contact.note.or(first.note.take());
            }
        }
    }
    all
}

/// With these numbers nobody could edit it any more.
fn too_many(line: u64) -> Skipped {
    let why = "with its numbers the contact of that name would have more than";
    Skipped { line, why: format!("{why} {MOST_NUMBERS}; it was left out") }
}
