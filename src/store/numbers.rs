//! Change numbers: one row hands them out, and its lock puts all that writes calls in one order, among all nodes. So it
//! is the first thing of a transaction that does (and makes SQLite's a writing one). Events take theirs within the
//! statements that write them (`batch_postgres`, `batch_sqlite`).

use diesel::prelude::*;

use super::Db;
use super::schema::feed;

/// Waits for the lock, and takes none yet.
///
/// # Errors
/// What the database says.
pub(super) fn lock(db: &mut Db) -> QueryResult<()> {
    diesel::update(feed::table.find(1)).set(feed::change.eq(feed::change)).execute(db).map(drop)
}

/// Takes so many; they are those behind the one that is answered.
///
/// # Errors
/// What the database says.
pub(super) fn take(db: &mut Db, count: i64) -> QueryResult<i64> {
    diesel::update(feed::table.find(1)).set(feed::change.eq(feed::change + count)).execute(db)?;
    let last: i64 = feed::table.find(1).select(feed::change).first(db)?;
    Ok(last - count)
}
