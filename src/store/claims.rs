//! Which delivery is whose: nodes share them by claims. A claim is a row that is changed only where it is still due, which
//! it then is no more, so two nodes never get the same one, and no lock is held while a receiver is asked. It ends by
//! itself: the deliveries of a node that died are due again.
//!
//! Of the deliveries of one call to one webhook only the oldest that is not done can be claimed; those behind it wait
//! with it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Timestamp};

use super::deliveries::{DeliveryRow, park_all};
use super::schema::{deliveries, webhooks};
use super::webhooks::WebhookRow;
use super::{Backend, Db};
use crate::call::Moment;
use crate::webhooks::DeliveryState;

/// How soon a delivery is looked at again that waits for one before it.
const BEHIND: TimeDelta = TimeDelta::seconds(1);
/// How many are named in one statement, each with what was read of it: SQLite's expressions are 1,000 deep at most.
const TOGETHER: usize = 100;
/// A webhook is left alone for a while from this many failures in a row.
const FAILURES: i32 = 3;

/// Which webhooks: those whose receivers answered well the last time, or all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// They did.
    Proven,
    /// They failed, or were never asked.
    Other,
}

/// A webhook that something is due for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The webhook.
    pub webhook_id: i64,
    /// The call of which it is to be told first.
    pub call: i64,
}

/// The webhooks of that lane that something is due for and that are not left alone, by number.
///
/// # Errors
/// What the database says.
pub fn due(db: &mut Db, lane: Lane, now: Moment) -> QueryResult<Vec<Due>> {
    let first = deliveries::table
        .filter(deliveries::webhook_id.eq(webhooks::id))
        .filter(deliveries::done_at.is_null())
        .filter(deliveries::due_at.le(now))
        .order((deliveries::due_at, deliveries::id))
        .select(deliveries::call)
        .limit(1)
        .single_value();
    let ready = webhooks::table
        .filter(webhooks::enabled)
        .filter(webhooks::resume_at.is_null().or(webhooks::resume_at.le(now)))
        .order(webhooks::id)
        .select((webhooks::id, first));
    let proven = webhooks::failures.eq(0).and(webhooks::succeeded_at.is_not_null());
    let rows: Vec<(i64, Option<i64>)> = match lane {
        Lane::Proven => ready.filter(proven).load(db)?,
        Lane::Other => {
            ready.filter(webhooks::failures.gt(0).or(webhooks::succeeded_at.is_null())).load(db)?
        }
    };
    Ok(rows.into_iter().filter_map(|(webhook_id, call)| Some(Due { webhook_id, call: call? })).collect())
}

/// A delivery that is this node's to send.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// What and to whom.
    pub webhook: WebhookRow,
    /// Its `attempts` counts this one.
    pub delivery: DeliveryRow,
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The delivery.
    pub id: i64,
    /// Its webhook.
    pub webhook_id: i64,
    /// The webhook's URL that was asked: it may have another by now.
    pub url: String,
    /// Its call.
    pub call: i64,
    /// Which attempt it was: none that was claimed anew meanwhile is settled.
    pub number: i32,
    /// How the receiver fared until then.
    pub failures: i32,
    /// Since when it failed.
    pub failing_since: Option<Moment>,
    /// What follows.
    pub verdict: Verdict,
    /// The HTTP status, where there was an answer.
    pub status: Option<i32>,
    /// How long it took.
    pub took_ms: i64,
    /// The beginning of the answer.
    pub answer: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Done.
    Delivered,
    /// To be tried again then; the receiver is left alone until the other time if it failed often.
    Again(Moment, Moment),
    /// Given up.
    Parked,
    /// The receiver wants no more of it: the webhook is to be disabled.
    Gone,
}

/// What is read of a delivery of which a claim may be made.
#[derive(Debug, Clone, Copy, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
struct Open {
    id: i64,
    webhook_id: i64,
    call: i64,
    due_at: Moment,
}

