//! What is kept of old calls: in small transactions, so that no event waits for them.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::call_list::Condition;
use super::schema::{calls, deliveries, journal};
use super::{Db, numbers, stories};
use crate::call::{Direction, ERASED, Moment};
use crate::words::words;

words! {
    /// What is done to old calls.
    How {
        /// They go, with what was sent about them.
        Delete = "delete",
        /// They stay and are counted; the other side's number, notes and what was sent go.
        Anonymise = "anonymise",
    }
}

/// Where a call stands in the order of time: when it began, and its id.
pub type Place = (Moment, i64);

/// How many ended calls that began before have something to be taken away.
///
/// # Errors
/// What the database says.
pub fn count(db: &mut Db, how: How, before: Moment) -> QueryResult<i64> {
    calls::table.filter(due(how, before)).count().get_result(db)
}

/// The next of them behind `after`.
///
/// # Errors
/// What the database says.
pub fn next(db: &mut Db, how: How, after: Place, before: Moment, limit: i64) -> QueryResult<Vec<Place>> {
    let (at, id) = after;
    calls::table
        .filter(calls::started_at.ge(at)) // where the index begins
        .filter(calls::started_at.gt(at).or(calls::id.gt(id)))
        .filter(due(how, before))
        .order((calls::started_at, calls::id))
        .limit(limit)
        .select((calls::started_at, calls::id))
        .load(db)
}

fn due(how: How, before: Moment) -> Condition<'static> {
    let old = calls::started_at.lt(before).and(calls::ended_at.is_not_null());
    match how {
        How::Delete => Box::new(old.nullable()),
        How::Anonymise => {
            let caller = calls::from_number.is_not_null().and(calls::direction.ne(Direction::Out));
            let callee = calls::to_number.is_not_null().and(calls::direction.ne(Direction::In));
            let either = calls::from_number.is_not_null().or(calls::to_number.is_not_null());
            let said =
                calls::note.is_not_null().or(calls::extra.is_not_null()).or(calls::decision.is_not_null());
            let known = said.or(calls::direction.is_null().and(either)).nullable();
            Box::new(old.nullable().and(known.or(caller).or(callee)))
        }
    }
}

/// How long a step took.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// Its work alone.
    pub work: Duration,
    /// With its commit. The wait for SQLite's lock is in neither.
    pub in_all: Duration,
}

/// Does `work` in a transaction of its own, between those of the events.
///
/// # Errors
/// What the database says; then nothing changed.
pub fn in_between<T>(db: &mut Db, work: impl FnOnce(&mut Db) -> QueryResult<T>) -> QueryResult<(T, Took)> {
    let mut begun = Instant::now();
    let (done, work) = db.transaction(|db| {
        match db {
            // deletes nothing, but waits for the lock
            Db::Sqlite(conn) => conn.batch_execute("DELETE FROM live_calls WHERE FALSE")?,
            // what a power cut brings back goes again an hour later: no event's commit waits for this one's
            Db::Postgres(conn) => conn.batch_execute("SET LOCAL synchronous_commit = off")?,
        }
        begun = Instant::now();
        let done = work(db)?;
        QueryResult::Ok((done, begun.elapsed()))
    })?;
    Ok((done, Took { work, in_all: begun.elapsed() }))
}

/// Deletes ended calls, the journal's lines about them, what webhooks were told of them or are to be told, and what they
/// name, within the caller's transaction. How many calls.
///
/// # Errors
/// What the database says.
pub fn delete(db: &mut Db, ids: &[i64]) -> QueryResult<usize> {
    let ended = calls::table.filter(calls::id.eq_any(ids)).filter(calls::ended_at.is_not_null());
    let name = (calls::pbx_id, calls::call_id, calls::leg_id);
    let gone: Vec<(i64, String, String)> = diesel::delete(ended).returning(name).get_results(db)?;
    what_was_told(db, ids)?;
    stories::forget(db, ids)?;
    for (pbx_id, call_id, leg_id) in &gone {
        first_of_those_left(db, *pbx_id, call_id, leg_id)?;
    }
    Ok(gone.len())
}

