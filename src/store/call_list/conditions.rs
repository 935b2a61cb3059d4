//! What is asked for, as SQL conditions: those that an index serves, and those that look at each row.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};

use super::super::Backend;
use super::super::calls::json;
use super::super::schema::calls;
use super::arms::{Arm, End, Part, Side};
use super::{Order, Position, Stretch, Wanted};
use crate::call::State;

/// One condition on a call.
pub type Condition<'a> = Box<dyn BoxableExpression<calls::table, Backend, SqlType = Nullable<Bool>> + 'a>;

diesel::define_sql_function! {
    /// `text` without each `part`: tells a part from what merely looks like it, unlike LIKE, which in SQLite knows
    /// no letter case and in PostgreSQL does.
    fn replace(text: Text, part: Text, with: Text) -> Text;
}

/// All of them.
pub fn all_of<'a>(conditions: Vec<Condition<'a>>) -> Condition<'a> {
    let all = conditions.into_iter().reduce(|all, one| Box::new(all.and(one)));
    all.unwrap_or_else(|| Box::new(calls::id.is_not_null().nullable()))
}

/// The calls with this number.
pub(super) fn is<'a>(end: End, key: &'a str) -> Condition<'a> {
    match end {
        End::From => Box::new(calls::from_key.eq(key)),
        End::To => Box::new(calls::to_key.eq(key)),
    }
}

/// The same, so written that no database takes an index for it.
fn is_seen<'a>(end: End, key: &'a str) -> Condition<'a> {
    match end {
        End::From => Box::new(calls::from_key.concat("").eq(key)),
        End::To => Box::new(calls::to_key.concat("").eq(key)),
    }
}

/// The calls with a number that begins so.
pub(super) fn begins<'a>(end: End, prefix: &str) -> Condition<'a> {
    let (first, behind) = (prefix.to_owned(), behind(prefix));
    match end {
        End::From => Box::new(calls::from_key.ge(first).and(calls::from_key.lt(behind))),
        End::To => Box::new(calls::to_key.ge(first).and(calls::to_key.lt(behind))),
    }
}

/// The first text behind all that begin with these digits.
fn behind(prefix: &str) -> String {
    let mut chars: Vec<char> = prefix.chars().collect();
    if let Some(last) = chars.last_mut() {
        *last = char::from_u32(u32::from(*last) + 1).unwrap_or(char::MAX);
    }
    chars.into_iter().collect()
}

/// What the arm's index serves.
pub(super) fn served<'a>(wanted: &'a Wanted, arm: &'a Arm, stretch: &Stretch) -> Vec<Condition<'a>> {
    let mut all: Vec<Condition> = between(wanted);
    if let Side::Is(end, key) = &arm.side {
        all.push(is(*end, key));
    }
    match arm.part {
        Part::All | Part::Live => {}
        // bare, as in the index: with a bound value no planner could tell that the index serves it
        Part::Open => all.push(Box::new(calls::open.nullable())),
    }
    match stretch.order {
        Order::Newest => {
            all.extend(stretch.after.map(older));
            all.extend(stretch.horizon.map(not_older));
        }
        Order::Oldest => {
            all.extend(stretch.after.map(newer));
            all.extend(stretch.horizon.map(|Position(at, id)| older(Position(at, id.saturating_add(1)))));
        }
    }
    all
}

/// Everything that is wanted, but for the search: for counting.
pub fn every(wanted: &Wanted) -> Vec<Condition<'_>> {
    let mut all = between(wanted);
    all.extend(wanted.number.as_ref().map(|key| any_of([is(End::From, key), is(End::To, key)])));
    all.extend(wanted.from.as_ref().map(|key| is(End::From, key)));
    all.extend(wanted.to.as_ref().map(|key| is(End::To, key)));
    all.extend(of_the_call(wanted, Part::All));
    all
}

fn any_of<'a>(conditions: impl IntoIterator<Item = Condition<'a>>) -> Condition<'a> {
    let any = conditions.into_iter().reduce(|any, one| Box::new(any.or(one)));
    any.unwrap_or_else(|| Box::new(calls::id.is_null().nullable()))
}

