//! Webhooks as rows.

use diesel::prelude::*;

use super::Db;
use super::schema::webhooks;
use crate::call::Moment;
use crate::error::{Error, Result};
use crate::webhooks::{Method, Payload};

/// The most webhooks in all.
pub const MOST: i64 = 10_000;

/// A webhook as the table holds it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = webhooks)]
pub struct WebhookRow {
    /// Its number.
    pub id: i64,
    /// Whom it tells; with placeholders where it is a template.
    pub url: String,
    /// How.
    pub method: Method,
    /// What it tells of: a JSON list of `EventKind`.
    pub events: String,
    /// Only calls of this extension.
    pub extension: Option<String>,
    /// Only calls of this PBX.
    pub pbx_id: Option<i64>,
    /// What is sent.
    pub payload: Payload,
    /// Only such calls: `Filters` as JSON.
    pub filters: String,
    /// Disabled, it is told nothing.
    pub enabled: bool,
    /// A person's.
    pub notes: Option<String>,
    /// What deliveries are signed with, in clear.
    pub secret: String,
    /// The key that made it; `None` for the command line.
    pub created_by: Option<i64>,
    /// Why it was disabled, where no person did.
    pub disabled_why: Option<String>,
    /// Since the last success.
    pub failures: i32,
    /// Since when there was no success.
    pub failing_since: Option<Moment>,
    /// Until then it is left alone.
    pub resume_at: Option<Moment>,
    /// The first success of those that followed each other.
    pub succeeded_at: Option<Moment>,
    /// When it was made.
    pub created_at: Moment,
    /// When a person last changed it.
    pub updated_at: Moment,
}

/// What people say of a webhook.
#[derive(Debug, Clone, Insertable, AsChangeset)]
#[diesel(table_name = webhooks, treat_none_as_null = true, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "each field is documented at `WebhookRow`")]
pub struct WebhookValues {
    pub url: String,
    pub method: Method,
    pub events: String,
    pub extension: Option<String>,
    pub pbx_id: Option<i64>,
    pub payload: Payload,
    pub filters: String,
    pub enabled: bool,
    pub notes: Option<String>,
    pub updated_at: Moment,
}

/// All of them, oldest first.
///
/// # Errors
/// What the database says.
pub fn all(db: &mut Db) -> QueryResult<Vec<WebhookRow>> {
    webhooks::table.order(webhooks::id).select(WebhookRow::as_select()).load(db)
}

/// One.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn get(db: &mut Db, id: i64) -> QueryResult<WebhookRow> {
    webhooks::table.find(id).select(WebhookRow::as_select()).first(db)
}

/// Which page, and of which webhooks.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only those of these PBXes; those that are for all are not among them.
    pub pbx_ids: Option<Vec<i64>>,
    /// Only those of this extension.
    pub extension: Option<String>,
    /// Behind this one.
    pub after: Option<i64>,
}

/// Oldest first.
///
/// # Errors
/// What the database says.
pub fn page(db: &mut Db, wanted: &Wanted, limit: i64) -> QueryResult<Vec<WebhookRow>> {
    let mut query =
        webhooks::table.order(webhooks::id).limit(limit).select(WebhookRow::as_select()).into_boxed();
    if let Some(after) = wanted.after {
        query = query.filter(webhooks::id.gt(after));
    }
    if let Some(ids) = &wanted.pbx_ids {
        query = query.filter(webhooks::pbx_id.eq_any(ids));
    }
    if let Some(extension) = &wanted.extension {
        query = query.filter(webhooks::extension.eq(extension));
    }
    query.load(db)
}

/// Is there room for this one? An extension's webhooks are counted, disabled ones included.
///
/// # Errors
/// `Conflict` where there is none, or what the database says.
pub fn room_for(db: &mut Db, new: &WebhookValues, per_extension: u32) -> Result<()> {
    if webhooks::table.count().get_result::<i64>(db)? >= MOST {
        return Err(Error::Conflict(format!("there are {MOST} webhooks, which is the most: delete some")));
    }
    let Some(extension) = &new.extension else { return Ok(()) };
    let own = webhooks::table.filter(webhooks::extension.eq(extension));
    let there: i64 = match new.pbx_id {
        Some(pbx_id) => own.filter(webhooks::pbx_id.eq(pbx_id)).count().get_result(db)?,
        None => own.filter(webhooks::pbx_id.is_null()).count().get_result(db)?,
    };
    if there < per_extension.into() {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "extension {extension} has {there} webhooks, and {per_extension} is the most, disabled ones included: delete \
         one that is not used, or have the operator raise --webhooks-per-extension"
    )))
}

/// Makes one.
///
/// # Errors
/// What the database says.
pub fn insert(
    db: &mut Db,
    new: &WebhookValues,
    secret: &str,
    created_by: Option<i64>,
) -> QueryResult<WebhookRow> {
    let id: i64 = diesel::insert_into(webhooks::table)
        .values((
            new,
            webhooks::secret.eq(secret),
            webhooks::created_by.eq(created_by),
            webhooks::created_at.eq(new.updated_at),
        ))
        .returning(webhooks::id)
        .get_result(db)?;
    get(db, id)
}

/// Replaces what people say of it, and forgets its failures: somebody mended something. Why it was disabled stays with
/// it for as long as it is.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn update(db: &mut Db, id: i64, values: &WebhookValues) -> QueryResult<WebhookRow> {
    diesel::update(webhooks::table.find(id))
        .set((
            values,
            values.enabled.then(|| webhooks::disabled_why.eq(None::<String>)),
            webhooks::failures.eq(0),
            webhooks::failing_since.eq(None::<Moment>),
            webhooks::resume_at.eq(None::<Moment>),
        ))
        .execute(db)?;
    get(db, id)
}

/// Gives one another secret.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn rotate(db: &mut Db, id: i64, secret: &str, now: Moment) -> QueryResult<WebhookRow> {
    let to = (webhooks::secret.eq(secret), webhooks::updated_at.eq(now));
    diesel::update(webhooks::table.find(id)).set(to).execute(db)?;
    get(db, id)
}

/// Deletes these. How many there were. What they were told stays: see `deliveries::forget_all`.
///
/// # Errors
/// What the database says.
pub fn delete(db: &mut Db, ids: &[i64]) -> QueryResult<usize> {
    diesel::delete(webhooks::table.filter(webhooks::id.eq_any(ids))).execute(db)
}

/// Those that this key made, of that extension where one is named.
///
/// # Errors
/// What the database says.
pub fn made_by(db: &mut Db, key: i64, extension: Option<&str>) -> QueryResult<Vec<i64>> {
    let own = webhooks::table.filter(webhooks::created_by.eq(key)).select(webhooks::id);
    match extension {
        Some(extension) => own.filter(webhooks::extension.eq(extension)).load(db),
        None => own.load(db),
    }
}
