//! API keys: who may read and steer. A key is shown once, when it is made.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, post};
use chrono::{DateTime, Utc};
use diesel::OptionalExtension;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::auth::Caller;
use super::body::Valid;
use super::openapi::{ReadRefusals, WriteRefusals};
use super::page::Page;
use crate::app::App;
use crate::clock;
use crate::error::{Error, Result};
use crate::secret::{Hash, new_key};
use crate::store::keys::{self as rows, KeyRow, Role};
use crate::store::{Db, pbxes};
use crate::text;

const WHAT: &str = "key";

/// A key as it is shown.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Key)]
pub struct KeyView {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// The only PBXes that it sees; null for all.
    pub(crate) pbx_ids: Option<Vec<i64>>,
    pub(crate) created_at: DateTime<Utc>,
    /// To the minute.
    pub(crate) last_used_at: Option<DateTime<Utc>>,
    pub(crate) revoked_at: Option<DateTime<Utc>>,
}

impl From<KeyRow> for KeyView {
    fn from(row: KeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            role: row.role,
            pbx_ids: row.pbx_ids.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            created_at: row.created_at.and_utc(),
            last_used_at: row.last_used_at.map(|at| at.and_utc()),
            revoked_at: row.revoked_at.map(|at| at.and_utc()),
        }
    }
}

/// What a new key is to be.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// Whose it is, or for what.
    #[schema(min_length = 1, max_length = 250)]
    pub(crate) name: String,
    pub(crate) role: Role,
    /// The only PBXes that it shall see; leave it out for all.
    #[validate(length(min = 1, max = 1000, message = "must name 1 to 1000 PBXes; leave it out for all"))]
    #[schema(min_items = 1, max_items = 1000)]
    pub(crate) pbx_ids: Option<Vec<i64>>,
}

/// A new key, this once with its secret.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CreatedKey {
    #[serde(flatten)]
    pub(crate) key: KeyView,
    /// The key itself: shown only now.
    pub(crate) secret: String,
}

/// All keys, oldest first. A key limited to some PBXes sees those that are limited to some of the same.
#[utoipa::path(tag = "keys", responses((status = 200, body = Page<KeyView>), ReadRefusals))]
#[get("/keys")]
pub async fn list(app: Data<App>, caller: Caller) -> Result<Json<Page<KeyView>>> {
    Ok(Json(Page { data: all(&app, &caller).await?, next: None }))
}

/// All keys that the caller governs.
///
/// # Errors
/// That the caller may not.
pub async fn all(app: &App, caller: &Caller) -> Result<Vec<KeyView>> {
    caller.at_least(Role::Admin)?;
    let keys = app.store.query(rows::all).await?;
    Ok(keys.into_iter().map(KeyView::from).filter(|key| governs(caller, key.pbx_ids.as_deref())).collect())
}

/// Nobody hands out, sees or ends more than they have: a key that is limited to some PBXes governs those alone that are
/// limited to some of the same.
fn governs(caller: &Caller, pbx_ids: Option<&[i64]>) -> bool {
    caller.0.pbx_ids.is_none() || pbx_ids.is_some_and(|ids| ids.iter().all(|id| caller.0.sees(*id)))
}

/// Makes a key. Its secret is in this answer and nowhere else.
#[utoipa::path(tag = "keys", request_body = NewKey, responses((status = 201, body = CreatedKey), WriteRefusals))]
#[post("/keys")]
pub async fn create(app: Data<App>, caller: Caller, new: Valid<NewKey>) -> Result<HttpResponse> {
    Ok(HttpResponse::Created().json(add(&app, &caller, new.0).await?))
}

/// Makes a key; its secret is told this once.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn add(app: &Data<App>, caller: &Caller, new: NewKey) -> Result<CreatedKey> {
    caller.at_least(Role::Admin)?;
    let NewKey { name, role, mut pbx_ids } = new;
    if let Some(ids) = &mut pbx_ids {
        ids.sort_unstable();
        ids.dedup();
    }
    if pbx_ids.is_none() {
        caller.touches(None, WHAT)?;
    }
    let seen = caller.0.clone();
    text::check(&name, 1, 250).map_err(|why| Error::field("name", why))?;
    let name = name.trim().to_owned();
    let secret = new_key();
    let hash = Hash::of(&secret);
    let insert = move |db: &mut Db| {
        for id in pbx_ids.iter().flatten() {
            let missing =
                || Error::field("pbx_ids", format!("there is no PBX {id}: GET /api/v1/pbxes lists them"));
            pbxes::get(db, *id).optional()?.filter(|pbx| seen.sees(pbx.id)).ok_or_else(missing)?;
        }
        let pbxes = pbx_ids.map(|ids| serde_json::json!(ids).to_string());
        Ok(rows::insert(db, &name, role, &hash, pbxes.as_deref(), clock::now())?)
    };
    let key = App::change(app, insert).await?;
    Ok(CreatedKey { key: key.into(), secret })
}

/// Ends a key. The last admin key cannot be ended.
#[utoipa::path(tag = "keys", responses((status = 204), WriteRefusals))]
#[delete("/keys/{id}")]
pub async fn revoke(app: Data<App>, caller: Caller, id: Path<i64>) -> Result<HttpResponse> {
    end(&app, &caller, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends a key.
///
/// # Errors
/// That there is none, that it is the last admin's, or that the caller may not.
pub async fn end(app: &Data<App>, caller: &Caller, id: i64) -> Result<()> {
    caller.at_least(Role::Admin)?;
    let caller = caller.clone();
    App::change(app, move |db| {
        let key = rows::get(db, id).optional()?.map(KeyView::from);
        if !key.is_some_and(|key| governs(&caller, key.pbx_ids.as_deref())) {
            return Err(Error::NotFound(WHAT));
        }
        if rows::is_last_admin(db, id)? {
            return Err(Error::Conflict("this is the last admin key: make another before you end it".into()));
        }
        rows::revoke(db, id, clock::now())?;
        Ok(())
    })
    .await
}
