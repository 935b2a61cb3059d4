//! One batch into PostgreSQL: one statement of fixed text whose parameters are arrays, so that it is prepared once
//! whatever the batch's size. Diesel's own batch insert is planned anew each time (1.3 to 2 times slower).

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{self, Array, Nullable};

use super::batch::{Batch, Touched, offset};
use super::calls::CallRow;
use crate::call::Moment;

/// The statement; each `{}` is a parameter.
const SQL: &str = include_str!("batch_postgres.sql");

/// Plans of the writer's session must not hang on the tables' statistics: before the first ANALYZE of a young
/// table the planner would read it whole.
pub(super) const SESSION: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
     SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;";

/// Writes all of `batch` or nothing. Answers the missed calls that its answered ones reach. Any row that is not as
/// the batch expects it fails all.
pub(super) fn write(conn: &mut PgConnection, batch: &mut Batch) -> QueryResult<Vec<i64>> {
    let changed: Vec<&Touched> = batch.touched.iter().filter(|touched| touched.changed()).collect();
    let rows: Vec<CallRow> = changed.iter().map(|touched| CallRow::from(&touched.call)).collect();
    let (base, reached) = Statement::of(batch, &changed, &rows).get_result::<(i64, Vec<i64>)>(conn)?;
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

/// The statement with its parameters, in the order of the text.
struct Statement<'a> {
    count: i64,
    columns: Vec<Column<'a>>,
}

impl<'a> Statement<'a> {
    fn of(batch: &'a Batch, changed: &[&'a Touched], rows: &'a [CallRow]) -> Self {
        use Column::{BigInt, Bool, Integer, Moment, Text};
        let entries = &batch.entries;
        let about = || batch.about.iter().map(|index| index.map(|index| &batch.touched[index]));
        let columns = vec![
            BigInt(each(changed, |touched| touched.expected.map(|_| touched.call.id))),
            BigInt(each(changed, |touched| Some(offset(touched.first)))),
            BigInt(each(changed, |touched| touched.expected)),
            BigInt(each(changed, |touched| touched.last.map(offset))),
            BigInt(each(rows, |row| Some(row.pbx_id))),
            Text(each(rows, |row| Some(row.call_id.as_str()))),
            Text(each(rows, |row| Some(row.leg_id.as_str()))),
            Integer(each(rows, |row| Some(row.incarnation))),
            Text(each(rows, |row| row.direction.map(|word| word.as_str()))),
            Text(each(rows, |row| row.from_number.as_deref())),
            Text(each(rows, |row| row.from_key.as_deref())),
            Text(each(rows, |row| row.dialed_from.as_deref())),
            Text(each(rows, |row| row.to_number.as_deref())),
            Text(each(rows, |row| row.to_key.as_deref())),
            Text(each(rows, |row| Some(row.users.as_str()))),
            Text(each(rows, |row| row.answered_by.as_deref())),
            Text(each(rows, |row| row.answering_number.as_deref())),
            Text(each(rows, |row| row.queue.as_deref())),
            Text(each(rows, |row| Some(row.state.as_str()))),
            Text(each(rows, |row| row.outcome.map(|word| word.as_str()))),
            Text(each(rows, |row| row.cause.map(|word| word.as_str()))),
            Text(each(rows, |row| row.raw_cause.as_deref())),
            Text(each(rows, |row| row.decision.as_deref())),
            Moment(each(rows, |row| Some(row.started_at))),
            Moment(each(rows, |row| row.answered_at)),
            Moment(each(rows, |row| row.ended_at)),
            Bool(each(rows, |row| row.internal)),
            Bool(each(rows, |row| row.done)),
            Text(each(rows, |row| row.done_by.as_deref())),
            Moment(each(rows, |row| row.done_at)),
            Bool(each(rows, |row| row.open)),
            Text(each(rows, |row| row.note.as_deref())),
            Text(each(rows, |row| row.extra.as_deref())),
            BigInt(about().map(|it| it.and_then(|it| it.expected.map(|_| it.call.id))).collect()),
            BigInt(about().map(|it| it.map(|it| offset(it.first))).collect()),
            BigInt((0..entries.len()).map(|position| Some(offset(position))).collect()),
            BigInt(each(entries, |entry| Some(entry.pbx_id))),
            Moment(each(entries, |entry| Some(entry.received_at))),
            Text(each(entries, |entry| entry.kind.as_deref())),
            Text(each(entries, |entry| Some(entry.result.as_str()))),
            Text(each(entries, |entry| entry.why.as_deref())),
            Text(each(entries, |entry| entry.address.as_deref())),
            Text(each(entries, |entry| entry.content_type.as_deref())),
            Text(each(entries, |entry| entry.query.as_deref())),
            Text(each(entries, |entry| entry.body.as_deref())),
            Integer(each(entries, |entry| entry.status)),
            Text(each(entries, |entry| entry.answer.as_deref())),
            BigInt(each(&batch.reached, |(pbx_id, _)| Some(*pbx_id))),
            Text(each(&batch.reached, |(_, party)| Some(party.as_str()))),
        ];
        Self { count: entries.len() as i64, columns }
    }
}

/// One column of `rows`.
fn each<'a, R, T>(rows: &'a [R], column: impl Fn(&'a R) -> T) -> Vec<T> {
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
