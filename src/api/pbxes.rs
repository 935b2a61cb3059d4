//! PBXes: who may post events. Their URL holds the secret; it is shown once.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::OptionalExtension;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::auth::Caller;
use super::body::Sent;
use super::openapi::{ReadRefusals, WriteRefusals};
use super::page::{Page, Paging};
use super::query::Parameters;
use super::{pbx_journal, pbx_words::Words};
use crate::app::App;
use crate::clock;
use crate::dialect;
use crate::error::{Error, Result};
use crate::pbx::Options;
use crate::secret::{Hash, new_token};
use crate::store::Db;
use crate::store::keys::Role;
use crate::store::pbxes::{self as rows, NewPbx, PbxRow};

/// The longest time for which an old token can stay good, in seconds: 30 days.
const LONGEST_GRACE: i64 = 30 * 24 * 60 * 60;

/// A PBX as it is shown. What only admins see is missing for others.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Pbx)]
pub struct PbxView {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// How it speaks.
    pub(crate) dialect: String,
    /// Switched off, it is answered as one that is not set up.
    pub(crate) enabled: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) details: Option<PbxDetails>,
}

/// What admins see of a PBX.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PbxDetails {
    /// The country whose numbers it writes without country code (ISO 3166).
    pub(crate) region: String,
    /// What only some need: `area_code`, and the options of its dialect. A secret is not shown.
    #[schema(value_type = Object)]
    pub(crate) options: serde_json::Value,
    /// Networks whence it may post; none for anywhere.
    pub(crate) allowed_addresses: Vec<String>,
    /// Until when the token before the last change is good; null where it is not.
    pub(crate) old_token_until: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl PbxView {
    fn brief(row: PbxRow) -> Self {
        Self { id: row.id, name: row.name, dialect: row.dialect, enabled: row.enabled, details: None }
    }

    /// As admins see it.
    pub fn full(row: PbxRow) -> Self {
        let details = PbxDetails {
            region: row.region.clone(),
            options: Options::hide(serde_json::from_str(&row.options).unwrap_or_default()), // null: it is broken
            allowed_addresses: serde_json::from_str(&row.allowed_addresses).unwrap_or_default(),
            old_token_until: row.old_token_until.filter(|until| *until > clock::now()).map(|at| at.and_utc()),
            created_at: row.created_at.and_utc(),
            updated_at: row.updated_at.and_utc(),
        };
        Self { details: Some(details), ..Self::brief(row) }
    }
}

/// A PBX, this once with its URL.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PbxWithUrl {
    #[serde(flatten)]
    pub(crate) pbx: PbxView,
    /// What to paste into the PBX: it holds the secret token and is shown only now.
    pub(crate) url: String,
}

impl PbxWithUrl {
    fn new(base_url: &str, row: PbxRow, token: &str) -> Self {
        let dialect = dialect::named(&row.dialect);
        let url = dialect.map(|dialect| dialect.url(base_url, token));
        Self { url: url.unwrap_or_default(), pbx: PbxView::full(row) }
    }
}

/// What a new PBX is to be.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPbx)]
pub struct PbxRequest {
    /// For people.
    #[schema(min_length = 1, max_length = 250)]
    pub(crate) name: String,
    /// How it speaks, such as `zammad`.
    #[schema(min_length = 1, max_length = 100)]
    pub(crate) dialect: String,
    /// The country whose numbers it writes without country code (ISO 3166); the server's where it is left out.
    #[schema(min_length = 2, max_length = 2)]
    pub(crate) region: Option<String>,
    /// What only some need: `area_code`, for numbers that are written without it, and the options of its dialect
    /// (docs/pbx).
    #[schema(value_type = Option<Object>)]
    pub(crate) options: Option<serde_json::Value>,
    /// Networks (10.0.0.0/8) or single addresses whence it may post; none for anywhere.
    #[schema(max_items = 100)]
    pub(crate) allowed_addresses: Option<Vec<String>>,
}

/// What shall be different; what is left out stays.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PbxChange {
    #[schema(min_length = 1, max_length = 250)]
    pub(crate) name: Option<String>,
    #[schema(min_length = 2, max_length = 2)]
    pub(crate) region: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub(crate) options: Option<serde_json::Value>,
    #[schema(max_items = 100)]
    pub(crate) allowed_addresses: Option<Vec<String>>,
    pub(crate) enabled: Option<bool>,
}

/// A new token.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// For how many seconds the old one stays good: a day where it is left out, at most 30 days.
    #[schema(minimum = 0, maximum = 2_592_000)]
    pub(crate) grace_s: Option<i64>,
}

