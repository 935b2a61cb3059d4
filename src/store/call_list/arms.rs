//! The arms of which a page is merged: the calls from a number and the calls to it, the open ones and those under way.
//! Which arms, is decided here and not by the databases: without statistics SQLite would at times walk through all
//! calls of one's own main number.

use diesel::prelude::*;

use super::super::Db;
use super::super::schema::{calls, live_calls};
use super::conditions::{self, Condition, all_of};
use super::{BUDGET, Order, Position, Wanted, positions};
use crate::call::{Moment, State};

/// Calls that one index holds in the order of time, or that are few.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arm {
    pub side: Side,
    pub part: Part,
}

/// Caller or callee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    From,
    To,
}

impl Arm {
    /// All calls.
    pub const WHOLE_LOG: Self = Self { side: Side::Any, part: Part::All };
}

/// Whose number is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    Any,
    /// With this number, by its own index.
    Is(End, String),
    /// With a number that begins so; at most as many calls as the budget allows.
    Begins(End, String),
    /// One of these, which is looked for row by row.
    Among(Vec<(End, String)>),
}

/// Which part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    All,
    /// `calls_open`: ended, nobody ticked it.
    Open,
    /// `live_calls`: no hangup yet.
    Live,
}

/// `done=false` are the open calls and those that ring unticked: two small sets, not one long walk.
fn parts(wanted: &Wanted) -> &'static [Part] {
    let live = matches!(wanted.state, Some(State::Ringing | State::Connected));
    let ended = wanted.state == Some(State::Ended) || wanted.outcome.is_some();
    match (wanted.done, live, ended) {
        (_, true, true) => &[],
        (_, true, false) => &[Part::Live],
        (Some(false), false, true) => &[Part::Open],
        (Some(false), false, false) => &[Part::Open, Part::Live],
        _ => &[Part::All],
    }
}

/// The arms for what is asked for beside a search.
pub fn plain(db: &mut Db, wanted: &Wanted) -> QueryResult<Vec<Arm>> {
    match (&wanted.number, &wanted.from, &wanted.to) {
        (Some(number), _, _) => of_numbers(db, wanted, both_ends(number)),
        (None, Some(from), Some(to)) => {
            let from = (End::From, from.clone());
            let rarer = if is_light(db, &from)? { from } else { (End::To, to.clone()) };
            of_numbers(db, wanted, vec![rarer])
        }
        (None, Some(from), None) => of_numbers(db, wanted, vec![(End::From, from.clone())]),
        (None, None, Some(to)) => of_numbers(db, wanted, vec![(End::To, to.clone())]),
        (None, None, None) => Ok(with_parts(wanted, Side::Any)),
    }
}

/// The arms for calls that have one of these numbers.
pub fn of_numbers(db: &mut Db, wanted: &Wanted, numbers: Vec<(End, String)>) -> QueryResult<Vec<Arm>> {
    if numbers.is_empty() || parts(wanted).is_empty() {
        return Ok(Vec::new());
    }
    let mut by_number = true;
    if parts(wanted) != [Part::All] {
        for number in &numbers {
            by_number = by_number && is_light(db, number)?;
        }
    }
    if !by_number {
        return Ok(with_parts(wanted, Side::Among(numbers)));
    }
    let arms = numbers.into_iter().map(|(end, key)| Arm { side: Side::Is(end, key), part: Part::All });
    Ok(arms.collect())
}

/// A number as caller and as callee.
pub fn both_ends(key: &str) -> Vec<(End, String)> {
    vec![(End::From, key.into()), (End::To, key.into())]
}

fn with_parts(wanted: &Wanted, side: Side) -> Vec<Arm> {
    parts(wanted).iter().map(|part| Arm { side: side.clone(), part: *part }).collect()
}

/// Has this number fewer calls than the budget?
fn is_light(db: &mut Db, (end, key): &(End, String)) -> QueryResult<bool> {
    let of_number = conditions::is(*end, key);
    Ok(positions(db, of_number, Order::Newest, BUDGET - 1, 1)?.is_empty())
}

/// The arms for numbers that begin with one of these texts; `None` where their calls are too many.
pub fn of_prefixes(db: &mut Db, wanted: &Wanted, prefixes: &[String]) -> QueryResult<Option<Vec<Arm>>> {
    let mut arms = Vec::new();
    for prefix in prefixes {
        for end in [End::From, End::To] {
            let in_order = calls::table
                .filter(conditions::begins(end, prefix))
                .offset(BUDGET - 1)
                .limit(1)
                .select(calls::id)
                .into_boxed();
            let in_order = match end {
                End::From => in_order.order(calls::from_key),
                End::To => in_order.order(calls::to_key),
            };
            if in_order.first::<i64>(db).optional()?.is_some() {
                return Ok(None);
            }
            arms.push(Arm { side: Side::Begins(end, prefix.clone()), part: Part::All });
        }
    }
    Ok(Some(if parts(wanted).is_empty() { Vec::new() } else { arms }))
}

/// An arm that has few calls: an order of time would tempt a database to walk through the whole log for them. `None`
/// for the other arms.
pub fn few(arm: &Arm) -> Option<Condition<'_>> {
    match (&arm.side, arm.part) {
        (Side::Begins(end, prefix), _) => Some(conditions::begins(*end, prefix)),
        (_, Part::Live) => {
            Some(Box::new(calls::id.eq_any(live_calls::table.select(live_calls::id)).nullable()))
        }
        _ => None,
    }
}

/// All of such an arm, in no order.
pub fn unordered(db: &mut Db, few: Condition, narrowed: Vec<Condition>) -> QueryResult<Vec<Position>> {
    let mut all = vec![few];
    all.extend(narrowed);
    let found: Vec<(Moment, i64)> =
        calls::table.filter(all_of(all)).limit(BUDGET).select((calls::started_at, calls::id)).load(db)?;
    Ok(found.into_iter().map(|(at, id)| Position(at, id)).collect())
}
