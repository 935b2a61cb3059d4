//! One batch into PostgreSQL: one statement of fixed text whose parameters are arrays, so that it is prepared once
//! whatever the batch's size. Diesel's own batch insert is planned anew each time (1.3 to 2 times slower).

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{self, Array, Nullable};

use super::batch::{Batch, Touched, offset};
use super::calls::{extra_json, json};
use crate::call::{Call, Moment};

/// The statement; each `{}` is a parameter.
const SQL: &str = include_str!("batch_postgres.sql");

/// Plans of the writer's session must not hang on the tables' statistics: before the first ANALYZE of a young
/// table the planner would read it whole.
pub(super) const SESSION: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
     SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;";

/// Writes all of `batch` or nothing. Answers the missed calls that its answered ones reach. Any row that is not as
/// the batch expects it fails all.
pub(super) fn write(conn: &mut PgConnection, batch: &mut Batch) -> QueryResult<Vec<i64>> {
    let (moved, said): (Vec<&Touched>, Vec<&Touched>) =
        batch.changed().partition(|touched| touched.only_progress);
    let json: Vec<Json> = said.iter().map(|touched| Json::of(&touched.call)).collect();
    let mut columns = said_columns(&said, &json);
    columns.extend(moved_columns(&moved));
    columns.extend(journal_columns(batch));
    let statement = Statement { count: batch.entries.len() as i64, columns };
    let (base, reached) = statement.get_result::<(i64, Vec<i64>)>(conn)?;
    batch.number_from(base);
    Ok(reached)
}

/// An array parameter.
enum Column<'a> {
    BigInt(Vec<Option<i64>>),
    Integer(Vec<Option<i32>>),
    Bool(Vec<bool>),
    Text(Vec<Option<&'a str>>),
    Moment(Vec<Option<Moment>>),
}
use Column::{BigInt, Bool, Integer, Moment as Time, Text};

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

fn said_columns<'a>(calls: &[&'a Touched], json: &'a [Json]) -> Vec<Column<'a>> {
    let mut columns = vec![
        BigInt(each(calls, |it| it.expected.map(|_| it.call.id))),
        BigInt(each(calls, |it| Some(offset(it.first)))),
        BigInt(each(calls, |it| it.expected)),
        BigInt(each(calls, |it| it.last.map(offset))),
        BigInt(each(calls, |it| Some(it.call.pbx_id))),
        Text(each(calls, |it| Some(it.call.call_id.as_str()))),
        Text(each(calls, |it| Some(it.call.leg_id.as_str()))),
        Integer(each(calls, |it| Some(it.call.incarnation))),
        Text(each(calls, |it| it.call.direction.map(|word| word.as_str()))),
        Text(each(calls, |it| it.call.from_number.as_deref())),
        Text(each(calls, |it| it.call.from_key.as_deref())),
        Text(each(calls, |it| it.call.dialed_from.as_deref())),
        Text(each(calls, |it| it.call.to_number.as_deref())),
        Text(each(calls, |it| it.call.to_key.as_deref())),
        Text(json.iter().map(|json| Some(json.users.as_str())).collect()),
        Text(each(calls, |it| it.call.queue.as_deref())),
        Text(json.iter().map(|json| json.decision.as_deref()).collect()),
        Time(each(calls, |it| Some(it.call.started_at))),
        Bool(each(calls, |it| it.call.internal)),
        Text(json.iter().map(|json| json.extra.as_deref()).collect()),
    ];
    columns.extend(progress_columns(calls));
    columns
}

fn moved_columns<'a>(calls: &[&'a Touched]) -> Vec<Column<'a>> {
    let mut columns = vec![
        BigInt(each(calls, |it| Some(it.call.id))),
        BigInt(each(calls, |it| it.expected)),
        BigInt(each(calls, |it| it.last.map(offset))),
    ];
    columns.extend(progress_columns(calls));
    columns
}

