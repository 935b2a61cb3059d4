//! Contacts as they are made and changed, one or many at once.

use std::collections::HashMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::super::{lock, on_each};
use super::{AT_ONCE, NewContact};
use crate::call::Moment;
use crate::number::Number;
use crate::store::Db;
use crate::store::schema::{contact_numbers, contacts};

/// Makes contacts; answers their ids, in the same order.
///
/// # Errors
/// What the database says. Within a transaction, or some may be there then.
pub fn insert(db: &mut Db, new: &[NewContact], now: Moment) -> QueryResult<Vec<i64>> {
    type Words = (String, Option<String>, Option<String>);
    let mut made = Vec::with_capacity(new.len());
    for new in new.chunks(AT_ONCE) {
        let rows: Vec<_> = new.iter().map(|contact| row(contact, now)).collect();
        let returned = (contacts::id, (contacts::name, contacts::company, contacts::note));
        let ids: Vec<(i64, Words)> = on_each!(db, |conn| diesel::insert_into(contacts::table)
            .values(&rows)
            .returning(returned)
            .get_results(conn))?;
        // RETURNING promises no order: rows of the same words can stand for each other until they have numbers
        let mut by_words: HashMap<Words, Vec<i64>> = HashMap::new();
        for (id, words) in ids {
            by_words.entry(words).or_default().push(id);
        }
        let mut all = Vec::new();
        for contact in new {
            let words = (contact.name.clone(), contact.company.clone(), contact.note.clone());
            let id = by_words.get_mut(&words).and_then(Vec::pop).ok_or(diesel::NotFound)?;
            made.push(id);
            all.extend(contact.numbers.iter().map(|number| (id, number)));
        }
        add_numbers(db, &all)?;
    }
    Ok(made)
}

#[derive(Insertable)]
#[diesel(table_name = contacts, treat_none_as_default_value = false)]
struct NewRow<'a> {
    name: &'a str,
    company: Option<&'a str>,
    note: Option<&'a str>,
    sort_key: String,
    created_at: Moment,
    updated_at: Moment,
}

fn row(contact: &NewContact, now: Moment) -> NewRow<'_> {
    NewRow {
        name: &contact.name,
        company: contact.company.as_deref(),
        note: contact.note.as_deref(),
        sort_key: contact.sort_key(),
        created_at: now,
        updated_at: now,
    }
}

/// Gives contacts more numbers.
///
/// # Errors
/// What the database says.
pub fn add_numbers(db: &mut Db, new: &[(i64, &Number)]) -> QueryResult<()> {
    use contact_numbers::{contact_id, number, number_key};
    for new in new.chunks(AT_ONCE) {
        let rows: Vec<_> = new
            .iter()
            .map(|(id, n)| (contact_id.eq(*id), number.eq(n.raw()), number_key.eq(n.key())))
            .collect();
        on_each!(db, |conn| diesel::insert_into(contact_numbers::table).values(&rows).execute(conn))?;
    }
    Ok(())
}

/// Gives a contact these words, and these numbers for those that it had.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn update(db: &mut Db, id: i64, to: &NewContact, now: Moment) -> QueryResult<()> {
    update_words(db, id, to, now)?;
    diesel::delete(contact_numbers::table.filter(contact_numbers::contact_id.eq(id))).execute(db)?;
    add_numbers(db, &to.numbers.iter().map(|number| (id, number)).collect::<Vec<_>>())
}

/// Gives a contact these words; its numbers stay.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn update_words(db: &mut Db, id: i64, to: &NewContact, now: Moment) -> QueryResult<()> {
    let changed = diesel::update(contacts::table.find(id))
        .set((
            contacts::name.eq(&to.name),
            contacts::company.eq(&to.company),
            contacts::note.eq(&to.note),
            contacts::sort_key.eq(to.sort_key()),
            contacts::updated_at.eq(now),
        ))
        .execute(db)?;
    if changed == 0 { Err(diesel::NotFound) } else { Ok(()) }
}

/// Deletes one, with its numbers.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn delete(db: &mut Db, id: i64) -> QueryResult<()> {
    match diesel::delete(contacts::table.find(id)).execute(db)? {
        0 => Err(diesel::NotFound),
        _ => Ok(()),
    }
}

/// From here to the end of the transaction nobody else changes contacts by what they read: PostgreSQL would let two read
/// the same, and SQLite cannot turn a reading transaction into a writing one once somebody else has written.
///
/// # Errors
/// What the database says.
pub fn begin_writing(db: &mut Db) -> QueryResult<()> {
    match db {
        Db::Postgres(conn) => {
            conn.batch_execute(&format!("SELECT pg_advisory_xact_lock({})", lock::CONTACTS))
        }
        Db::Sqlite(conn) => diesel::update(contacts::table.filter(contacts::id.eq(0)))
            .set(contacts::id.eq(0))
            .execute(conn)
            .map(drop),
    }
}