/// Since and until.
pub fn between<'a>(wanted: &Wanted) -> Vec<Condition<'a>> {
    let mut all: Vec<Condition> = Vec::new();
    if let Some(since) = wanted.since {
        all.push(Box::new(calls::started_at.ge(since).nullable()));
    }
    if let Some(until) = wanted.until {
        all.push(Box::new(calls::started_at.lt(until).nullable()));
    }
    all
}

/// That row and all newer ones.
pub(super) fn not_older<'a>(Position(at, id): Position) -> Condition<'a> {
    newer(Position(at, id.saturating_sub(1)))
}

/// As a range of the time, which an index serves, and a word on the rows of that very time.
fn older<'a>(Position(at, id): Position) -> Condition<'a> {
    let same = calls::started_at.lt(at).or(calls::id.lt(id));
    Box::new(calls::started_at.le(at).and(same).nullable())
}

fn newer<'a>(Position(at, id): Position) -> Condition<'a> {
    let same = calls::started_at.gt(at).or(calls::id.gt(id));
    Box::new(calls::started_at.ge(at).and(same).nullable())
}

/// What has to be looked at row by row in such an arm.
pub(super) fn narrowed<'a>(wanted: &'a Wanted, Arm { side, part }: &'a Arm) -> Vec<Condition<'a>> {
    let mut all = of_the_call(wanted, *part);
    if let Side::Among(numbers) = side {
        all.push(any_of(numbers.iter().map(|(end, key)| is_seen(*end, key))));
    }
    let known = |end, key: &String| matches!(side, Side::Is(e, k) if *e == end && k == key);
    if let Some(key) = &wanted.number
        && !known(End::From, key)
        && !known(End::To, key)
    {
        all.push(any_of([is_seen(End::From, key), is_seen(End::To, key)]));
    }
    let from = wanted.from.as_ref().filter(|key| !known(End::From, key));
    let to = wanted.to.as_ref().filter(|key| !known(End::To, key));
    all.extend(from.map(|key| is_seen(End::From, key)));
    all.extend(to.map(|key| is_seen(End::To, key)));
    all
}

/// What is neither time nor number, and not said by the part of the log. (Said twice, PostgreSQL would take the two for
/// independent of each other, expect next to no rows, and sort all that are open.)
fn of_the_call(wanted: &Wanted, part: Part) -> Vec<Condition<'_>> {
    let mut all: Vec<Condition> = Vec::new();
    if let Some(direction) = wanted.direction {
        all.push(Box::new(calls::direction.eq(direction)));
    }
    match wanted.state {
        Some(State::Ended) if part == Part::Open => {}
        Some(State::Ended) => all.push(Box::new(calls::ended_at.is_not_null().nullable())),
        Some(state) => all.push(Box::new(calls::state.eq(state).nullable())),
        None => {}
    }
    if let Some(outcome) = wanted.outcome {
        all.push(Box::new(calls::outcome.eq(outcome)));
    }
    if let Some(done) = wanted.done.filter(|_| part != Part::Open) {
        all.push(Box::new(calls::done.eq(done).nullable()));
    }
    if let Some(internal) = wanted.internal {
        all.push(Box::new(calls::internal.eq(internal).nullable()));
    }
    if let Some(queue) = &wanted.queue {
        all.push(Box::new(calls::queue.eq(queue)));
    }
    if let Some(user) = &wanted.user {
        let rang = replace(calls::users, json(user), "").ne(calls::users).nullable();
        all.push(Box::new(rang.or(calls::answered_by.eq(user))));
    }
    if let Some(cause) = &wanted.cause {
        let ours = calls::cause.eq(cause);
        all.push(Box::new(ours.or(calls::raw_cause.eq(cause))));
    }
    all.extend(of_pbxes(wanted));
    all
}

/// Of the PBXes that are meant and may be seen.
pub(super) fn of_pbxes(wanted: &Wanted) -> Vec<Condition<'_>> {
    let mut all: Vec<Condition> = Vec::new();
    if let Some(pbx) = wanted.pbx {
        all.push(Box::new(calls::pbx_id.eq(pbx).nullable()));
    }
    if let Some(ids) = &wanted.visible {
        all.push(Box::new(calls::pbx_id.eq_any(ids).nullable()));
    }
    all
}