/// PBXes, oldest first. Admins see how they are set up.
#[utoipa::path(tag = "pbxes", params(Paging), responses((status = 200, body = Page<PbxView>), ReadRefusals))]
#[get("/pbxes")]
pub async fn list(
    app: Data<App>,
    caller: Caller,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Page<PbxView>>> {
    let (limit, after) = paging.read()?;
    let view = if caller.0.role == Role::Admin { PbxView::full } else { PbxView::brief };
    let find = move |db: &mut Db| rows::page(db, caller.0.pbx_ids.as_deref(), after, limit + 1);
    let found = app.store.query(find).await?;
    Ok(Json(Page::of(found, limit, |row| row.id, view)))
}

/// One PBX.
#[utoipa::path(tag = "pbxes", responses((status = 200, body = PbxView), ReadRefusals))]
#[get("/pbxes/{id}")]
pub async fn read(app: Data<App>, caller: Caller, id: Path<i64>) -> Result<Json<PbxView>> {
    admits(&caller, *id)?;
    Ok(Json(PbxView::full(app.store.query(move |db| find(db, *id)).await?)))
}

/// Makes a PBX. Its URL is in this answer and nowhere else.
#[utoipa::path(tag = "pbxes", request_body = PbxRequest, responses((status = 201, body = PbxWithUrl), WriteRefusals))]
#[post("/pbxes")]
pub async fn create(app: Data<App>, caller: Caller, Sent(new): Sent<PbxRequest>) -> Result<HttpResponse> {
    Ok(HttpResponse::Created().json(add(&app, &caller, new, &app.config.public_url).await?))
}

/// Makes a PBX; its URL, which begins with `base_url`, is told this once.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn add(app: &Data<App>, caller: &Caller, new: PbxRequest, base_url: &str) -> Result<PbxWithUrl> {
    caller.at_least(Role::Admin)?;
    caller.touches(None, WHAT)?;
    let PbxRequest { name, dialect, region, options, allowed_addresses } = new;
    let region = region.unwrap_or_else(|| app.config.numbering.region());
    let words = Words { name: Some(name), region: Some(region), options, allowed_addresses };
    let checked = words.check(Some(&dialect), None)?;
    let token = new_token();
    let new = NewPbx {
        name: checked.name.unwrap_or_default(), // was given
        dialect,
        region: checked.region.unwrap_or_default(), // was given
        options: checked.options.unwrap_or_else(|| "{}".into()),
        allowed_addresses: checked.allowed_addresses.unwrap_or_else(|| "[]".into()),
        token_hash: Hash::of(&token),
    };
    let row = App::change(app, move |db| Ok(rows::insert(db, &new, clock::now())?)).await?;
    Ok(PbxWithUrl::new(base_url, row, &token))
}

/// Changes a PBX, from its next event on.
#[utoipa::path(tag = "pbxes", request_body = PbxChange, responses((status = 200, body = PbxView), WriteRefusals))]
#[patch("/pbxes/{id}")]
pub async fn change(
    app: Data<App>,
    caller: Caller,
    id: Path<i64>,
    Sent(change): Sent<PbxChange>,
) -> Result<Json<PbxView>> {
    Ok(Json(changed(&app, &caller, *id, change).await?))
}

/// Changes a PBX; it is as it is then.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn changed(app: &Data<App>, caller: &Caller, id: i64, to: PbxChange) -> Result<PbxView> {
    admits(caller, id)?;
    let PbxChange { name, region, options, allowed_addresses, enabled } = to;
    let words = Words { name, region, options, allowed_addresses };
    let row = App::change(app, move |db| {
        let old = find(db, id)?;
        let checked = words.check(None, Some(&old))?;
        let to = rows::PbxChange { enabled, updated_at: Some(clock::now()), ..checked };
        Ok(rows::update(db, id, &to)?)
    })
    .await?;
    Ok(PbxView::full(row))
}

/// Deletes a PBX and the rules for it alone; its calls and its journal stay.
#[utoipa::path(tag = "pbxes", responses((status = 204), WriteRefusals))]
#[delete("/pbxes/{id}")]
pub async fn remove(app: Data<App>, caller: Caller, id: Path<i64>) -> Result<HttpResponse> {
    end(&app, &caller, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes a PBX.
///
/// # Errors
/// That there is none, or that the caller may not.
pub async fn end(app: &Data<App>, caller: &Caller, id: i64) -> Result<()> {
    admits(caller, id)?;
    App::change(app, move |db| rows::delete(db, id).optional()?.ok_or(Error::NotFound(WHAT))).await
}

/// Gives a PBX a new token. The URL is in this answer and nowhere else; the old one stays good for a while, so that
/// there is time to paste the new one.
#[utoipa::path(tag = "pbxes", request_body = NewToken, responses((status = 201, body = PbxWithUrl), WriteRefusals))]
#[post("/pbxes/{id}/token")]
pub async fn rotate(
    app: Data<App>,
    caller: Caller,
    id: Path<i64>,
    Sent(new): Sent<NewToken>,
) -> Result<HttpResponse> {
    Ok(HttpResponse::Created().json(new_url(&app, &caller, *id, new, &app.config.public_url).await?))
}

/// Gives a PBX a new token; its URL, which begins with `base_url`, is told this once.
///
/// # Errors
/// What is wrong, or that the caller may not.
pub async fn new_url(
    app: &Data<App>,
    caller: &Caller,
    id: i64,
    new: NewToken,
    base_url: &str,
) -> Result<PbxWithUrl> {
    admits(caller, id)?;
    let grace = new.grace_s.unwrap_or(24 * 60 * 60);
    if !(0..=LONGEST_GRACE).contains(&grace) {
        return Err(Error::field("grace_s", format!("must be 0 to {LONGEST_GRACE} (30 days)")));
    }
    let (token, now) = (new_token(), clock::now());
    let (hash, until) = (Hash::of(&token), now + TimeDelta::seconds(grace));
    let row = App::change(app, move |db| rows::rotate(db, id, &hash, until, now)).await?;
    Ok(PbxWithUrl::new(base_url, row, &token))
}

pub(crate) const WHAT: &str = "PBX";

/// Admins, and of them those who see it.
pub(crate) fn admits(caller: &Caller, id: i64) -> Result<()> {
    caller.at_least(Role::Admin)?;
    caller.sees(id, WHAT)
}

pub(crate) fn find(db: &mut Db, id: i64) -> Result<PbxRow> {
    rows::get(db, id).optional()?.ok_or(Error::NotFound(WHAT))
}

/// All of them.
pub fn routes(config: &mut ServiceConfig) {
    config.service(rotate).service(pbx_journal::journal);
    config.service(list).service(create).service(read).service(change).service(remove);
}
