//! From a file into the table: who is there already is brought up to date, the others are made.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use serde::Serialize;

use super::{Contacts, Skipped, folded};
use crate::call::Moment;
use crate::number::Number;
use crate::store::Db;
use crate::store::contacts::{self as rows, ContactRow, NewContact};

/// So many contacts are looked up and written at once.
const AT_ONCE: usize = 1_000;

/// The most skipped lines that are told one by one.
const TOLD: usize = 1_000;

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

/// Puts all contacts of a file into the table, or none. `progress` hears how many are done.
///
/// # Errors
/// What the database says; then nothing changed.
pub fn into(
    db: &mut Db,
    mut file: Contacts,
    now: Moment,
    mut progress: impl FnMut(usize),
) -> QueryResult<Imported> {
    let contacts = folded(file.found);
    let mut done = Imported { skipped_count: file.skipped.len(), ..Imported::default() };
    file.skipped.truncate(TOLD);
    done.skipped = file.skipped;
    db.transaction(|db| {
        rows::begin_writing(db)?;
        for some in contacts.chunks(AT_ONCE) {
            merge(db, some, now, &mut done)?;
            progress(some.len());
        }
        Ok(done)
    })
}

fn merge(db: &mut Db, some: &[NewContact], now: Moment, done: &mut Imported) -> QueryResult<()> {
    let known = Known::load(db, some)?;
    let mut new = Vec::new();
    let mut numbers = Vec::new();
    for contact in some {
        let Some(row) = known.get(contact) else {
            new.push(contact.clone());
            continue;
        };
        let more: Vec<(i64, &Number)> =
            contact.numbers.iter().filter(|n| !known.has(row.id, n)).map(|number| (row.id, number)).collect();
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
    numbers: HashSet<(i64, String)>,
}

impl Known {
    fn load(db: &mut Db, some: &[NewContact]) -> QueryResult<Self> {
        let keys: Vec<String> =
            some.iter().flat_map(|contact| &contact.numbers).map(|number| number.key().to_owned()).collect();
        let by_key = rows::names(db, &keys)?;
        let named = || by_key.iter().flat_map(|(key, named)| named.iter().map(move |one| (key, one)));
        let ids: Vec<i64> =
            named().map(|(_, one)| one.contact_id).collect::<HashSet<_>>().into_iter().collect();
        let numbers = rows::numbers(db, &ids)?.into_values().flatten();
        Ok(Self {
            rows: rows::by_ids(db, &ids)?.into_iter().map(|row| (row.id, row)).collect(),
            // of several the newest, which comes first
            ids: named()
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .map(|(key, one)| ((one.name.to_lowercase(), key.clone()), one.contact_id))
                .collect(),
            numbers: numbers.map(|row| (row.contact_id, row.number_key)).collect(),
        })
    }

    fn get(&self, contact: &NewContact) -> Option<&ContactRow> {
        let name = contact.name.to_lowercase();
        let id = contact.numbers.iter().find_map(|n| self.ids.get(&(name.clone(), n.key().to_owned())))?;
        self.rows.get(id)
    }

    fn has(&self, id: i64, number: &Number) -> bool {
        self.numbers.contains(&(id, number.key().to_owned()))
    }
}
