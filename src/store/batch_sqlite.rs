//! One batch into SQLite: cached single-row statements in one immediate transaction.

use diesel::prelude::*;

use super::batch::{Batch, Reached};
use super::calls::{CallValues, Progress};
use super::schema::{calls, feed, journal, live_calls};

/// The writer has the larger page cache (KiB): it is in all indexes at once. Others leave that to the system. It overwrites
/// what it deletes where the page is written anyway: a call that is erased later is to have left no earlier copies.
pub(super) const SESSION: &str = "PRAGMA cache_size = -8000; PRAGMA secure_delete = FAST;";

/// Writes all of `batch` or nothing. Are there missed calls that its answered ones reach?
pub(super) fn write(conn: &mut SqliteConnection, batch: &mut Batch) -> QueryResult<bool> {
    conn.immediate_transaction(|conn| write_within(conn, batch))
}

/// The same within the caller's transaction.
pub(super) fn write_within(conn: &mut SqliteConnection, batch: &mut Batch) -> QueryResult<bool> {
    let last: i64 = diesel::update(feed::table.find(1))
        .set(feed::change.eq(feed::change + batch.entries.len() as i64))
        .returning(feed::change)
        .get_result(conn)?;
    let base = last - batch.entries.len() as i64;
    batch.number_from(base);
    for touched in batch.changed() {
        let call = &touched.call;
        let written = match touched.expected {
            None => diesel::insert_into(calls::table).values(CallValues::from(call)).execute(conn)?,
            Some(expected) => {
                let known = calls::table.filter(calls::id.eq(call.id).and(calls::change.eq(expected)));
                if touched.only_progress {
                    diesel::update(known).set(Progress::from(call)).execute(conn)?
                } else {
                    diesel::update(known).set(CallValues::from(call)).execute(conn)?
                }
            }
        };
        if written != 1 {
            return Err(diesel::result::Error::RollbackTransaction); // somebody else moved it
        }
    }
    for touched in batch.changed().filter(|it| it.comes_alive()) {
        diesel::insert_into(live_calls::table).values(live_calls::id.eq(touched.call.id)).execute(conn)?;
    }
    for id in batch.ended() {
        diesel::delete(live_calls::table.find(id)).execute(conn)?;
    }
    for entry in &batch.entries {
        diesel::insert_into(journal::table).values(entry).execute(conn)?;
    }
    for Reached { pbx_id, party, .. } in &batch.reached {
        let missed = calls::table
            .filter(calls::open)
            .filter(calls::pbx_id.eq(pbx_id))
            .filter(calls::from_key.eq(party))
            .select(calls::id);
        if missed.first::<i64>(conn).optional()?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
