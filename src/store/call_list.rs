//! The caller log as a list: every filter, paged by key, and bounded however long the log is.
//!
//! A page is merged from the first rows of a few `arms`, each of which an index serves in the order of time. What no
//! index knows (outcome, queue, ...) is looked at row by row, few rows first, at most `BUDGET` to a page: such a page may
//! be short and still have a next one. What is searched as text is described at `search`.

mod arms;
mod conditions;
mod holds;
mod search;

use std::cmp::Reverse;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::Db;
use super::calls as rows;
use super::schema::calls;
use crate::call::{Call, Direction, Moment, Outcome, State};
use crate::words::words;
use arms::Arm;
pub(super) use conditions::Condition;
use conditions::narrowed;
pub(super) use conditions::{all_of, every};
pub use search::Search;

/// The most rows that are looked at for one page where no index knows what is asked for.
const BUDGET: i64 = 20_000;

words! {
    /// Which calls come first.
    Order { Newest = "newest", Oldest = "oldest" }
}

/// Which calls are asked for; each condition narrows. Numbers are keys (`number::Number::key`).
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "each is documented where it is asked for, at `api::call_filter::CallFilter`"
)]
pub struct Wanted {
    pub search: Option<Search>,
    pub number: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub direction: Option<Direction>,
    pub state: Option<State>,
    pub outcome: Option<Outcome>,
    pub done: Option<bool>,
    pub internal: Option<bool>,
    pub queue: Option<String>,
    pub user: Option<String>,
    pub cause: Option<String>,
    pub pbx: Option<i64>,
    /// The only PBXes that the reader may see; `None` for all.
    pub visible: Option<Vec<i64>>,
    pub since: Option<Moment>,
    pub until: Option<Moment>,
}

impl Wanted {
    /// Between since and until?
    fn spans(&self, at: Moment) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// Where a call stands in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position(pub Moment, pub i64);

/// One page.
#[derive(Debug)]
pub struct Found {
    /// In the order asked for.
    pub calls: Vec<Call>,
    /// After which the next page begins; `None` on the last.
    pub next: Option<Position>,
    /// Older calls were not searched for the text; `None` where all were.
    pub searched_back_to: Option<Moment>,
}

/// At most `limit` calls, those after `after` in the order asked for.
///
/// # Errors
/// What the database says.
pub fn page(
    db: &mut Db,
    wanted: &Wanted,
    order: Order,
    after: Option<Position>,
    limit: i64,
) -> QueryResult<Found> {
    let plan = search::plan(db, wanted)?;
    let in_window = match &plan.window {
        Some(window) => search::within(db, wanted, window)?,
        None => Vec::new(),
    };
    let mut stretch = Stretch { order, after, horizon: None };
    let mut found = Vec::new();
    for budget in budgets(limit) {
        stretch.horizon = horizon(db, wanted, &plan.arms, (order, after), budget)?;
        found = in_window.iter().copied().filter(|at| stretch.holds(*at)).collect();
        for arm in &plan.arms {
            found.extend(first_of(db, wanted, arm, &stretch, limit + 1)?);
        }
        if found.len() as i64 > limit || stretch.horizon.is_none() {
            break;
        }
    }
    match order {
        Order::Newest => found.sort_unstable_by_key(|at| Reverse(*at)),
        Order::Oldest => found.sort_unstable(),
    }
    found.dedup();
    let more = found.len() as i64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or_default());
    let next = if more { found.last().copied() } else { stretch.horizon };
    let searched_back_to = plan.window.and_then(|window| window.back_to).map(|at| at.0);
    Ok(Found { calls: in_order(db, &found)?, next, searched_back_to })
}

/// How many rows are looked at for a page: a few, and more where these were too few.
fn budgets(limit: i64) -> [i64; 3] {
    [10 * limit, 60 * limit, BUDGET].map(|budget| budget.min(BUDGET))
}

/// The part of the log that one page is of.
struct Stretch {
    order: Order,
    after: Option<Position>,
    /// The last row that is looked at; `None` for the end of the log.
    horizon: Option<Position>,
}

impl Stretch {
    fn holds(&self, at: Position) -> bool {
        let (after, horizon) = (self.after, self.horizon);
        match self.order {
            Order::Newest => after.is_none_or(|p| at < p) && horizon.is_none_or(|p| at >= p),
            Order::Oldest => after.is_none_or(|p| at > p) && horizon.is_none_or(|p| at <= p),
        }
    }
}

/// Where the budget of rows to look at ends; `None` where the indexes alone know the answer, or the log is short.
fn horizon(
    db: &mut Db,
    wanted: &Wanted,
    arms: &[Arm],
    (order, after): (Order, Option<Position>),
    budget: i64,
) -> QueryResult<Option<Position>> {
    let whole = Stretch { order, after, horizon: None };
    let mut ends = Vec::new();
    for arm in arms.iter().filter(|arm| !narrowed(wanted, arm).is_empty()) {
        if arms::few(arm).is_some() {
            continue;
        }
        let condition = all_of(conditions::served(wanted, arm, &whole));
        ends.extend(positions(db, condition, order, budget - 1, 1)?);
    }
    Ok(match order {
        Order::Newest => ends.into_iter().max(),
        Order::Oldest => ends.into_iter().min(),
    })
}

fn first_of(
    db: &mut Db,
    wanted: &Wanted,
    arm: &Arm,
    stretch: &Stretch,
    limit: i64,
) -> QueryResult<Vec<Position>> {
    let narrowed = narrowed(wanted, arm);
    if let Some(few) = arms::few(arm) {
        let all = arms::unordered(db, few, narrowed)?;
        let meant = |at: &Position| stretch.holds(*at) && wanted.spans(at.0);
        return Ok(all.into_iter().filter(meant).collect());
    }
    let mut conditions = conditions::served(wanted, arm, stretch);
    conditions.extend(narrowed);
    positions(db, all_of(conditions), stretch.order, 0, limit)
}

fn positions(
    db: &mut Db,
    condition: Condition,
    order: Order,
    skip: i64,
    limit: i64,
) -> QueryResult<Vec<Position>> {
    let query = calls::table
        .filter(condition)
        .select((calls::started_at, calls::id))
        .limit(limit)
        .offset(skip)
        .into_boxed();
    let query = match order {
        Order::Newest => query.order((calls::started_at.desc(), calls::id.desc())),
        Order::Oldest => query.order((calls::started_at, calls::id)),
    };
    let found: Vec<(Moment, i64)> = query.load(db)?;
    Ok(found.into_iter().map(|(at, id)| Position(at, id)).collect())
}

/// The rows themselves. One that is gone meanwhile is left out.
fn in_order(db: &mut Db, found: &[Position]) -> QueryResult<Vec<Call>> {
    let ids: Vec<i64> = found.iter().map(|at| at.1).collect();
    let place = |call: &Call| ids.iter().position(|id| *id == call.id);
    let mut calls = if ids.is_empty() { Vec::new() } else { rows::by_ids(db, &ids)? };
    calls.sort_by_cached_key(place);
    Ok(calls)
}
