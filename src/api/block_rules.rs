//! The block list, rule by rule.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, Utc};
use diesel::OptionalExtension;
use serde::{Deserialize, Deserializer};
use utoipa_actix_web::service_config::ServiceConfig;

use super::auth::Caller;
use super::body::{Sent, given};
use super::openapi::{ReadRefusals, WriteRefusals};
use super::page::{Page, Paging};
use super::query::Parameters;
use crate::app::App;
use crate::call::{Moment, Reason};
use crate::error::{Error, Result};
use crate::rulebook::{BlockEntry, World, moment, room_for_one};
use crate::rules::{BlockAction, BlockRule};
use crate::store::keys::Role;
use crate::store::{Db, rules as rows};
use crate::text::Mistakes;
use crate::{clock, housekeeping};

/// What shall be different; what is left out stays, null takes away.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockRuleChange {
    #[schema(min_length = 1, max_length = 100)]
    pub(crate) pattern: Option<String>,
    pub(crate) action: Option<BlockAction>,
    pub(crate) reason: Option<Reason>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    pub(crate) pbx_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 250)]
    pub(crate) to: Option<Option<String>>,
    #[serde(default, deserialize_with = "given_time")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub(crate) expires_at: Option<Option<DateTime<Utc>>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub(crate) note: Option<Option<String>>,
}

fn given_time<'de, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<Option<DateTime<Utc>>>, D::Error> {
    clock::optional(from).map(Some)
}

impl BlockRuleChange {
    fn apply(self, old: BlockEntry) -> BlockEntry {
        BlockEntry {
            pattern: self.pattern.unwrap_or(old.pattern),
            action: self.action.unwrap_or(old.action),
            reason: self.reason.unwrap_or(old.reason),
            pbx_id: self.pbx_id.unwrap_or(old.pbx_id),
            to: self.to.unwrap_or(old.to),
            expires_at: self.expires_at.unwrap_or(old.expires_at),
            note: self.note.unwrap_or(old.note),
            ..old
        }
    }
}

/// The block list, oldest first. A key limited to some PBXes sees their rules and those for all.
#[utoipa::path(tag = "block-rules", params(Paging), responses((status = 200, body = Page<BlockEntry>), ReadRefusals))]
#[get("/block-rules")]
pub async fn list(
    app: Data<App>,
    caller: Caller,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Page<BlockEntry>>> {
    Ok(Json(page(&app, &caller, &paging).await?))
}

/// A page of the block list.
///
/// # Errors
/// What is wrong with `paging`.
pub async fn page(app: &Data<App>, caller: &Caller, paging: &Paging) -> Result<Page<BlockEntry>> {
    let (limit, after) = paging.read()?;
    housekeeping::write_hits(app).await;
    let key = caller.0.clone();
    let find = move |db: &mut Db| rows::block_page(db, key.pbx_ids.as_deref(), after, limit + 1);
    let rules = app.store.query(find).await?;
    Ok(Page::of(rules, limit, |rule| rule.id, BlockEntry::from))
}

/// One rule of the block list.
#[utoipa::path(tag = "block-rules", responses((status = 200, body = BlockEntry), ReadRefusals))]
#[get("/block-rules/{id}")]
pub async fn read(app: Data<App>, caller: Caller, id: Path<i64>) -> Result<Json<BlockEntry>> {
    Ok(Json(one(&app, &caller, *id).await?))
}

/// One rule.
///
/// # Errors
/// That there is none, or that the caller may not see it.
pub async fn one(app: &Data<App>, caller: &Caller, id: i64) -> Result<BlockEntry> {
    housekeeping::write_hits(app).await;
    let rule = app.store.query(move |db| find(db, id)).await?;
    rule.pbx_id.map_or(Ok(()), |pbx| caller.sees(pbx, WHAT))?;
    Ok(rule.into())
}

/// Blocks or allows a caller, from the next call on.
#[utoipa::path(tag = "block-rules", request_body = BlockEntry, responses((status = 201, body = BlockEntry), WriteRefusals))]
#[post("/block-rules")]
pub async fn create(app: Data<App>, caller: Caller, Sent(new): Sent<BlockEntry>) -> Result<HttpResponse> {
    Ok(HttpResponse::Created().json(add(&app, caller, new).await?))
}

/// Adds a rule; it is as it is then.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn add(app: &Data<App>, caller: Caller, new: BlockEntry) -> Result<BlockEntry> {
    caller.at_least(Role::Manager)?;
    let (now, this) = (clock::now(), app.clone());
    let rule = App::change(app, move |db| {
        let world = World::load(db, &this.config.numbering, |id| caller.0.sees(id))?;
        let mut mistakes = Mistakes::default();
        mistakes.note("expires_at", in_future(new.expires_at, now));
        let rule = new.rule(&world, &mut mistakes);
        let rule = mistakes.none(rule)?;
        caller.touches(rule.pbx_id, WHAT)?;
        room_for_one(db)?;
        let id = rows::insert_block(db, &rule, now)?;
        find(db, id)
    })
    .await?;
    Ok(rule.into())
}

fn in_future(at: Option<DateTime<Utc>>, now: Moment) -> std::result::Result<(), String> {
    match at {
        Some(at) if moment(at) <= now => Err("must be in the future".into()),
        _ => Ok(()),
    }
}

/// Changes a rule; its hits stay.
#[utoipa::path(tag = "block-rules", request_body = BlockRuleChange, responses((status = 200, body = BlockEntry), WriteRefusals))]
#[patch("/block-rules/{id}")]
pub async fn change(
    app: Data<App>,
    caller: Caller,
    id: Path<i64>,
    Sent(change): Sent<BlockRuleChange>,
) -> Result<Json<BlockEntry>> {
    Ok(Json(changed(&app, caller, *id, change).await?))
}

/// Changes a rule; it is as it is then.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn changed(app: &Data<App>, caller: Caller, id: i64, to: BlockRuleChange) -> Result<BlockEntry> {
    caller.at_least(Role::Manager)?;
    let this = app.clone();
    housekeeping::write_hits(app).await;
    let rule = App::change(app, move |db| {
        let old = find(db, id)?;
        caller.touches(old.pbx_id, WHAT)?;
        let world = World::load(db, &this.config.numbering, |id| caller.0.sees(id))?;
        let mut mistakes = Mistakes::default();
        mistakes.note("expires_at", in_future(to.expires_at.flatten(), clock::now()));
        let rule = to.apply(old.into()).rule(&world, &mut mistakes);
        let rule = mistakes.none(rule)?;
        caller.touches(rule.pbx_id, WHAT)?;
        rows::update_block(db, &rule)?;
        find(db, id)
    })
    .await?;
    Ok(rule.into())
}

/// Deletes a rule.
#[utoipa::path(tag = "block-rules", responses((status = 204), WriteRefusals))]
#[delete("/block-rules/{id}")]
pub async fn remove(app: Data<App>, caller: Caller, id: Path<i64>) -> Result<HttpResponse> {
    end(&app, caller, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes a rule.
///
/// # Errors
/// That there is none, or that the caller may not.
pub async fn end(app: &Data<App>, caller: Caller, id: i64) -> Result<()> {
    caller.at_least(Role::Manager)?;
    App::change(app, move |db| {
        caller.touches(find(db, id)?.pbx_id, WHAT)?;
        Ok(rows::delete_block(db, id)?)
    })
    .await
}

const WHAT: &str = "block rule";

fn find(db: &mut Db, id: i64) -> Result<BlockRule> {
    rows::block_rule(db, id).optional()?.ok_or(Error::NotFound(WHAT))
}

/// All of them.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(read).service(change).service(remove);
}
