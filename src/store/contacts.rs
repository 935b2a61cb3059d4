//! Contacts: people and firms whose numbers name calls, old and new. Names are looked up when they are shown.

mod write;

use std::collections::HashMap;

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::schema::{contact_numbers, contacts};
use super::{Backend, Db};
use crate::call::Moment;
use crate::number::Number;

pub use write::{add_numbers, begin_writing, delete, insert, update, update_words};

/// More keys than this are asked for in several queries: SQLite binds 32,766 parameters at most.
const AT_ONCE: usize = 5_000;

/// Who has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The contact's row.
    pub contact_id: i64,
    /// The contact's name.
    pub name: String,
    /// Name and company in lower case.
    pub sort_key: String,
}

/// A contact as the table holds it.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = contacts)]
pub struct ContactRow {
    /// Its number.
    pub id: i64,
    /// Of the person, or the firm.
    pub name: String,
    /// Where the person works.
    pub company: Option<String>,
    /// A person's words.
    pub note: Option<String>,
    /// Its place in the list.
    pub sort_key: String,
    /// When it was made.
    pub created_at: Moment,
    /// When it was last changed.
    pub updated_at: Moment,
}

/// One of a contact's numbers: as it was written, and its key.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = contact_numbers)]
pub struct NumberRow {
    /// Whose.
    pub contact_id: i64,
    /// As written.
    pub number: String,
    /// Its normal form.
    pub number_key: String,
}

/// What a contact is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewContact {
    /// Of the person, or the firm.
    pub name: String,
    /// Where the person works.
    pub company: Option<String>,
    /// A person's words.
    pub note: Option<String>,
    /// No key twice.
    pub numbers: Vec<Number>,
}

impl NewContact {
    /// Its place in the list.
    fn sort_key(&self) -> String {
        format!("{} {}", self.name, self.company.as_deref().unwrap_or_default()).trim_end().to_lowercase()
    }
}

/// What a list of contacts is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Stands in name or company, in lower case.
    pub text: String,
    /// How one of the numbers' keys begins.
    pub key_prefixes: Vec<String>,
}

/// The contacts of each of these number keys (`number::Number::key`), newest contact first. Keys that nobody has are
/// not in the answer.
///
/// # Errors
/// What the database says.
pub fn names(db: &mut Db, keys: &[String]) -> QueryResult<HashMap<String, Vec<Named>>> {
    let mut found: HashMap<String, Vec<Named>> = HashMap::new();
    for keys in keys.chunks(AT_ONCE) {
        let rows: Vec<(String, i64, String, String)> = contact_numbers::table
            .inner_join(contacts::table)
            .filter(contact_numbers::number_key.eq_any(keys))
            .order(contacts::id.desc())
            .select((contact_numbers::number_key, contacts::id, contacts::name, contacts::sort_key))
            .load(db)?;
        for (key, contact_id, name, sort_key) in rows {
            let named = found.entry(key).or_default();
            if named.last().is_none_or(|last| last.contact_id != contact_id) {
                named.push(Named { contact_id, name, sort_key });
            }
        }
    }
    Ok(found)
}

/// Contacts behind `after` (sort key and id), by name.
///
/// # Errors
/// What the database says.
pub fn page(
    db: &mut Db,
    search: Option<&Search>,
    after: Option<&(String, i64)>,
    limit: i64,
) -> QueryResult<Vec<ContactRow>> {
    use contacts::{id, sort_key};
    let mut query =
        contacts::table.order((sort_key, id)).limit(limit).select(ContactRow::as_select()).into_boxed();
    if let Some((place, last)) = after {
        query = query.filter(sort_key.gt(place).or(sort_key.eq(place).and(id.gt(last))));
    }
    if let Some(search) = search {
        query = query.filter(found_by(search, Lookup::of(db)));
    }
    query.load(db)
}

/// One condition on a contact.
type Condition<'a> = Box<dyn BoxableExpression<contacts::table, Backend, SqlType = Bool> + 'a>;

/// By name or company, or since a number begins so.
fn found_by(search: &Search, how: Lookup) -> Condition<'_> {
    let named = contacts::sort_key.like(format!("%{}%", escaped(&search.text))).escape('\\');
    search.key_prefixes.iter().fold(Box::new(named), |found, prefix| {
        let end = format!("{prefix}\u{10FFFF}");
        let begins = contact_numbers::number_key.ge(prefix).and(contact_numbers::number_key.lt(end));
        let such = contact_numbers::table.filter(begins);
        match how {
            Lookup::Once => Box::new(found.or(contacts::id.eq_any(such.select(contact_numbers::contact_id)))),
            Lookup::Each => {
                Box::new(found.or(exists(such.filter(contact_numbers::contact_id.eq(contacts::id)))))
            }
        }
    })
}

/// When the numbers are looked up. Of 200,000 contacts SQLite finds one by its number ten times as soon with all such
/// numbers looked up once; PostgreSQL takes whichever is better where each contact's are asked for, and else ten
/// seconds where very many begin so.
#[derive(Clone, Copy)]
enum Lookup {
    Once,
    Each,
}

impl Lookup {
    const fn of(db: &Db) -> Self {
        match db {
            Db::Postgres(_) => Self::Each,
            Db::Sqlite(_) => Self::Once,
        }
    }
}

/// `text` as it stands literally in a LIKE pattern.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// One.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn get(db: &mut Db, id: i64) -> QueryResult<ContactRow> {
    contacts::table.find(id).select(ContactRow::as_select()).first(db)
}

/// Those of these ids, in no particular order.
///
/// # Errors
/// What the database says.
pub fn by_ids(db: &mut Db, ids: &[i64]) -> QueryResult<Vec<ContactRow>> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        found.extend(
            contacts::table
                .filter(contacts::id.eq_any(ids))
                .select(ContactRow::as_select())
                .load::<ContactRow>(db)?,
        );
    }
    Ok(found)
}

/// The numbers of these contacts, each contact's in the order in which they were written.
///
/// # Errors
/// What the database says.
pub fn numbers(db: &mut Db, ids: &[i64]) -> QueryResult<HashMap<i64, Vec<NumberRow>>> {
    let mut found: HashMap<i64, Vec<NumberRow>> = HashMap::new();
    for ids in ids.chunks(AT_ONCE) {
        let rows = contact_numbers::table
            .filter(contact_numbers::contact_id.eq_any(ids))
            .order(contact_numbers::id)
            .select(NumberRow::as_select())
            .load(db)?;
        for row in rows {
            found.entry(row.contact_id).or_default().push(row);
        }
    }
    Ok(found)
}