/// Where an id was used again, the earliest call that is left of it becomes its first incarnation. So whoever does not
/// know of it, and takes the id for a new one, clashes with it (`batch`).
fn first_of_those_left(db: &mut Db, pbx_id: i64, call_id: &str, leg_id: &str) -> QueryResult<()> {
    let id = calls::pbx_id.eq(pbx_id).and(calls::call_id.eq(call_id)).and(calls::leg_id.eq(leg_id));
    let left = calls::table.filter(id).order(calls::incarnation).select((calls::id, calls::incarnation));
    match left.first::<(i64, i32)>(db).optional()? {
        Some((id, incarnation)) if incarnation > 1 => {
            diesel::update(calls::table.find(id)).set(calls::incarnation.eq(1)).execute(db).map(drop)
        }
        _ => Ok(()),
    }
}

/// A change number that no call had before. It is taken once for many steps: none of them holds up events on other nodes
/// by the feed's lock.
///
/// # Errors
/// What the database says.
pub fn number(db: &mut Db) -> QueryResult<i64> {
    db.transaction(|db| Ok(numbers::take(db, 1)? + 1))
}

/// Takes away the other side's number, what people and PBXes said of these calls, and what webhooks were told or are to be
/// told, within the caller's transaction. How many calls. They get the change number `change`, so that no writer that
/// remembers one of them goes on from there.
///
/// # Errors
/// What the database says.
pub fn anonymise(db: &mut Db, ids: &[i64], change: i64) -> QueryResult<usize> {
    let nobody = None::<String>;
    let changed = diesel::update(calls::table.filter(calls::id.eq_any(ids)))
        .set((
            calls::note.eq(&nobody),
            calls::extra.eq(&nobody),
            calls::decision.eq(&nobody),
            calls::change.eq(change),
        ))
        .execute(db)?;
    let not_out = calls::direction.is_null().or(calls::direction.ne(Direction::Out));
    diesel::update(calls::table.filter(calls::id.eq_any(ids)).filter(not_out))
        .set((calls::from_number.eq(&nobody), calls::from_key.eq(ERASED), calls::dialed_from.eq(&nobody)))
        .execute(db)?;
    let not_in = calls::direction.is_null().or(calls::direction.ne(Direction::In));
    diesel::update(calls::table.filter(calls::id.eq_any(ids)).filter(not_in))
        .set((calls::to_number.eq(&nobody), calls::to_key.eq(ERASED)))
        .execute(db)?;
    what_was_told(db, ids)?;
    stories::forget(db, ids)?;
    Ok(changed)
}

/// Deletes the journal's lines about these calls, and their deliveries.
pub(super) fn what_was_told(db: &mut Db, ids: &[i64]) -> QueryResult<()> {
    diesel::delete(journal::table.filter(journal::call.eq_any(ids))).execute(db)?;
    diesel::delete(deliveries::table.filter(deliveries::call.eq_any(ids))).execute(db).map(drop)
}

/// Deletes the journal's lines that are older, behind the change `after`. Up to which change; `None` once all are gone.
/// Lines stand in the order of time but for those that were written while the clock was ahead of `now`: they are passed
/// by.
///
/// # Errors
/// What the database says.
pub fn delete_journal(
    db: &mut Db,
    after: i64,
    (before, now): (Moment, Moment),
    limit: i64,
) -> QueryResult<Option<(i64, Took)>> {
    let lines: Vec<(i64, Moment)> = journal::table
        .filter(journal::change.gt(after))
        .order(journal::change)
        .limit(limit)
        .select((journal::change, journal::received_at))
        .load(db)?;
    let Some((last, _)) = lines.iter().rfind(|(_, at)| *at < before || *at > now) else { return Ok(None) };
    let old: Vec<i64> = lines.iter().filter(|(_, at)| *at < before).map(|(change, _)| *change).collect();
    let gone = journal::table.filter(journal::change.eq_any(&old));
    let (_, took) = in_between(db, |db| diesel::delete(gone).execute(db))?;
    Ok(Some((*last, took)))
}
