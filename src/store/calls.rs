//! Calls as rows: how they are kept, found by identity and by number, and listed.

use std::collections::HashMap;

use chrono::TimeDelta;
use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Db;
use super::batch::Reached;
use super::recent::CallKey;
use super::schema::{calls, journal, live_calls};
use crate::call::{Call, Cause, Direction, Moment, Outcome, State};

/// How far apart the two calls may begin that are one internal call.
const TWINS: TimeDelta = TimeDelta::seconds(5);

/// A call on which somebody is reached goes on for no longer.
const LONGEST: TimeDelta = TimeDelta::hours(12);

/// The most calls that are looked at for that.
const MANY: i64 = 1_000;

/// A call as the table holds it; JSON columns as text.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = calls)]
#[expect(missing_docs, reason = "each field is documented at `Call`")]
pub struct CallRow {
    pub id: i64,
    pub pbx_id: i64,
    pub call_id: String,
    pub leg_id: String,
    pub incarnation: i32,
    pub direction: Option<Direction>,
    pub from_number: Option<String>,
    pub from_key: Option<String>,
    pub dialed_from: Option<String>,
    pub to_number: Option<String>,
    pub to_key: Option<String>,
    pub users: String,
    pub answered_by: Option<String>,
    pub answering_number: Option<String>,
    pub queue: Option<String>,
    pub state: State,
    pub outcome: Option<Outcome>,
    pub cause: Option<Cause>,
    pub raw_cause: Option<String>,
    pub decision: Option<String>,
    pub started_at: Moment,
    pub answered_at: Option<Moment>,
    pub ended_at: Option<Moment>,
    pub internal: bool,
    pub done: bool,
    pub done_by: Option<String>,
    pub done_at: Option<Moment>,
    pub open: bool,
    pub note: Option<String>,
    pub extra: Option<String>,
    pub change: i64,
}

/// All of a call, to be written.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = calls, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct CallValues<'a> {
    id: i64,
    pbx_id: i64,
    call_id: &'a str,
    leg_id: &'a str,
    /// Retention may count an id's calls anew, which a writer that remembers one of them does not see.
    #[diesel(skip_update)]
    incarnation: i32,
    direction: Option<Direction>,
    from_number: Option<&'a str>,
    from_key: Option<&'a str>,
    dialed_from: Option<&'a str>,
    to_number: Option<&'a str>,
    to_key: Option<&'a str>,
    users: String,
    queue: Option<&'a str>,
    decision: Option<String>,
    started_at: Moment,
    internal: bool,
    #[diesel(embed)]
    progress: Progress<'a>,
}

/// What answer, hangup, tick and legs change: no column of an index that most calls are in, so few pages are touched.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = calls, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct Progress<'a> {
    answered_by: Option<&'a str>,
    answering_number: Option<&'a str>,
    state: State,
    outcome: Option<Outcome>,
    cause: Option<Cause>,
    raw_cause: Option<&'a str>,
    answered_at: Option<Moment>,
    ended_at: Option<Moment>,
    done: bool,
    done_by: Option<&'a str>,
    done_at: Option<Moment>,
    open: bool,
    note: Option<&'a str>,
    extra: Option<String>,
    change: i64,
}

impl<'a> From<&'a Call> for Progress<'a> {
    fn from(call: &'a Call) -> Self {
        Self {
            answered_by: call.answered_by.as_deref(),
            answering_number: call.answering_number.as_deref(),
            state: call.state,
            outcome: call.outcome,
            cause: call.cause,
            raw_cause: call.raw_cause.as_deref(),
            answered_at: call.answered_at,
            ended_at: call.ended_at,
            done: call.done,
            done_by: call.done_by.as_deref(),
            done_at: call.done_at,
            open: call.open,
            note: call.note.as_deref(),
            extra: extra_json(call),
            change: call.change,
        }
    }
}

