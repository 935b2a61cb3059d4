//! Contacts: people and firms whose numbers name calls, old and new. Names are looked up when they are shown.

use std::collections::HashMap;

use diesel::prelude::*;

use super::Db;
use super::schema::{contact_numbers, contacts};

/// More keys than this are asked for in several queries: SQLite binds 32,766 parameters at most.
const AT_ONCE: usize = 5_000;

/// Who has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The contact's row.
    pub contact_id: i64,
    /// The contact's name.
    pub name: String,
}

/// The contacts of each of these number keys (`number::Number::key`), newest contact first. Keys that nobody has are
/// not in the answer.
///
/// # Errors
/// What the database says.
pub fn names(db: &mut Db, keys: &[String]) -> QueryResult<HashMap<String, Vec<Named>>> {
    let mut found: HashMap<String, Vec<Named>> = HashMap::new();
    for keys in keys.chunks(AT_ONCE) {
        let rows: Vec<(String, i64, String)> = contact_numbers::table
            .inner_join(contacts::table)
            .filter(contact_numbers::number_key.eq_any(keys))
            .order(contacts::id.desc())
            .select((contact_numbers::number_key, contacts::id, contacts::name))
            .load(db)?;
        for (key, contact_id, name) in rows {
            let named = found.entry(key).or_default();
            if named.last().is_none_or(|last| last.contact_id != contact_id) {
                named.push(Named { contact_id, name });
            }
        }
    }
    Ok(found)
}
