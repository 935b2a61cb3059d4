//! One number, erased wherever it stands: in calls, contacts and rules, in what was sent and is to be told.

use std::collections::HashSet;

use diesel::prelude::*;

use super::journal::NewEntry;
use super::schema::{block_rules, caller_id_rules, calls, contact_numbers, contacts, deliveries, journal};
use super::{Db, numbers, rules, stories};
use crate::call::{ERASED, Moment};
use crate::dialect::params::Params;
use crate::number::Numbering;

/// So many lines are looked through at once.
const AT_ONCE: i64 = 2_000;

/// Where a number stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Calls that ended.
    pub calls: i64,
    /// Calls that go on: they can only be erased once they ended.
    pub under_way: i64,
    /// Contacts that have it.
    pub contacts: i64,
    /// Rules that name it, and it alone.
    pub rules: i64,
}

/// Looks for a number by its key.
///
/// # Errors
/// What the database says.
pub fn find(db: &mut Db, key: &str, numbering: &Numbering) -> QueryResult<Found> {
    let with = || calls::table.filter(calls::from_key.eq(key).or(calls::to_key.eq(key)));
    let has: Vec<i64> = contact_numbers::table
        .filter(contact_numbers::number_key.eq(key))
        .select(contact_numbers::contact_id)
        .distinct()
        .load(db)?;
    let (block, caller_id) = rules_with(db, key, numbering)?;
    Ok(Found {
        calls: with().filter(calls::ended_at.is_not_null()).count().get_result(db)?,
        under_way: with().filter(calls::ended_at.is_null()).count().get_result(db)?,
        contacts: has.len() as i64,
        rules: (block.len() + caller_id.len()) as i64,
    })
}

/// Takes the number from at most `limit` ended calls, with what was said of them and what webhooks were told or are to
/// be told: all at once, since a call without its number is not found again. Each is told of as changed. How many.
///
/// # Errors
/// What the database says; then nothing changed.
pub fn calls(db: &mut Db, key: &str, who: &str, now: Moment, limit: i64) -> QueryResult<i64> {
    let nobody = None::<String>;
    db.transaction(|db| {
        // this also tells the writer, which remembers calls, that these are not as it wrote them
        let before = numbers::take(db, limit)?;
        let found: Vec<(i64, i64)> = calls::table
            .filter(calls::from_key.eq(key).or(calls::to_key.eq(key)))
            .filter(calls::ended_at.is_not_null())
            .limit(limit)
            .select((calls::id, calls::pbx_id))
            .load(db)?;
        let ids: Vec<i64> = found.iter().map(|(id, _)| *id).collect();
        diesel::update(calls::table.filter(calls::id.eq_any(&ids).and(calls::from_key.eq(key))))
            .set((calls::from_number.eq(&nobody), calls::from_key.eq(ERASED), calls::dialed_from.eq(&nobody)))
            .execute(db)?;
        diesel::update(calls::table.filter(calls::id.eq_any(&ids).and(calls::to_key.eq(key))))
            .set((calls::to_number.eq(&nobody), calls::to_key.eq(ERASED)))
            .execute(db)?;
        diesel::delete(journal::table.filter(journal::call.eq_any(&ids))).execute(db)?;
        diesel::delete(deliveries::table.filter(deliveries::call.eq_any(&ids))).execute(db)?;
        stories::forget(db, &ids)?;
        for ((id, pbx_id), change) in found.into_iter().zip(before + 1..) {
            diesel::update(calls::table.find(id))
                .set((
                    calls::note.eq(&nobody),
                    calls::extra.eq(&nobody),
                    calls::decision.eq(&nobody),
                    calls::change.eq(change),
                ))
                .execute(db)?;
            let line = NewEntry::ours(change, pbx_id, Some(id), now, "erased", Some(who));
            diesel::insert_into(journal::table).values(line).execute(db)?;
        }
        Ok(ids.len() as i64)
    })
}

/// Takes the number from contacts; those that have no other go. How many had it.
///
/// # Errors
/// What the database says.
pub fn contacts(db: &mut Db, key: &str) -> QueryResult<usize> {
    let with = || contact_numbers::table.filter(contact_numbers::number_key.eq(key));
    let ids: HashSet<i64> = with().select(contact_numbers::contact_id).load(db)?.into_iter().collect();
    diesel::delete(with()).execute(db)?;
    for id in &ids {
        let left = contact_numbers::table.filter(contact_numbers::contact_id.eq(id));
        if left.count().get_result::<i64>(db)? == 0 {
            diesel::delete(contacts::table.find(id)).execute(db)?;
        }
    }
    Ok(ids.len())
}

/// Deletes the rules that name the number, and it alone. How many. Within `settings::change`.
///
/// # Errors
/// What the database says.
pub fn rules(db: &mut Db, key: &str, numbering: &Numbering) -> QueryResult<usize> {
    let (block, caller_id) = rules_with(db, key, numbering)?;
    let gone = diesel::delete(block_rules::table.filter(block_rules::id.eq_any(block))).execute(db)?;
    let also = caller_id_rules::table.filter(caller_id_rules::id.eq_any(caller_id));
    Ok(gone + diesel::delete(also).execute(db)?)
}

/// Rules of each list in which it stands as caller or callee.
fn rules_with(db: &mut Db, key: &str, numbering: &Numbering) -> QueryResult<(Vec<i64>, Vec<i64>)> {
    let is = |text: &str| numbering.read(text).is_some_and(|number| number.key() == key);
    let in_field = |text: &Option<String>| text.as_deref().is_some_and(is);
    let block = rules::block_rules(db)?.into_iter().filter(|rule| is(&rule.pattern) || in_field(&rule.to));
    let block = block.map(|rule| rule.id).collect();
    let caller_id = rules::caller_id_rules(db)?;
    let with = caller_id.into_iter().filter(|rule| is(&rule.destination) || in_field(&rule.from));
    Ok((block, with.map(|rule| rule.id).collect()))
}

/// Deletes, of the journal's lines behind the change `after` that belong to no call, those in which the number stands.
/// How many, and up to which change it looked; `None` at the end.
///
/// # Errors
/// What the database says.
pub fn requests(
    db: &mut Db,
    key: &str,
    numbering: &Numbering,
    after: i64,
) -> QueryResult<(usize, Option<i64>)> {
    type Line = (i64, Option<String>, Option<String>, Option<String>);
    let lines: Vec<Line> = journal::table
        .filter(journal::change.gt(after).and(journal::call.is_null()))
        .order(journal::change)
        .limit(AT_ONCE)
        .select((journal::change, journal::content_type, journal::query, journal::body))
        .load(db)?;
    let holds = |(_, content_type, query, body): &&Line| {
        let (query, body) = (query.as_deref().unwrap_or(""), body.as_deref().unwrap_or(""));
        match Params::read(query, content_type.as_deref(), body.as_bytes()) {
            Ok(params) => params.iter().any(|(_, value)| {
                value.len() <= 100 && numbering.read(value).is_some_and(|number| number.key() == key)
            }),
            Err(_) => [query, body].iter().any(|text| text.contains(key.trim_start_matches('+'))),
        }
    };
    let with: Vec<i64> = lines.iter().filter(holds).map(|line| line.0).collect();
    let gone = diesel::delete(journal::table.filter(journal::change.eq_any(with))).execute(db)?;
    Ok((gone, lines.last().map(|line| line.0)))
}