impl<'a> From<&'a Call> for CallValues<'a> {
    fn from(call: &'a Call) -> Self {
        Self {
            id: call.id,
            pbx_id: call.pbx_id,
            call_id: &call.call_id,
            leg_id: &call.leg_id,
            incarnation: call.incarnation,
            direction: call.direction,
            from_number: call.from_number.as_deref(),
            from_key: call.from_key.as_deref(),
            dialed_from: call.dialed_from.as_deref(),
            to_number: call.to_number.as_deref(),
            to_key: call.to_key.as_deref(),
            users: json(&call.users),
            queue: call.queue.as_deref(),
            decision: call.decision.as_ref().map(json),
            started_at: call.started_at,
            internal: call.internal,
            progress: call.into(),
        }
    }
}

/// Most calls have none.
pub(super) fn extra_json(call: &Call) -> Option<String> {
    call.extra.as_deref().map(json)
}

impl From<CallRow> for Call {
    fn from(row: CallRow) -> Self {
        Self {
            id: row.id,
            pbx_id: row.pbx_id,
            call_id: row.call_id,
            leg_id: row.leg_id,
            incarnation: row.incarnation,
            direction: row.direction,
            from_number: row.from_number,
            from_key: row.from_key,
            dialed_from: row.dialed_from,
            to_number: row.to_number,
            to_key: row.to_key,
            users: read(&row.users).unwrap_or_default(),
            answered_by: row.answered_by,
            answering_number: row.answering_number,
            queue: row.queue,
            state: row.state,
            outcome: row.outcome,
            cause: row.cause,
            raw_cause: row.raw_cause,
            decision: row.decision.as_deref().and_then(read),
            started_at: row.started_at,
            answered_at: row.answered_at,
            ended_at: row.ended_at,
            internal: row.internal,
            done: row.done,
            done_by: row.done_by,
            done_at: row.done_at,
            open: row.open,
            note: row.note,
            extra: row.extra.as_deref().and_then(read).map(Box::new),
            change: row.change,
        }
    }
}

/// Text of a value of ours: cannot fail, since none has maps with odd keys.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What we wrote ourselves. A row that somebody edited by hand into nonsense is shown without that part.
fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).inspect_err(|e| log::error!("unreadable JSON in a call row: {e}")).ok()
}

/// The latest incarnation of each key that is there.
///
/// # Errors
/// What the database says.
pub fn latest(db: &mut Db, keys: &[CallKey<'_>]) -> QueryResult<Vec<Call>> {
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let row = calls::table
            .filter(
                calls::pbx_id
                    .eq(key.pbx_id)
                    .and(calls::call_id.eq(key.call_id))
                    .and(calls::leg_id.eq(key.leg_id)),
            )
            .order(calls::incarnation.desc())
            .limit(1)
            .select(CallRow::as_select())
            .get_result::<CallRow>(db)
            .optional()?;
        found.extend(row.map(Call::from));
    }
    Ok(found)
}

/// These rows, in no particular order.
///
/// # Errors
/// What the database says.
pub fn by_ids(db: &mut Db, ids: &[i64]) -> QueryResult<Vec<Call>> {
    let rows = calls::table.filter(calls::id.eq_any(ids)).select(CallRow::as_select()).load::<CallRow>(db)?;
    Ok(rows.into_iter().map(Call::from).collect())
}

/// One row.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn by_id(db: &mut Db, id: i64) -> QueryResult<Call> {
    calls::table.find(id).select(CallRow::as_select()).get_result::<CallRow>(db).map(Call::from)
}

/// Calls for which no hangup came in time, with their last change: they ring, and nothing was heard of them since
/// `rang`; or are connected, and nothing was since `spoke`. By our clock, since a PBX's may be wrong; where the journal
/// is gone, by the PBX's.
///
/// # Errors
/// What the database says.
pub fn stale(db: &mut Db, rang: Moment, spoke: Moment, limit: i64) -> QueryResult<HashMap<i64, i64>> {
    let silent_since = |moment: Moment| {
        let heard = journal::received_at.nullable();
        heard.lt(moment).or(heard.is_null().and(calls::started_at.lt(moment)))
    };
    let rings = calls::answered_at.is_null();
    let stale = calls::table
        .inner_join(live_calls::table.on(live_calls::id.eq(calls::id)))
        .left_join(journal::table.on(journal::change.eq(calls::change)))
        .filter(rings.and(silent_since(rang)).or(calls::answered_at.is_not_null().and(silent_since(spoke))))
        .order(calls::id)
        .limit(limit)
        .select((calls::id, calls::change))
        .load(db)?;
    Ok(stale.into_iter().collect())
}

