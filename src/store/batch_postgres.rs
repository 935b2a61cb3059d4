//! One batch into PostgreSQL: one statement of fixed text whose parameters are arrays, so that it is prepared once
//! whatever the batch's size. Diesel's own batch insert is planned anew each time (1.3 to 2 times slower).

use std::sync::LazyLock;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types;

use super::batch::{Batch, Touched, offset};
use super::calls::{extra_json, json};
use super::pg_array::{Array, Columns};
use crate::call::Call;

/// The statement's text between its parameters, which it marks by `{}`.
static SQL: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("batch_postgres.sql").split("{}").collect());

/// How many arrays it takes, and about how many bytes of them an event is.
const COLUMNS: usize = 64;
const BYTES: usize = 1024;

/// Plans of the writer's session must not hang on the tables' statistics: before the first ANALYZE of a young
/// table the planner would read it whole.
pub(super) const SESSION: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
     SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;";

/// Writes all of `batch` or nothing. Are there missed calls that its answered ones reach? Any row that is not as the
/// batch expects it fails all.
pub(super) fn write(conn: &mut PgConnection, batch: &mut Batch) -> QueryResult<bool> {
    let (moved, said): (Vec<&Touched>, Vec<&Touched>) =
        batch.changed().partition(|touched| touched.only_progress && !touched.comes_alive());
    let json: Vec<Json> = said.iter().map(|touched| Json::of(&touched.call)).collect();
    let extra: Vec<Option<String>> = moved.iter().map(|touched| extra_json(&touched.call)).collect();
    let mut columns = Columns::with_capacity(COLUMNS, BYTES * batch.entries.len());
    add_said(&mut columns, &said, &json);
    let again = said.iter().filter(|it| it.expected.is_some() && it.comes_alive());
    columns.add(again.map(|it| Some(it.call.id)));
    columns.add(batch.ended().map(Some));
    add_moved(&mut columns, &moved, &extra);
    add_journal(&mut columns, batch);
    add_unmoved(&mut columns, batch);
    add_reached(&mut columns, batch);
    let count = batch.entries.len() as i64;
    let statement = Statement { count, known: batch.known, columns: columns.arrays() };
    let (base, reaches) = statement.get_result::<(i64, bool)>(conn)?;
    batch.number_from(base);
    Ok(reaches)
}

/// A call's columns that hold JSON.
struct Json {
    users: String,
    decision: Option<String>,
    extra: Option<String>,
}

impl Json {
    fn of(call: &Call) -> Self {
        Self { users: json(&call.users), decision: call.decision.as_ref().map(json), extra: extra_json(call) }
    }
}

fn add_said(columns: &mut Columns, calls: &[&Touched], json: &[Json]) {
    columns.add(calls.iter().map(|it| it.expected.map(|_| it.call.id)));
    columns.add(calls.iter().map(|it| Some(offset(it.first))));
    columns.add(calls.iter().map(|it| it.expected));
    columns.add(calls.iter().map(|it| it.last.map(offset)));
    columns.add(calls.iter().map(|it| Some(it.call.pbx_id)));
    columns.add(calls.iter().map(|it| Some(it.call.call_id.as_str())));
    // what nearly all calls have in common is left out: NULL costs least
    columns.add(calls.iter().map(|it| Some(it.call.leg_id.as_str()).filter(|leg_id| !leg_id.is_empty())));
    columns.add(calls.iter().map(|it| Some(it.call.incarnation).filter(|incarnation| *incarnation != 1)));
    columns.add(calls.iter().map(|it| it.call.direction.map(|word| word.as_str())));
    columns.add(calls.iter().map(|it| it.call.from_number.as_deref()));
    columns.add(calls.iter().map(|it| it.call.from_key.as_deref()));
    columns.add(calls.iter().map(|it| it.call.dialed_from.as_deref()));
    columns.add(calls.iter().map(|it| it.call.to_number.as_deref()));
    columns.add(calls.iter().map(|it| it.call.to_key.as_deref()));
    columns.add(json.iter().map(|json| Some(json.users.as_str())));
    columns.add(calls.iter().map(|it| it.call.queue.as_deref()));
    columns.add(json.iter().map(|json| json.decision.as_deref()));
    columns.add(calls.iter().map(|it| Some(it.call.started_at)));
    columns.add(calls.iter().map(|it| it.call.internal.then_some(true)));
    columns.add(json.iter().map(|json| json.extra.as_deref()));
    add_progress(columns, calls);
}