/// What is due: deliveries that can be claimed, and those that wait behind others, by the time until which they do.
#[derive(Debug, Default)]
struct Found {
    heads: Vec<i64>,
    behind: BTreeMap<Moment, Vec<Open>>,
}

/// Claims for each of these webhooks at most so many deliveries until `until`, and takes down what came of those
/// before. Answers the claimed, and whether there may be more at once.
///
/// # Errors
/// What the database says; then nothing changed.
pub fn claim(
    db: &mut Db,
    wanted: &[(Due, i64)],
    settled: &[Attempt],
    now: Moment,
    until: Moment,
) -> QueryResult<(Vec<Claimed>, bool)> {
    let mut found = Found::default();
    let one_each: Vec<Due> = wanted.iter().filter(|(_, most)| *most == 1).map(|(due, _)| *due).collect();
    first_of_each(db, &one_each, now, &mut found)?;
    for (due, most) in wanted.iter().filter(|(_, most)| *most > 1) {
        some_of(db, due.webhook_id, *most, now, &mut found)?;
    }
    let Found { heads, behind } = found;
    if heads.is_empty() && behind.is_empty() && settled.is_empty() {
        return Ok((Vec::new(), false));
    }
    let mine = db.transaction(|db| {
        let mine = make_mine(db, &heads, now, until)?;
        for (due_at, waiting) in &behind {
            wait_until(db, *due_at, waiting)?;
        }
        settle(db, settled, now)?;
        Ok::<_, diesel::result::Error>(mine)
    })?;
    Ok((load(db, &mine)?, true))
}

diesel::define_sql_function! {
    /// `known`, or else `otherwise`.
    fn coalesce(known: Nullable<Timestamp>, otherwise: Nullable<Timestamp>) -> Nullable<Timestamp>;
}

/// Claims those that are still due, whoever looked at them meanwhile. Answers which.
fn make_mine(db: &mut Db, heads: &[i64], now: Moment, until: Moment) -> QueryResult<Vec<i64>> {
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let still_due = deliveries::table
        .filter(deliveries::id.eq_any(heads))
        .filter(deliveries::due_at.le(now).and(deliveries::done_at.is_null()));
    diesel::update(still_due)
        .set((
            deliveries::state.eq(DeliveryState::Sending),
            deliveries::attempts.eq(deliveries::attempts + 1),
            deliveries::due_at.eq(until),
            deliveries::first_tried_at.eq(coalesce(deliveries::first_tried_at, Some(now))),
        ))
        .returning(deliveries::id)
        .get_results(db)
}

type Condition = Box<dyn BoxableExpression<deliveries::table, Backend, SqlType = Bool>>;

/// They wait for those before them, unless those were done meanwhile, which made them due anew.
fn wait_until(db: &mut Db, due_at: Moment, waiting: &[Open]) -> QueryResult<()> {
    for some in waiting.chunks(TOGETHER) {
        let as_read = some.iter().map(|it| -> Condition {
            Box::new(deliveries::id.eq(it.id).and(deliveries::due_at.eq(it.due_at)))
        });
        let Some(as_read) = as_read.reduce(|one, other| Box::new(one.or(other))) else { continue };
        diesel::update(deliveries::table.filter(as_read).filter(deliveries::done_at.is_null()))
            .set(deliveries::due_at.eq(due_at))
            .execute(db)?;
    }
    Ok(())
}

/// Looks at the first call of each of these webhooks.
fn first_of_each(db: &mut Db, due: &[Due], now: Moment, found: &mut Found) -> QueryResult<()> {
    if due.is_empty() {
        return Ok(());
    }
    let rows: Vec<Open> = deliveries::table
        .filter(deliveries::done_at.is_null())
        .filter(deliveries::webhook_id.eq_any(due.iter().map(|due| due.webhook_id)))
        .filter(deliveries::call.eq_any(due.iter().map(|due| due.call)))
        .order((deliveries::webhook_id, deliveries::call, deliveries::id))
        .select(Open::as_select())
        .load(db)?;
    let asked = |row: &&Open| due.contains(&Due { webhook_id: row.webhook_id, call: row.call });
    found.sort_out(&rows.iter().filter(asked).copied().collect::<Vec<_>>(), now);
    Ok(())
}