fn progress_columns<'a>(calls: &[&'a Touched]) -> Vec<Column<'a>> {
    vec![
        Text(each(calls, |it| it.call.answered_by.as_deref())),
        Text(each(calls, |it| it.call.answering_number.as_deref())),
        Text(each(calls, |it| Some(it.call.state.as_str()))),
        Text(each(calls, |it| it.call.outcome.map(|word| word.as_str()))),
        Text(each(calls, |it| it.call.cause.map(|word| word.as_str()))),
        Text(each(calls, |it| it.call.raw_cause.as_deref())),
        Time(each(calls, |it| it.call.answered_at)),
        Time(each(calls, |it| it.call.ended_at)),
        Bool(each(calls, |it| it.call.done)),
        Text(each(calls, |it| it.call.done_by.as_deref())),
        Time(each(calls, |it| it.call.done_at)),
        Bool(each(calls, |it| it.call.open)),
        Text(each(calls, |it| it.call.note.as_deref())),
    ]
}

fn journal_columns<'a>(batch: &'a Batch) -> Vec<Column<'a>> {
    let about = || batch.about.iter().map(|index| index.map(|index| &batch.touched[index]));
    vec![
        BigInt(about().map(|it| it.and_then(|it| it.expected.map(|_| it.call.id))).collect()),
        BigInt(about().map(|it| it.map(|it| offset(it.first))).collect()),
        BigInt((0..batch.entries.len()).map(|position| Some(offset(position))).collect()),
        BigInt(each(&batch.entries, |entry| Some(entry.pbx_id))),
        Time(each(&batch.entries, |entry| Some(entry.received_at))),
        Text(each(&batch.entries, |entry| entry.kind)),
        Text(each(&batch.entries, |entry| Some(entry.result.as_str()))),
        Text(each(&batch.entries, |entry| entry.why)),
        Text(each(&batch.entries, |entry| entry.address)),
        Text(each(&batch.entries, |entry| entry.content_type)),
        Text(each(&batch.entries, |entry| entry.query)),
        Text(each(&batch.entries, |entry| entry.body)),
        Integer(each(&batch.entries, |entry| entry.status)),
        Text(each(&batch.entries, |entry| entry.answer.as_deref())),
        BigInt(each(&batch.reached, |(pbx_id, _)| Some(*pbx_id))),
        Text(each(&batch.reached, |(_, party)| Some(party.as_str()))),
    ]
}

/// The statement with its parameters, in the order of the text.
struct Statement<'a> {
    count: i64,
    columns: Vec<Column<'a>>,
}

/// One column of `rows`.
fn each<'r, R, T>(rows: &'r [R], column: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(column).collect()
}

impl QueryId for Statement<'_> {
    type QueryId = Statement<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Statement<'_> {
    type SqlType = (sql_types::BigInt, Array<sql_types::BigInt>);
}

impl RunQueryDsl<PgConnection> for Statement<'_> {}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut texts = SQL.split("{}");
        let mut text = move || texts.next().unwrap_or_default();
        out.push_sql(text());
        out.push_bind_param::<sql_types::BigInt, _>(&self.count)?;
        out.push_sql(text());
        out.push_bind_param::<sql_types::BigInt, _>(&self.count)?;
        for column in &self.columns {
            out.push_sql(text());
            match column {
                Column::BigInt(values) => {
                    out.push_bind_param::<Array<Nullable<sql_types::BigInt>>, _>(values)?
                }
                Column::Integer(values) => {
                    out.push_bind_param::<Array<Nullable<sql_types::Integer>>, _>(values)?
                }
                Column::Bool(values) => out.push_bind_param::<Array<sql_types::Bool>, _>(values)?,
                Column::Text(values) => out.push_bind_param::<Array<Nullable<sql_types::Text>>, _>(values)?,
                Column::Moment(values) => {
                    out.push_bind_param::<Array<Nullable<sql_types::Timestamp>>, _>(values)?
                }
            }
        }
        out.push_sql(text());
        Ok(())
    }
}
