//! Deliveries as rows: what came of them, and asking for them again.

use diesel::dsl::{And, Eq, Lt, Or, exists, min};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::schema::{calls, deliveries, webhooks};
use super::webhooks::WebhookRow;
use super::{Backend, Db};
use crate::call::Moment;
use crate::webhooks::{DeliveryState, EventKind};

/// A delivery as the table holds it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub struct DeliveryRow {
    /// Its number.
    pub id: i64,
    /// Of this webhook.
    pub webhook_id: i64,
    /// The row of the call that it is about.
    pub call: i64,
    /// The change of that call that it tells of.
    pub change: i64,
    /// What happened.
    pub kind: EventKind,
    /// The call as it was at that change: JSON.
    pub snapshot: String,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was tried since it was last asked for.
    pub attempts: i32,
    /// When it is to be sent; of one on its way, when another node may take it over.
    pub due_at: Moment,
    /// When the event was committed.
    pub created_at: Moment,
    /// When it was first tried since it was last asked for.
    pub first_tried_at: Option<Moment>,
    /// When it was delivered or parked.
    pub done_at: Option<Moment>,
    /// The HTTP status of the last answer.
    pub status: Option<i32>,
    /// How long the last attempt took.
    pub took_ms: Option<i64>,
    /// The beginning of the last answer.
    pub answer: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// What others were told of a call, oldest first, with the address; of the webhooks of these PBXes alone, where given.
///
/// # Errors
/// What the database says.
pub fn of_call(db: &mut Db, call: i64, pbxes: Option<&[i64]>) -> QueryResult<Vec<(DeliveryRow, String)>> {
    let mut query = deliveries::table
        .inner_join(webhooks::table.on(webhooks::id.eq(deliveries::webhook_id)))
        .filter(deliveries::call.eq(call))
        .order(deliveries::id)
        .limit(100)
        .select((DeliveryRow::as_select(), webhooks::url))
        .into_boxed();
    if let Some(pbxes) = pbxes {
        query = query.filter(webhooks::pbx_id.eq_any(pbxes));
    }
    query.load(db)
}

type Condition = Box<dyn BoxableExpression<deliveries::table, Backend, SqlType = Bool>>;

/// Those of a webhook, but for what it was told of another PBX before it was limited to this one: whoever may see it now
/// may not see that.
fn own(webhook: &WebhookRow) -> Condition {
    let its = deliveries::webhook_id.eq(webhook.id);
    let Some(pbx_id) = webhook.pbx_id else { return Box::new(its) };
    let call = calls::table.filter(calls::id.eq(deliveries::call)).filter(calls::pbx_id.eq(pbx_id));
    Box::new(its.and(exists(call)))
}

/// Those of a webhook before `before`, newest first.
///
/// # Errors
/// What the database says.
pub fn page(
    db: &mut Db,
    webhook: &WebhookRow,
    state: Option<DeliveryState>,
    before: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<DeliveryRow>> {
    let mut query = deliveries::table
        .filter(own(webhook))
        .order(deliveries::id.desc())
        .limit(limit)
        .select(DeliveryRow::as_select())
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(deliveries::id.lt(before));
    }
    if let Some(state) = state {
        query = query.filter(deliveries::state.eq(state));
    }
    query.load(db)
}

/// Makes all due that wait, and lets no webhook rest.
///
/// # Errors
/// What the database says.
pub fn bring_forward(db: &mut Db, now: Moment) -> QueryResult<()> {
    let waiting = deliveries::done_at.is_null().and(deliveries::due_at.gt(now));
    diesel::update(deliveries::table.filter(waiting)).set(deliveries::due_at.eq(now)).execute(db)?;
    diesel::update(webhooks::table.filter(webhooks::resume_at.gt(now)))
        .set(webhooks::resume_at.eq(None::<Moment>))
        .execute(db)
        .map(drop)
}

/// Makes due what waits for later than can be: the clock was set back while nobody looked. `waiting` and `sending`:
/// the latest that can be. How many.
///
/// # Errors
/// What the database says.
pub fn bring_back(db: &mut Db, waiting: Moment, sending: Moment, now: Moment) -> QueryResult<usize> {
    let (waits, goes) = (DeliveryState::Waiting, DeliveryState::Sending);
    let too_late = deliveries::state.eq(waits).and(deliveries::due_at.gt(waiting));
    let too_late = too_late.or(deliveries::state.eq(goes).and(deliveries::due_at.gt(sending)));
    diesel::update(webhooks::table.filter(webhooks::resume_at.gt(waiting)))
        .set(webhooks::resume_at.eq(None::<Moment>))
        .execute(db)?;
    diesel::update(deliveries::table.filter(deliveries::done_at.is_null()).filter(too_late))
        .set(deliveries::due_at.eq(now))
        .execute(db)
}

/// Which deliveries of a webhook shall be sent again.
#[derive(Debug, Clone)]
pub enum Again {
    /// These, whatever came of them.
    These(Vec<i64>),
    /// All that were given up.
    Parked,
}