/// Looks at the calls of one webhook whose deliveries have been due the longest.
fn some_of(db: &mut Db, webhook_id: i64, most: i64, now: Moment, found: &mut Found) -> QueryResult<()> {
    let open = || {
        deliveries::table.filter(deliveries::webhook_id.eq(webhook_id)).filter(deliveries::done_at.is_null())
    };
    let calls: Vec<i64> = open()
        .filter(deliveries::due_at.le(now))
        .order((deliveries::due_at, deliveries::id))
        .limit(most)
        .select(deliveries::call)
        .load(db)?;
    let rows: Vec<Open> = open()
        .filter(deliveries::call.eq_any(calls))
        .order((deliveries::call, deliveries::id))
        .select(Open::as_select())
        .load(db)?;
    found.sort_out(&rows, now);
    Ok(())
}

impl Found {
    /// Takes in whole calls: of each the first is the head, the others wait behind it. `rows` are in that order.
    fn sort_out(&mut self, rows: &[Open], now: Moment) {
        for of_call in rows.chunk_by(|one, next| (one.webhook_id, one.call) == (next.webhook_id, next.call)) {
            let Some((head, others)) = of_call.split_first() else { continue };
            self.heads.extend((head.due_at <= now).then_some(head.id));
            let later = head.due_at.max(now + BEHIND);
            for waits in others.iter().filter(|it| it.due_at <= now) {
                self.behind.entry(later).or_default().push(*waits);
            }
        }
    }
}

fn load(db: &mut Db, ids: &[i64]) -> QueryResult<Vec<Claimed>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<DeliveryRow> =
        deliveries::table.filter(deliveries::id.eq_any(ids)).select(DeliveryRow::as_select()).load(db)?;
    let hooks: Vec<i64> = rows.iter().map(|row| row.webhook_id).collect();
    let hooks: Vec<WebhookRow> =
        webhooks::table.filter(webhooks::id.eq_any(hooks)).select(WebhookRow::as_select()).load(db)?;
    let claimed = rows.into_iter().filter_map(|delivery| {
        let webhook = hooks.iter().find(|hook| hook.id == delivery.webhook_id)?.clone();
        Some(Claimed { webhook, delivery })
    });
    Ok(claimed.collect())
}

/// Takes down what came of attempts: of those that were delivered together, since they are many.
///
/// # Errors
/// What the database says.
pub fn settle(db: &mut Db, attempts: &[Attempt], now: Moment) -> QueryResult<()> {
    let mut delivered: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut failed = Vec::new();
    for attempt in attempts {
        let attempt = at_present(db, attempt, now)?;
        if !was_ours(db, &attempt, now)? {
            continue;
        }
        match attempt.verdict {
            Verdict::Delivered => delivered.entry(attempt.webhook_id).or_default().push(attempt.call),
            Verdict::Again(..) | Verdict::Parked | Verdict::Gone => failed.push(attempt),
        }
    }
    for (webhook_id, calls) in &delivered {
        next_is_due(db, *webhook_id, calls, now)?;
        fares_well(db, *webhook_id, now)?;
    }
    for attempt in failed {
        next_is_due(db, attempt.webhook_id, &[attempt.call], attempt.outcome(now).1)?;
        fares_badly(db, &attempt, now)?;
    }
    Ok(())
}

/// The same; where the webhook has another URL by now, that one is not gone: it is asked.
fn at_present<'a>(db: &mut Db, attempt: &'a Attempt, now: Moment) -> QueryResult<Cow<'a, Attempt>> {
    if attempt.verdict == Verdict::Gone && asked(attempt).count().get_result::<i64>(db)? == 0 {
        return Ok(Cow::Owned(Attempt { verdict: Verdict::Again(now, now), ..attempt.clone() }));
    }
    Ok(Cow::Borrowed(attempt))
}

