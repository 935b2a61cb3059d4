//! The caller log, counted. The two databases name the parts of a time differently; all else is the same.

use std::borrow::Cow;

use chrono::TimeDelta;
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::Db;
use super::call_list::{Wanted, all_of, every};
use super::schema::calls;
use crate::call::{Direction, Moment, Outcome};
use crate::words::words;

words! {
    /// By what calls are counted; hours and days are those of UTC.
    By {
        Hour = "hour",
        /// For clocks that are not whole hours apart from UTC.
        QuarterHour = "quarter_hour",
        Day = "day", Queue = "queue", User = "user", Outcome = "outcome",
        /// Each hour of the week, Monday first.
        WeekdayHour = "weekday_hour",
        /// How long they rang, in ranges.
        Waiting = "waiting",
    }
}

/// Where the ranges of `By::Waiting` begin, in seconds.
pub const RANGES: [i64; 12] = [0, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300];

/// The most groups of a stretch that are read.
const GROUPS: i64 = 100_000;
/// So many calls SQLite counts in some 50 ms.
const STRETCH: i64 = 20_000;

/// How many calls of one kind there were.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Group {
    /// Where they are counted: `2026-11-21 16`, `2026-11-21 16:45`, `2026-11-21`, `1 16` (Monday, 16 h), where a range of waiting begins (s), a queue, an outcome; a taker as
    /// `a…`, those who were rung as `u` and a JSON list.
    pub bucket: Option<String>,
    /// Inbound or outbound.
    pub direction: Option<Direction>,
    /// How they ended; `None` of those under way.
    pub outcome: Option<Outcome>,
    /// How many.
    pub calls: i64,
    /// How long all of them rang, in ms.
    pub waiting_ms: Option<i64>,
    /// How long one of them rang at most, in ms.
    pub longest_waiting_ms: Option<i64>,
    /// How long people spoke in all, in ms.
    pub talking_ms: Option<i64>,
}

/// Counts the calls that are wanted from `since` to `until`, in stretches. A group may occur once in each.
///
/// # Errors
/// What the database says.
pub fn count(
    db: &mut Db,
    wanted: &Wanted,
    (since, until): (Moment, Moment),
    by: By,
) -> QueryResult<Vec<Group>> {
    let mut groups = Vec::new();
    let mut begin = since;
    while begin < until {
        let end = end_of_stretch(db, begin, until)?;
        let stretch = Wanted { since: Some(begin), until: Some(end), ..wanted.clone() };
        groups.extend(count_stretch(db, &stretch, by)?);
        begin = end;
    }
    Ok(groups)
}

/// A week on, so that no database has to sort a year's calls at once. In SQLite after so many calls, too: while
/// anybody reads, its log cannot start anew.
fn end_of_stretch(db: &mut Db, begin: Moment, until: Moment) -> QueryResult<Moment> {
    let week = until.min(begin + TimeDelta::weeks(1));
    if matches!(db, Db::Postgres(_)) {
        return Ok(week);
    }
    let later = calls::table
        .filter(calls::started_at.gt(begin).and(calls::started_at.lt(week)))
        .order((calls::started_at, calls::id))
        .select(calls::started_at);
    Ok(later.offset(STRETCH).first(db).optional()?.unwrap_or(week))
}

fn count_stretch(db: &mut Db, wanted: &Wanted, by: By) -> QueryResult<Vec<Group>> {
    let postgres = matches!(db, Db::Postgres(_));
    let bucket = sql::<Nullable<Text>>(&bucket(by, postgres));
    let waiting = waiting(postgres);
    let talking = between("ended_at", "answered_at", postgres);
    let whole = |of: &str, ms: &str| sql::<Nullable<BigInt>>(&format!("CAST({of}({ms}) AS BIGINT)"));
    calls::table
        .filter(all_of(every(wanted)))
        .group_by((bucket.clone(), calls::direction, calls::outcome))
        .select((
            bucket,
            sql::<Nullable<Text>>("direction"),
            sql::<Nullable<Text>>("outcome"),
            count_star(),
            whole("sum", &waiting),
            whole("max", &waiting),
            whole("sum", &talking),
        ))
        .limit(GROUPS)
        .load(db)
}

fn bucket(by: By, postgres: bool) -> Cow<'static, str> {
    let bucket = match (by, postgres) {
        (By::Hour, true) => "to_char(started_at, 'YYYY-MM-DD HH24')",
        (By::Hour, false) => "substr(started_at, 1, 13)",
        (By::QuarterHour, true) => {
            "to_char(started_at, 'YYYY-MM-DD HH24:') || to_char(extract(minute FROM started_at)::int / 15 * 15, 'FM00')"
        }
        (By::QuarterHour, false) => {
            "substr(started_at, 1, 13) || printf(':%02d', CAST(substr(started_at, 15, 2) AS INTEGER) / 15 * 15)"
        }
        (By::Day, true) => "to_char(started_at, 'YYYY-MM-DD')",
        (By::Day, false) => "substr(started_at, 1, 10)",
        (By::WeekdayHour, true) => "to_char(started_at, 'ID HH24')",
        (By::WeekdayHour, false) => "strftime('%u %H', started_at)",
        (By::Queue, _) => "queue",
        (By::Outcome, _) => "outcome",
        (By::User, _) => "CASE WHEN answered_by IS NULL THEN 'u' || users ELSE 'a' || answered_by END",
        (By::Waiting, _) => return range(&waiting(postgres)).into(),
    };
    bucket.into()
}

/// How long a call rang, in ms; null where nobody said when it was answered, as `Call::waiting_ms` has it.
fn waiting(postgres: bool) -> String {
    let until = "coalesce(answered_at, CASE WHEN outcome <> 'answered' THEN ended_at END)";
    between(until, "started_at", postgres)
}

/// In which of the ranges so many ms are.
fn range(ms: &str) -> String {
    let begins = RANGES.iter().rev().map(|s| format!(" WHEN {ms} >= {} THEN '{s}'", s * 1000));
    format!("CASE{} END", begins.collect::<String>())
}

/// From one time to another, in ms; null where either is.
fn between(end: &str, start: &str, postgres: bool) -> String {
    if postgres {
        format!("round(date_part('epoch', {end} - {start}) * 1000)") // extract() counts in slower numerics
    } else {
        format!("round((julianday({end}) - julianday({start})) * 86400000)")
    }
}