/// Has them sent again, as if they were new, and the webhook asked at once. How many; one that is on its way stays so.
///
/// # Errors
/// What the database says.
pub fn redeliver(db: &mut Db, webhook: &WebhookRow, again: &Again, now: Moment) -> QueryResult<usize> {
    diesel::update(webhooks::table.find(webhook.id))
        .set(webhooks::resume_at.eq(None::<Moment>))
        .execute(db)?;
    let fresh = (
        deliveries::state.eq(DeliveryState::Waiting),
        deliveries::attempts.eq(0), // from which the next pause follows; none of these is on its way
        deliveries::due_at.eq(now),
        deliveries::first_tried_at.eq(None::<Moment>),
        deliveries::done_at.eq(None::<Moment>),
    );
    let own = own(webhook);
    match again {
        Again::Parked => diesel::update(
            deliveries::table
                .filter(own)
                .filter(deliveries::done_at.is_not_null())
                .filter(deliveries::state.eq(DeliveryState::Parked)),
        )
        .set(fresh)
        .execute(db),
        Again::These(ids) => diesel::update(
            deliveries::table
                .filter(own)
                .filter(deliveries::id.eq_any(ids))
                .filter(deliveries::state.ne(DeliveryState::Sending)),
        )
        .set(fresh)
        .execute(db),
    }
}

/// Gives up all that a webhook was still to be told.
///
/// # Errors
/// What the database says.
pub fn park_all(db: &mut Db, webhook_id: i64, why: &str, now: Moment) -> QueryResult<usize> {
    let open = deliveries::table
        .filter(deliveries::webhook_id.eq(webhook_id))
        .filter(deliveries::done_at.is_null())
        .filter(unclaimed(now));
    diesel::update(open)
        .set((
            deliveries::state.eq(DeliveryState::Parked),
            deliveries::done_at.eq(Some(now)),
            deliveries::error.eq(Some(why)),
        ))
        .execute(db)
}

/// Nobody is at it: it waits, or the server that sent it is gone.
fn unclaimed(now: Moment) -> Or<Is, And<Is, Lt<deliveries::due_at, Moment>>> {
    let lapsed = deliveries::state.eq(DeliveryState::Sending).and(deliveries::due_at.lt(now));
    deliveries::state.eq(DeliveryState::Waiting).or(lapsed)
}

type Is = Eq<deliveries::state, DeliveryState>;

/// Gives up what is still to be told by webhooks that are disabled, or whose receivers failed since before `since`.
///
/// # Errors
/// What the database says.
pub fn park_of_dead(db: &mut Db, since: Moment, now: Moment) -> QueryResult<usize> {
    let dead: Vec<(i64, bool)> = webhooks::table
        .filter(webhooks::failing_since.lt(since).or(webhooks::enabled.eq(false)))
        .select((webhooks::id, webhooks::enabled))
        .load(db)?;
    let mut parked = 0;
    for (webhook, enabled) in dead {
        let created_before = if enabled { since } else { now };
        let open = deliveries::table
            .filter(deliveries::webhook_id.eq(webhook).and(deliveries::created_at.lt(created_before)))
            .filter(deliveries::done_at.is_null())
            .filter(unclaimed(now));
        parked += diesel::update(open)
            .set((deliveries::state.eq(DeliveryState::Parked), deliveries::done_at.eq(Some(now))))
            .execute(db)?;
    }
    Ok(parked)
}

/// Deletes at most `limit` of those that were delivered or parked before, and what deleted webhooks left behind. How
/// many.
///
/// # Errors
/// What the database says.
pub fn forget(
    db: &mut Db,
    delivered_before: Moment,
    parked_before: Moment,
    limit: i64,
) -> QueryResult<usize> {
    let old = deliveries::table
        .filter(deliveries::done_at.lt(delivered_before))
        .filter(deliveries::state.eq(DeliveryState::Delivered).or(deliveries::done_at.lt(parked_before)));
    let mut ids: Vec<i64> = old.limit(limit).select(deliveries::id).load(db)?;
    let orphans = deliveries::table
        .filter(deliveries::done_at.is_null())
        .filter(diesel::dsl::not(deliveries::webhook_id.eq_any(webhooks::table.select(webhooks::id))));
    ids.extend(orphans.limit(limit).select(deliveries::id).load::<i64>(db)?);
    diesel::delete(deliveries::table.filter(deliveries::id.eq_any(ids))).execute(db)
}

/// Deletes all of webhooks that are no more: some at a time, each with a transaction of its own, since on SQLite
/// events wait for it.
///
/// # Errors
/// What the database says. What is left goes with what is old (`forget`).
pub fn forget_all(db: &mut Db, webhooks: &[i64]) -> QueryResult<()> {
    const AT_ONCE: i64 = 500;
    loop {
        let theirs = deliveries::table.filter(deliveries::webhook_id.eq_any(webhooks));
        let some: Vec<i64> = theirs.limit(AT_ONCE).select(deliveries::id).load(db)?;
        if some.is_empty() {
            return Ok(());
        }
        diesel::delete(deliveries::table.filter(deliveries::id.eq_any(some))).execute(db)?;
    }
}

/// When the oldest delivery of an enabled webhook was due that is not done; `None` where there is none.
///
/// # Errors
/// What the database says.
pub fn oldest_due(db: &mut Db) -> QueryResult<Option<Moment>> {
    let enabled = webhooks::table.filter(webhooks::enabled).select(webhooks::id);
    deliveries::table
        .filter(deliveries::done_at.is_null())
        .filter(deliveries::webhook_id.eq_any(enabled))
        .select(min(deliveries::due_at))
        .first(db)
}
