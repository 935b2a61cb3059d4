//! One batch into SQLite: single-row statements in one immediate transaction, each prepared once for the connection.
//! diesel does so with its own INSERT, SELECT and DELETE; but an UPDATE it prepares each time, since it cannot know
//! that it always sets the same columns (an eighth of the writer's time): so those that events need are ours.

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::query_builder::{AsChangeset, AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types;
use diesel::sqlite::Sqlite;

use super::batch::{Batch, Reached};
use super::calls::{CallValues, Progress};
use super::schema::{calls, journal, live_calls};

/// The writer has the larger page cache (KiB): it is in all indexes at once. Others leave that to the system. It overwrites
/// what it deletes where the page is written anyway: a call that is erased later is to have left no earlier copies.
pub(super) const SESSION: &str = "PRAGMA cache_size = -8000; PRAGMA secure_delete = FAST;";

/// Writes all of `batch` or nothing. Are there missed calls that its answered ones reach?
pub(super) fn write(conn: &mut SqliteConnection, batch: &mut Batch) -> QueryResult<bool> {
    conn.immediate_transaction(|conn| write_within(conn, batch))
}

/// The same within the caller's transaction.
pub(super) fn write_within(conn: &mut SqliteConnection, batch: &mut Batch) -> QueryResult<bool> {
    let count = batch.entries.len() as i64;
    let last: i64 = TakeNumbers { count }.get_result(conn)?;
    batch.number_from(last - count);
    for touched in batch.changed() {
        let call = &touched.call;
        let written = match touched.expected {
            None => diesel::insert_into(calls::table).values(CallValues::from(call)).execute(conn)?,
            Some(expected) if touched.only_progress => {
                let values = Progress::from(call).as_changeset();
                UpdateCall::<false, _> { values, id: call.id, expected }.execute(conn)?
            }
            Some(expected) => {
                let values = CallValues::from(call).as_changeset();
                UpdateCall::<true, _> { values, id: call.id, expected }.execute(conn)?
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
            .filter(calls::from_key.eq(party));
        // no LIMIT: SQLite prepares anew what has a bound one
        if diesel::select(exists(missed)).get_result(conn)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes so many change numbers; answers the last.
#[derive(QueryId)]
struct TakeNumbers {
    count: i64,
}

impl Query for TakeNumbers {
    type SqlType = sql_types::BigInt;
}

impl RunQueryDsl<SqliteConnection> for TakeNumbers {}

impl QueryFragment<Sqlite> for TakeNumbers {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE feed SET change = change + ");
        out.push_bind_param::<sql_types::BigInt, _>(&self.count)?;
        out.push_sql(" WHERE id = 1 RETURNING change");
        Ok(())
    }
}

/// Sets `values` where the row is as it is `expected` to be. The text is the same for all values of one type, which is
/// the call's `WHOLE` or its progress.
struct UpdateCall<const WHOLE: bool, Values> {
    values: Values,
    id: i64,
    expected: i64,
}

impl<const WHOLE: bool, Values> QueryId for UpdateCall<WHOLE, Values> {
    type QueryId = UpdateCall<WHOLE, ()>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const WHOLE: bool, Values> RunQueryDsl<SqliteConnection> for UpdateCall<WHOLE, Values> {}

impl<const WHOLE: bool, Values: QueryFragment<Sqlite>> QueryFragment<Sqlite> for UpdateCall<WHOLE, Values> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE calls SET ");
        self.values.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<sql_types::BigInt, _>(&self.id)?;
        out.push_sql(" AND change = ");
        out.push_bind_param::<sql_types::BigInt, _>(&self.expected)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    use diesel::connection::InstrumentationEvent;
    use diesel_migrations::MigrationHarness;

    use super::*;
    use crate::call::{Call, CallEvent, Decision, Direction, Kind};
    use crate::clock;
    use crate::dialect::Said;
    use crate::number::Numbering;
    use crate::pbx::Pbx;
    use crate::store::arrival::Arrival;

    fn arrival(kind: Kind, queue: Option<&str>) -> Arrival {
        let numbering = Numbering::new("DE", None).expect("a region");
        let event = CallEvent {
            direction: Some(Direction::In),
            from: numbering.read("0171 1234567"),
            queue: queue.map(str::to_owned),
            ..CallEvent::bare("1", kind, clock::now())
        };
        Arrival {
            pbx: Arc::new(Pbx::of_test(1, "zammad", "a token")),
            received_at: clock::now(),
            address: "192.0.2.1".into(),
            content_type: None,
            query: None,
            body: String::new(),
            hook: None,
            said: Ok((Said::Event(event), Decision::Accept)),
            rule: None,
            given_up: false.into(),
        }
    }

    /// What diesel prepares each time it does not keep; what SQLite prepares each time has a bound LIMIT.
    #[test]
    fn no_statement_is_prepared_anew_for_each_event() {
        let mut conn = SqliteConnection::establish(":memory:").expect("a database");
        conn.run_pending_migrations(crate::store::SQLITE).expect("its tables");
        let texts = Arc::new(Mutex::new((BTreeSet::new(), BTreeSet::new())));
        let heard = texts.clone();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            let (kept, run) = &mut *heard.lock().expect("nobody panicked");
            match event {
                InstrumentationEvent::CacheQuery { sql, .. } => kept.insert(sql.to_owned()),
                InstrumentationEvent::StartQuery { query, .. } => {
                    let text = query.to_string();
                    run.insert(text.split(" -- binds").next().unwrap_or_default().to_owned())
                }
                _ => false,
            };
        });
        let mut known: Option<Call> = None;
        let story = [
            (Kind::NewCall, None),
            (Kind::NewCall, Some("sales")),
            (Kind::Answer, None),
            (Kind::Hangup, None),
        ];
        for (kind, queue) in story {
            let arrival = arrival(kind, queue);
            let mut batch = Batch::with_capacity(1);
            batch.add(&arrival, |_| known.take());
            assert!(!write(&mut conn, &mut batch).expect("written"));
            known = batch.touched.pop().map(|touched| touched.call);
        }
        let call = known.expect("a call");
        assert!(
            call.queue.as_deref() == Some("sales") && call.answered_at.is_some() && call.ended_at.is_some()
        );
        let (kept, run) = &*texts.lock().expect("nobody panicked");
        let anew: Vec<_> =
            run.iter().filter(|text| !kept.contains(*text) || text.contains("LIMIT")).collect();
        assert_eq!(anew, ["BEGIN IMMEDIATE", "COMMIT"]);
        assert!(kept.len() >= 7, "{kept:?}");
    }
}
