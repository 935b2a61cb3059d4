//! From a file into the table: who is there already is brought up to date, the others are made.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use serde::Serialize;

use super::{Contacts, MOST_NUMBERS, Skipped, folded, too_many};
use crate::call::Moment;
use crate::number::Number;
use crate::store::Db;
use crate::store::contacts::{self as rows, ContactRow, NewContact, NumberRow};

/// So many contacts are looked up and written at once.
const AT_ONCE: usize = 1_000;

/// What came of an import.
#[derive(Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Imported {
    /// Contacts that are new.
    pub created: usize,
    /// Contacts that were there (the same name, and a number in common) and know more now.
    pub updated: usize,
    /// Contacts that were there and knew it all.
    pub unchanged: usize,
    /// What was left out; the first thousand.
    pub skipped: Vec<Skipped>,
    /// How often something was left out in all.
    pub skipped_count: usize,
}

impl Imported {
    fn skip(&mut self, what: Skipped) {
        what.join(&mut self.skipped, &mut self.skipped_count);
    }
}

/// Puts all contacts of a file into the table, or none. `progress` hears how many are done.
///
/// # Errors
/// What the database says; then nothing changed.
pub fn into(
    db: &mut Db,
    file: Contacts,
    now: Moment,
    mut progress: impl FnMut(usize),
) -> QueryResult<Imported> {
    let Contacts { found, skipped, skipped_count } = file;
    let mut done = Imported { skipped, skipped_count, ..Imported::default() };
    let contacts = folded(found, &mut |skipped| done.skip(skipped));
    db.transaction(|db| {
        rows::begin_writing(db)?;
        for some in contacts.chunks(AT_ONCE) {
            merge(db, some, now, &mut done)?;
            progress(some.len());
        }
        Ok(done)
    })
}

fn merge(db: &mut Db, some: &[(u64, NewContact)], now: Moment, done: &mut Imported) -> QueryResult<()> {
    let mut known = Known::load(db, some)?;
    let mut new = Vec::new();
    let mut numbers = Vec::new();
    for (line, contact) in some {
        let Some(row) = known.get(contact).cloned() else {
            new.push(contact.clone());
            continue;
        };
        let has = known.numbers.entry(row.id).or_default();
        let more: Vec<(i64, &Number)> = contact
            .numbers
            .iter()
            .filter(|number| !has.contains(number.key()))
            .map(|number| (row.id, number))
            .collect();
        if !more.is_empty() && has.len() + more.len() > MOST_NUMBERS {
            done.skip(too_many(*line));
            continue;
        }
        let words = NewContact {
            name: row.name.clone(),
            company: contact.company.clone().or(row.company.clone()),
            note: contact.note.clone().or(row.note.clone()),
            numbers: Vec::new(),
        };
        if more.is_empty() && words.company == row.company && words.note == row.note {
            done.unchanged += 1;
            continue;
        }
        rows::update_words(db, row.id, &words, now)?;
        has.extend(more.iter().map(|(_, number)| number.key().to_owned()));
        numbers.extend(more);
        done.updated += 1;
    }
    rows::add_numbers(db, &numbers)?;
    done.created += rows::insert(db, &new, now)?.len();
    Ok(())
}

/// The contacts that share a number with some new ones.
struct Known {
    rows: HashMap<i64, ContactRow>,
    /// By name in lower case and number key.
    ids: HashMap<(String, String), i64>,
    /// The keys of each one's numbers.
    numbers: HashMap<i64, HashSet<String>>,
}

impl Known {
    fn load(db: &mut Db, some: &[(u64, NewContact)]) -> QueryResult<Self> {
        let sent = some.iter().flat_map(|(_, contact)| &contact.numbers);
        let keys: Vec<String> = sent.map(|number| number.key().to_owned()).collect();
        let by_key = rows::names(db, &keys)?;
        let named = || by_key.iter().flat_map(|(key, named)| named.iter().map(move |one| (key, one)));
        let ids: Vec<i64> =
            named().map(|(_, one)| one.contact_id).collect::<HashSet<_>>().into_iter().collect();
        let keys_of =
            |(id, rows): (i64, Vec<NumberRow>)| (id, rows.into_iter().map(|row| row.number_key).collect());
        Ok(Self {
            rows: rows::by_ids(db, &ids)?.into_iter().map(|row| (row.id, row)).collect(),
            // of several the newest, which comes first
            ids: named()
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .map(|(key, one)| ((one.name.to_lowercase(), key.clone()), one.contact_id))
                .collect(),
            numbers: rows::numbers(db, &ids)?.into_iter().map(keys_of).collect(),
        })
    }

    fn get(&self, contact: &NewContact) -> Option<&ContactRow> {
        let name = contact.name.to_lowercase();
        let id = contact.numbers.iter().find_map(|n| self.ids.get(&(name.clone(), n.key().to_owned())))?;
        self.rows.get(id)
    }
}