/// Its webhook, where it still has the URL that was asked.
#[diesel::dsl::auto_type(no_type_alias)]
fn asked<'a>(attempt: &'a Attempt) -> _ {
    let (id, url): (i64, &'a str) = (attempt.webhook_id, &attempt.url);
    webhooks::table.filter(webhooks::id.eq(id)).filter(webhooks::url.eq(url))
}

impl Attempt {
    /// How the delivery stands after it, when it is due, and when it was done.
    fn outcome(&self, now: Moment) -> (DeliveryState, Moment, Option<Moment>) {
        match self.verdict {
            Verdict::Delivered => (DeliveryState::Delivered, now, Some(now)),
            Verdict::Parked | Verdict::Gone => (DeliveryState::Parked, now, Some(now)),
            Verdict::Again(at, _) => (DeliveryState::Waiting, at, None),
        }
    }
}

/// Takes it down, unless it was claimed by somebody else meanwhile: then it is theirs.
fn was_ours(db: &mut Db, attempt: &Attempt, now: Moment) -> QueryResult<bool> {
    let (state, due_at, done_at) = attempt.outcome(now);
    let own = deliveries::table
        .filter(deliveries::id.eq(attempt.id).and(deliveries::attempts.eq(attempt.number)))
        .filter(deliveries::state.eq(DeliveryState::Sending));
    let settled = diesel::update(own)
        .set((
            deliveries::state.eq(state),
            deliveries::due_at.eq(due_at),
            deliveries::done_at.eq(done_at),
            deliveries::status.eq(attempt.status),
            deliveries::took_ms.eq(Some(attempt.took_ms)),
            deliveries::answer.eq(&attempt.answer),
            deliveries::error.eq(&attempt.error),
        ))
        .execute(db)?;
    Ok(settled == 1)
}

/// What waits behind the first of these calls is due at `due_at`.
fn next_is_due(db: &mut Db, webhook_id: i64, calls: &[i64], due_at: Moment) -> QueryResult<usize> {
    let behind = deliveries::table
        .filter(deliveries::webhook_id.eq(webhook_id).and(deliveries::call.eq_any(calls)))
        .filter(deliveries::done_at.is_null().and(deliveries::state.eq(DeliveryState::Waiting)));
    diesel::update(behind).set(deliveries::due_at.eq(due_at)).execute(db)
}

/// Its receiver took what it was sent.
fn fares_well(db: &mut Db, webhook_id: i64, now: Moment) -> QueryResult<usize> {
    let is_news = webhooks::failures.gt(0).or(webhooks::succeeded_at.is_null());
    diesel::update(webhooks::table.filter(webhooks::id.eq(webhook_id)).filter(is_news))
        .set((
            webhooks::failures.eq(0),
            webhooks::failing_since.eq(None::<Moment>),
            webhooks::resume_at.eq(None::<Moment>),
            webhooks::succeeded_at.eq(Some(now)),
        ))
        .execute(db)
}

fn fares_badly(db: &mut Db, attempt: &Attempt, now: Moment) -> QueryResult<()> {
    let hook = asked(attempt);
    if attempt.verdict == Verdict::Gone {
        let why = "the receiver answered 410: gone";
        diesel::update(hook)
            .set((webhooks::enabled.eq(false), webhooks::disabled_why.eq(Some(why))))
            .execute(db)?;
        park_all(db, attempt.webhook_id, why, now)?;
        return Ok(());
    }
    let failures = attempt.failures + 1;
    let resume_at = match attempt.verdict {
        Verdict::Again(_, at) if failures >= FAILURES => Some(at),
        _ => None,
    };
    diesel::update(hook)
        .set((
            webhooks::failures.eq(failures),
            webhooks::failing_since.eq(Some(attempt.failing_since.unwrap_or(now))),
            webhooks::resume_at.eq(resume_at),
        ))
        .execute(db)?;
    Ok(())
}
