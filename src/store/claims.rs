//! Which delivery is whose: nodes share them by claims. A claim is a row that is changed only where it is still as it
//! was read, so two nodes never get the same one, and no lock is held while a receiver is asked. It ends by itself: the
//! deliveries of a node that died are due again.
//!
//! Of the deliveries of one call to one webhook only the oldest that is not done can be claimed; those behind it wait
//! with it.

use chrono::TimeDelta;
use diesel::dsl::exists;
use diesel::prelude::*;

use super::Db;
use super::deliveries::{DeliveryRow, park_all};
use super::schema::{deliveries, webhooks};
use super::webhooks::WebhookRow;
use crate::call::Moment;
use crate::webhooks::DeliveryState;

/// How soon a delivery is looked at again that waits for one before it.
const BEHIND: TimeDelta = TimeDelta::seconds(1);
/// A webhook is left alone for a while from this many failures in a row.
const FAILURES: i32 = 3;

/// A webhook that something is due for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The webhook.
    pub webhook_id: i64,
    /// Its receiver answered well the last time.
    pub proven: bool,
}

/// The webhooks that something is due for and that are not left alone, by number.
///
/// # Errors
/// What the database says.
pub fn due(db: &mut Db, now: Moment) -> QueryResult<Vec<Due>> {
    let something = deliveries::table
        .filter(deliveries::webhook_id.eq(webhooks::id))
        .filter(deliveries::done_at.is_null())
        .filter(deliveries::due_at.le(now));
    let rows: Vec<(i64, i32, Option<Moment>)> = webhooks::table
        .filter(webhooks::enabled)
        .filter(webhooks::resume_at.is_null().or(webhooks::resume_at.le(now)))
        .filter(exists(something))
        .order(webhooks::id)
        .select((webhooks::id, webhooks::failures, webhooks::succeeded_at))
        .load(db)?;
    let due = |(webhook_id, failures, succeeded_at): (i64, i32, Option<Moment>)| Due {
        webhook_id,
        proven: failures == 0 && succeeded_at.is_some(),
    };
    Ok(rows.into_iter().map(due).collect())
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
    /// Its call.
    pub call: i64,
    /// Which attempt it was: none that was claimed anew meanwhile is settled.
    pub number: i32,
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

/// A read row of which a claim may be made.
type Open = (i64, i64, Moment, i32, Option<Moment>);

/// Claims for each of these webhooks at most so many deliveries until `until`, and takes down what came of those
/// before. Answers the claimed, and whether there may be more at once.
///
/// # Errors
/// What the database says; then nothing changed.
pub fn claim(
    db: &mut Db,
    wanted: &[(i64, i64)],
    settled: &[Attempt],
    now: Moment,
    until: Moment,
) -> QueryResult<(Vec<Claimed>, bool)> {
    let mut heads: Vec<Open> = Vec::new();
    let mut behind: Vec<(i64, Moment)> = Vec::new();
    for (webhook_id, most) in wanted {
        look(db, *webhook_id, *most, now, &mut heads, &mut behind)?;
    }
    if heads.is_empty() && behind.is_empty() && settled.is_empty() {
        return Ok((Vec::new(), false));
    }
    let mine = db.transaction(|db| {
        let mut mine = Vec::with_capacity(heads.len());
        for (id, _, due_at, attempts, first) in &heads {
            let as_read = deliveries::table
                .filter(deliveries::id.eq(*id).and(deliveries::attempts.eq(*attempts)))
                .filter(deliveries::due_at.eq(*due_at).and(deliveries::done_at.is_null()));
            let claimed = diesel::update(as_read)
                .set((
                    deliveries::state.eq(DeliveryState::Sending),
                    deliveries::attempts.eq(attempts + 1),
                    deliveries::due_at.eq(until),
                    deliveries::first_tried_at.eq(Some(first.unwrap_or(now))),
                ))
                .execute(db)?;
            mine.extend((claimed == 1).then_some(*id));
        }
        for (id, due_at) in &behind {
            let waiting =
                deliveries::table.filter(deliveries::id.eq(*id)).filter(deliveries::done_at.is_null());
            diesel::update(waiting.filter(deliveries::state.eq(DeliveryState::Waiting)))
                .set(deliveries::due_at.eq(*due_at))
                .execute(db)?;
        }
        settle(db, settled, now)?;
        Ok::<_, diesel::result::Error>(mine)
    })?;
    Ok((load(db, &mine)?, true))
}

/// Finds what is due of one webhook: heads of their call's deliveries, and those that wait behind one.
fn look(
    db: &mut Db,
    webhook_id: i64,
    most: i64,
    now: Moment,
    heads: &mut Vec<Open>,
    behind: &mut Vec<(i64, Moment)>,
) -> QueryResult<()> {
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
        .select((
            deliveries::id,
            deliveries::call,
            deliveries::due_at,
            deliveries::attempts,
            deliveries::first_tried_at,
        ))
        .load(db)?;
    for of_call in rows.chunk_by(|one, next| one.1 == next.1) {
        let Some((head, others)) = of_call.split_first() else { continue };
        if head.2 <= now {
            heads.push(*head);
        }
        let later = head.2.max(now + BEHIND);
        behind.extend(others.iter().filter(|other| other.2 <= now).map(|other| (other.0, later)));
    }
    Ok(())
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

/// Takes down what came of attempts.
///
/// # Errors
/// What the database says.
pub fn settle(db: &mut Db, attempts: &[Attempt], now: Moment) -> QueryResult<()> {
    attempts.iter().try_for_each(|attempt| settle_one(db, attempt, now))
}

/// One that was claimed by somebody else meanwhile is theirs.
fn settle_one(db: &mut Db, attempt: &Attempt, now: Moment) -> QueryResult<()> {
    let (state, due_at, done_at) = match attempt.verdict {
        Verdict::Delivered => (DeliveryState::Delivered, now, Some(now)),
        Verdict::Parked | Verdict::Gone => (DeliveryState::Parked, now, Some(now)),
        Verdict::Again(at, _) => (DeliveryState::Waiting, at, None),
    };
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
    if settled == 0 {
        return Ok(());
    }
    let behind = deliveries::table
        .filter(deliveries::webhook_id.eq(attempt.webhook_id).and(deliveries::call.eq(attempt.call)))
        .filter(deliveries::done_at.is_null().and(deliveries::id.ne(attempt.id)))
        .filter(deliveries::state.eq(DeliveryState::Waiting));
    diesel::update(behind).set(deliveries::due_at.eq(due_at)).execute(db)?;
    remember(db, attempt, now)
}

/// How the receiver fares.
fn remember(db: &mut Db, attempt: &Attempt, now: Moment) -> QueryResult<()> {
    let hook = webhooks::table.filter(webhooks::id.eq(attempt.webhook_id));
    match attempt.verdict {
        Verdict::Delivered => {
            let news = webhooks::failures.gt(0).or(webhooks::succeeded_at.is_null());
            diesel::update(hook.filter(news))
                .set((
                    webhooks::failures.eq(0),
                    webhooks::failing_since.eq(None::<Moment>),
                    webhooks::resume_at.eq(None::<Moment>),
                    webhooks::succeeded_at.eq(Some(now)),
                ))
                .execute(db)?;
        }
        Verdict::Gone => {
            let why = "the receiver answered 410: gone";
            diesel::update(hook)
                .set((webhooks::enabled.eq(false), webhooks::disabled_why.eq(Some(why))))
                .execute(db)?;
            park_all(db, attempt.webhook_id, why, now)?;
        }
        Verdict::Parked | Verdict::Again(..) => {
            diesel::update(hook).set(webhooks::failures.eq(webhooks::failures + 1)).execute(db)?;
            diesel::update(hook.filter(webhooks::failing_since.is_null()))
                .set(webhooks::failing_since.eq(Some(now)))
                .execute(db)?;
            if let Verdict::Again(_, resume_at) = attempt.verdict {
                diesel::update(hook.filter(webhooks::failures.ge(FAILURES)))
                    .set(webhooks::resume_at.eq(Some(resume_at)))
                    .execute(db)?;
            }
        }
    }
    Ok(())
}
