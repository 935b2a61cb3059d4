//! Contacts by number with all that Zammad's caller log shows of them.

use std::collections::HashMap;

use diesel::prelude::*;

use super::Db;
use super::schema::{contact_numbers, contacts};
use crate::call::Moment;

/// The most contacts that are shown for one number, as Zammad does.
const MOST: usize = 20;

/// A contact that has a number.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Match {
    /// The row of the number.
    pub id: i64,
    /// The number's key.
    pub number_key: String,
    /// The contact.
    pub contact_id: i64,
    /// Its name.
    pub name: String,
    /// Its firm.
    pub company: Option<String>,
    /// What people noted.
    pub note: Option<String>,
    /// When the contact was made.
    pub created_at: Moment,
    /// When it was last changed.
    pub updated_at: Moment,
}

/// The contacts of each of these keys, newest first.
///
/// # Errors
/// What the database says.
pub fn of_keys(db: &mut Db, keys: &[String]) -> QueryResult<HashMap<String, Vec<Match>>> {
    let rows: Vec<Match> = contact_numbers::table
        .inner_join(contacts::table)
        .filter(contact_numbers::number_key.eq_any(keys))
        .order((contacts::id.desc(), contact_numbers::id))
        .select((
            contact_numbers::id,
            contact_numbers::number_key,
            contacts::id,
            contacts::name,
            contacts::company,
            contacts::note,
            contacts::created_at,
            contacts::updated_at,
        ))
        .load(db)?;
    let mut found: HashMap<String, Vec<Match>> = HashMap::new();
    for row in rows {
        let of_key = found.entry(row.number_key.clone()).or_default();
        if of_key.len() < MOST && of_key.last().is_none_or(|last| last.contact_id != row.contact_id) {
            of_key.push(row);
        }
    }
    Ok(found)
}
