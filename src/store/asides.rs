//! What few requests write beside calls and journal, in the batch's own transaction: what webhooks are told, who works
//! at a PBX, which calls tell one story.

use diesel::prelude::*;

use super::batch::Batch;
use super::{Db, agents, batch_postgres, batch_sqlite, enqueue, stories};

/// Writes the batch and what stands beside it, within the caller's transaction. Answers as the writing of the batch
/// does, whose first statement locks the feed: no other node writes meanwhile.
pub(super) fn write(db: &mut Db, batch: &mut Batch) -> QueryResult<bool> {
    let reaches = match db {
        Db::Postgres(conn) => batch_postgres::write(conn, batch)?,
        Db::Sqlite(conn) => batch_sqlite::write_within(conn, batch)?,
    };
    enqueue::write(db, batch)?;
    for (pbx_id, presence) in &batch.presences {
        agents::put(db, *pbx_id, presence)?;
    }
    for index in &batch.linked {
        stories::put(db, &batch.touched[*index].call)?;
    }
    Ok(reaches)
}