fn add_moved(columns: &mut Columns, calls: &[&Touched], extra: &[Option<String>]) {
    columns.add(calls.iter().map(|it| Some(it.call.id)));
    columns.add(calls.iter().map(|it| it.expected));
    columns.add(calls.iter().map(|it| it.last.map(offset)));
    columns.add(extra.iter().map(Option::as_deref));
    add_progress(columns, calls);
}

fn add_progress(columns: &mut Columns, calls: &[&Touched]) {
    columns.add(calls.iter().map(|it| it.call.answered_by.as_deref()));
    columns.add(calls.iter().map(|it| it.call.answering_number.as_deref()));
    columns.add(calls.iter().map(|it| Some(it.call.state.as_str())));
    columns.add(calls.iter().map(|it| it.call.outcome.map(|word| word.as_str())));
    columns.add(calls.iter().map(|it| it.call.cause.map(|word| word.as_str())));
    columns.add(calls.iter().map(|it| it.call.raw_cause.as_deref()));
    columns.add(calls.iter().map(|it| it.call.answered_at));
    columns.add(calls.iter().map(|it| it.call.ended_at));
    columns.add(calls.iter().map(|it| it.call.done.then_some(true)));
    columns.add(calls.iter().map(|it| it.call.open.then_some(true)));
}

fn add_journal(columns: &mut Columns, batch: &Batch) {
    let about = || batch.about.iter().map(|index| index.map(|index| &batch.touched[index]));
    columns.add(about().map(|it| it.and_then(|it| it.expected.map(|_| it.call.id))));
    columns.add(about().map(|it| it.map(|it| offset(it.first))));
    columns.add((0..batch.entries.len()).map(|position| Some(offset(position))));
    columns.add(batch.entries.iter().map(|entry| Some(entry.pbx_id)));
    columns.add(batch.entries.iter().map(|entry| Some(entry.received_at)));
    columns.add(batch.entries.iter().map(|entry| entry.kind));
    columns.add(batch.entries.iter().map(|entry| Some(entry.result.as_str())));
    columns.add(batch.entries.iter().map(|entry| entry.why));
    columns.add(batch.entries.iter().map(|entry| entry.address));
    columns.add(batch.entries.iter().map(|entry| entry.content_type));
    columns.add(batch.entries.iter().map(|entry| entry.query));
    columns.add(batch.entries.iter().map(|entry| entry.body));
    columns.add(batch.entries.iter().map(|entry| entry.status));
    columns.add(batch.entries.iter().map(|entry| entry.answer.as_deref()));
}

/// Calls as they are remembered, of which nothing is to be written: their events said nothing new.
fn add_unmoved(columns: &mut Columns, batch: &Batch) {
    let unmoved = || batch.touched.iter().filter(|it| it.expected.is_some() && it.last.is_none());
    columns.add(unmoved().map(|it| Some(it.call.id)));
    columns.add(unmoved().map(|it| it.expected));
}

fn add_reached(columns: &mut Columns, batch: &Batch) {
    columns.add(batch.reached.iter().map(|reached| Some(reached.pbx_id)));
    columns.add(batch.reached.iter().map(|reached| Some(reached.party.as_str())));
}

/// The statement with its parameters, in the order of the text.
struct Statement<'a> {
    count: i64,
    known: i64,
    columns: Vec<Array<'a>>,
}

impl QueryId for Statement<'_> {
    type QueryId = Statement<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Statement<'_> {
    type SqlType = (sql_types::BigInt, sql_types::Bool);
}

impl RunQueryDsl<PgConnection> for Statement<'_> {}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut texts = SQL.iter().copied();
        let mut text = move || texts.next().unwrap_or_default();
        for number in [&self.count, &self.count, &self.known] {
            out.push_sql(text());
            out.push_bind_param::<sql_types::BigInt, _>(number)?;
        }
        for column in &self.columns {
            out.push_sql(text());
            column.bind(&mut out)?;
        }
        out.push_sql(text());
        Ok(())
    }
}
