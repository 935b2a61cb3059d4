//! What webhooks are to be told of a batch's events: written in the batch's own transaction, so that an event that was
//! answered is also told. Where no webhook wants anything, nothing is done.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

use super::Db;
use super::batch::Batch;
use super::calls::json;
use super::pg_array::{Array, Columns};
use super::schema::deliveries;
use crate::call::{Call, CallEvent, Moment};
use crate::clock;
use crate::webhooks::{DeliveryState, EventKind, Facts, Subscriptions};

/// An event that webhooks want to be told of.
#[derive(Debug)]
struct Tell {
    /// Of its journal entry in the batch.
    position: usize,
    /// Of its call in the batch.
    index: usize,
    /// As the event left it; its numbers are given out later.
    call: Call,
    /// What happened, and who wants to know.
    kinds: Vec<(EventKind, Vec<i64>)>,
}

/// Those of one batch.
#[derive(Debug, Default)]
pub(super) struct Tells(Vec<Tell>);

impl Tells {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes down what an event made of `call`.
    pub fn note(
        &mut self,
        wanted: &Subscriptions,
        event: &CallEvent,
        before: Facts,
        call: &Call,
        position: usize,
        index: usize,
    ) {
        if wanted.is_empty() {
            return;
        }
        let kinds = before.news(call).map(|kind| (kind, wanted.wanting(kind, call)));
        let joined = before.joined(call, event).map(|(kind, leg)| (kind, wanted.joined(kind, call, leg)));
        let kinds = joined.into_iter().chain(kinds);
        let kinds: Vec<_> = kinds.filter(|(_, webhooks)| !webhooks.is_empty()).collect();
        if !kinds.is_empty() {
            self.0.push(Tell { position, index, call: call.clone(), kinds });
        }
    }
}

/// Writes what webhooks are told of the batch, which is written.
pub(super) fn write(db: &mut Db, batch: &mut Batch) -> QueryResult<()> {
    let Batch { tells: Tells(tells), touched, entries, .. } = batch;
    for tell in tells.iter_mut() {
        tell.call.id = touched[tell.index].call.id;
        tell.call.change = entries[tell.position].change;
    }
    let snapshots: Vec<String> = tells.iter().map(|tell| json(&tell.call)).collect();
    let now = clock::now();
    let rows: Vec<NewDelivery> = tells
        .iter()
        .zip(&snapshots)
        .flat_map(|(tell, snapshot)| {
            tell.kinds.iter().map(move |(kind, webhooks)| (tell, snapshot, *kind, webhooks))
        })
        .flat_map(|(tell, snapshot, kind, webhooks)| {
            webhooks.iter().map(move |webhook_id| NewDelivery {
                webhook_id: *webhook_id,
                call: tell.call.id,
                change: tell.call.change,
                kind,
                snapshot,
                state: DeliveryState::Waiting,
                attempts: 0,
                due_at: now,
                created_at: now,
            })
        })
        .collect();
    match db {
        _ if rows.is_empty() => {}
        Db::Postgres(conn) => drop(Statement(columns(&rows).arrays()).execute(conn)?),
        Db::Sqlite(conn) => {
            for row in &rows {
                diesel::insert_into(deliveries::table).values(row).execute(conn)?;
            }
        }
    }
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = deliveries)]
struct NewDelivery<'a> {
    webhook_id: i64,
    call: i64,
    change: i64,
    kind: EventKind,
    snapshot: &'a str,
    state: DeliveryState,
    attempts: i32,
    due_at: Moment,
    created_at: Moment,
}

fn columns(rows: &[NewDelivery]) -> Columns {
    let mut columns = Columns::with_capacity(9, 1024 * rows.len());
    columns.add(rows.iter().map(|row| Some(row.webhook_id)));
    columns.add(rows.iter().map(|row| Some(row.call)));
    columns.add(rows.iter().map(|row| Some(row.change)));
    columns.add(rows.iter().map(|row| Some(row.kind.as_str())));
    columns.add(rows.iter().map(|row| Some(row.snapshot)));
    columns.add(rows.iter().map(|row| Some(row.state.as_str())));
    columns.add(rows.iter().map(|row| Some(row.attempts)));
    columns.add(rows.iter().map(|row| Some(row.due_at)));
    columns.add(rows.iter().map(|row| Some(row.created_at)));
    columns
}

/// All rows by one statement of fixed text, prepared once; numbered in the order in which they happened.
struct Statement<'a>(Vec<Array<'a>>);

impl QueryId for Statement<'_> {
    type QueryId = Statement<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<PgConnection> for Statement<'_> {}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO deliveries (webhook_id, call, change, kind, snapshot, state, attempts, due_at, created_at) \
             SELECT webhook_id, call, change, kind, snapshot, state, attempts, due_at, created_at FROM unnest(",
        );
        for (position, column) in self.0.iter().enumerate() {
            out.push_sql(if position == 0 { "" } else { ", " });
            column.bind(&mut out)?;
        }
        out.push_sql(
            ") WITH ORDINALITY AS t (webhook_id, call, change, kind, snapshot, state, attempts, due_at, created_at, \
             place) ORDER BY place",
        );
        Ok(())
    }
}