/// The calls that ring or are connected, by id, but for those that changed after `upto`.
///
/// # Errors
/// What the database says.
pub fn live(db: &mut Db, upto: i64) -> QueryResult<Vec<Call>> {
    let rows = calls::table
        .filter(calls::id.eq_any(live_calls::table.select(live_calls::id)))
        .filter(calls::change.le(upto))
        .order(calls::id)
        .select(CallRow::as_select())
        .load::<CallRow>(db)?;
    Ok(rows.into_iter().map(Call::from).collect())
}

/// The call in the other direction between the same two, begun at the same time: some PBXes tell of an internal call so.
///
/// # Errors
/// What the database says.
pub fn twin(db: &mut Db, call: &Call) -> QueryResult<Option<i64>> {
    let other = match call.direction {
        Some(Direction::In) => Direction::Out,
        Some(Direction::Out) => Direction::In,
        None => return Ok(None),
    };
    let (from, until) = (call.started_at - TWINS, call.started_at + TWINS);
    let ends = calls::from_key.eq(&call.from_key).and(calls::to_key.eq(&call.to_key));
    calls::table
        .filter(ends.and(calls::started_at.between(from, until)))
        .filter(calls::pbx_id.eq(call.pbx_id).and(calls::direction.eq(other)))
        .order(calls::id)
        .select(calls::id)
        .first::<i64>(db)
        .optional()
}

/// Is there any call?
///
/// # Errors
/// What the database says.
pub fn any(db: &mut Db) -> QueryResult<bool> {
    Ok(calls::table.select(calls::id).first::<i64>(db).optional()?.is_some())
}

/// How many calls ring or are connected.
///
/// # Errors
/// What the database says.
pub fn count_live(db: &mut Db) -> QueryResult<i64> {
    live_calls::table.count().get_result(db)
}

/// The far ends of these calls, which nobody took, that were spoken to on another call since the first of them began.
///
/// # Errors
/// What the database says.
pub(super) fn reached_since(db: &mut Db, missed: &[Call]) -> QueryResult<Vec<Reached>> {
    let Some(since) = missed.iter().map(|call| call.started_at).min() else { return Ok(Vec::new()) };
    let parties: Vec<&str> = missed.iter().filter_map(Call::party).collect();
    // the other call may have begun before
    let since = calls::answered_at.ge(since).and(calls::started_at.ge(since - LONGEST));
    let mut found: Vec<CallRow> =
        calls::table.filter(calls::from_key.eq_any(&parties)).filter(since).limit(MANY).load(db)?;
    found.extend(
        calls::table.filter(calls::to_key.eq_any(&parties)).filter(since).limit(MANY).load::<CallRow>(db)?,
    );
    let others = found.into_iter().map(Call::from).filter(Call::reached);
    Ok(others.filter_map(|call| Reached::by(&call, call.answered_at?)).collect())
}

/// The missed calls of these far ends that nobody ticked.
///
/// # Errors
/// What the database says.
pub(super) fn open_of(db: &mut Db, reached: &[Reached]) -> QueryResult<Vec<i64>> {
    let mut found = Vec::new();
    for Reached { pbx_id, party, .. } in reached {
        found.extend(
            calls::table
                // bare, as in the index `calls_open_from`: a bound value would hide that the index serves it
                .filter(calls::open)
                .filter(calls::pbx_id.eq(pbx_id).and(calls::from_key.eq(party)))
                .select(calls::id)
                .load::<i64>(db)?,
        );
    }
    Ok(found)
}
