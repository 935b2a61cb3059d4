//! The caller-ID rules, rule by rule, and their order.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, patch, post, put};
use diesel::OptionalExtension;
use serde::Deserialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::auth::Caller;
use super::body::{Sent, given};
use super::openapi::{ReadRefusals, WriteRefusals};
use super::page::{Page, Paging};
use super::query::Parameters;
use crate::app::App;
use crate::error::{Error, Result};
use crate::rulebook::{CallerIdEntry, MOST, World, room_for_one};
use crate::rules::CallerIdRule;
use crate::store::keys::Role;
use crate::store::{Db, rule_set, rules as rows};
use crate::text::Mistakes;
use crate::{clock, housekeeping};

const WHAT: &str = "caller-ID rule";

/// What shall be different; what is left out stays, null takes away.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallerIdRuleChange {
    /// Moves it there; what stands there and behind it moves back.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub(crate) position: Option<i32>,
    #[schema(min_length = 1, max_length = 100)]
    pub(crate) destination: Option<String>,
    #[schema(pattern = r"^\+?[1-9][0-9]{6,14}$")]
    pub(crate) caller_id: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 250)]
    pub(crate) from: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    pub(crate) pbx_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub(crate) note: Option<Option<String>>,
}

impl CallerIdRuleChange {
    fn apply(self, old: CallerIdEntry) -> CallerIdEntry {
        CallerIdEntry {
            position: self.position,
            destination: self.destination.unwrap_or(old.destination),
            caller_id: self.caller_id.unwrap_or(old.caller_id),
            from: self.from.unwrap_or(old.from),
            pbx_id: self.pbx_id.unwrap_or(old.pbx_id),
            note: self.note.unwrap_or(old.note),
            ..old
        }
    }
}

/// All caller-ID rules in their new order.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Each rule's id, once.
    #[schema(max_items = 50_000)]
    ids: Vec<i64>,
}

/// The caller-ID rules, in the order in which they are tried. A key limited to some PBXes sees their rules and those
/// for all.
#[utoipa::path(tag = "caller-id-rules", params(Paging), responses((status = 200, body = Page<CallerIdEntry>), ReadRefusals))]
#[get("/caller-id-rules")]
pub async fn list(
    app: Data<App>,
    caller: Caller,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Page<CallerIdEntry>>> {
    Ok(Json(page(&app, &caller, &paging).await?))
}

/// A page of the caller-ID rules.
///
/// # Errors
/// What is wrong with `paging`.
pub async fn page(app: &Data<App>, caller: &Caller, paging: &Paging) -> Result<Page<CallerIdEntry>> {
    let (limit, after) = paging.read()?;
    housekeeping::write_hits(app).await;
    let key = caller.0.clone();
    let find = move |db: &mut Db| rows::caller_id_page(db, key.pbx_ids.as_deref(), after, limit + 1);
    let rules = app.store.query(find).await?;
    Ok(Page::of(rules, limit, |rule| (rule.position, rule.id), CallerIdEntry::from))
}

/// One caller-ID rule.
#[utoipa::path(tag = "caller-id-rules", responses((status = 200, body = CallerIdEntry), ReadRefusals))]
#[get("/caller-id-rules/{id}")]
pub async fn read(app: Data<App>, caller: Caller, id: Path<i64>) -> Result<Json<CallerIdEntry>> {
    Ok(Json(one(&app, &caller, *id).await?))
}

/// One rule.
///
/// # Errors
/// That there is none, or that the caller may not see it.
pub async fn one(app: &Data<App>, caller: &Caller, id: i64) -> Result<CallerIdEntry> {
    housekeeping::write_hits(app).await;
    let rule = app.store.query(move |db| find(db, id)).await?;
    rule.pbx_id.map_or(Ok(()), |pbx| caller.sees(pbx, WHAT))?;
    Ok(rule.into())
}

/// Chooses the caller ID of some calls, from the next call on.
#[utoipa::path(tag = "caller-id-rules", request_body = CallerIdEntry, responses((status = 201, body = CallerIdEntry), WriteRefusals))]
#[post("/caller-id-rules")]
pub async fn create(app: Data<App>, caller: Caller, Sent(new): Sent<CallerIdEntry>) -> Result<HttpResponse> {
    Ok(HttpResponse::Created().json(add(&app, caller, new).await?))
}

/// Adds a rule; it is as it is then.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn add(app: &Data<App>, caller: Caller, new: CallerIdEntry) -> Result<CallerIdEntry> {
    caller.at_least(Role::Manager)?;
    let this = app.clone();
    let rule = App::change(app, move |db| {
        let world = World::load(db, &this.config.numbering, |id| caller.0.sees(id))?;
        let mut mistakes = Mistakes::default();
        let position = new.position;
        let rule = new.rule(&world, &mut mistakes);
        let mut rule = mistakes.none(rule)?;
        caller.touches(rule.pbx_id, WHAT)?;
        room_for_one(db)?;
        rule.position = place(db, position)?;
        let id = rows::insert_caller_id(db, &rule, clock::now())?;
        find(db, id)
    })
    .await?;
    Ok(rule.into())
}

/// Changes a rule; its hits stay.
#[utoipa::path(tag = "caller-id-rules", request_body = CallerIdRuleChange, responses((status = 200, body = CallerIdEntry), WriteRefusals))]
#[patch("/caller-id-rules/{id}")]
pub async fn change(
    app: Data<App>,
    caller: Caller,
    id: Path<i64>,
    Sent(change): Sent<CallerIdRuleChange>,
) -> Result<Json<CallerIdEntry>> {
    Ok(Json(changed(&app, caller, *id, change).await?))
}

/// Changes a rule; it is as it is then.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn changed(
    app: &Data<App>,
    caller: Caller,
    id: i64,
    to: CallerIdRuleChange,
) -> Result<CallerIdEntry> {
    caller.at_least(Role::Manager)?;
    let this = app.clone();
    housekeeping::write_hits(app).await;
    let rule = App::change(app, move |db| {
        let old = find(db, id)?;
        caller.touches(old.pbx_id, WHAT)?;
        let world = World::load(db, &this.config.numbering, |id| caller.0.sees(id))?;
        let mut mistakes = Mistakes::default();
        let (stays, position) = (old.position, to.position);
        let rule = to.apply(old.into()).rule(&world, &mut mistakes);
        let mut rule = mistakes.none(rule)?;
        caller.touches(rule.pbx_id, WHAT)?;
        rule.position = if position.is_some() { place(db, position)? } else { stays };
        rows::update_caller_id(db, &rule)?;
        find(db, id)
    })
    .await?;
    Ok(rule.into())
}

/// Deletes a rule.
#[utoipa::path(tag = "caller-id-rules", responses((status = 204), WriteRefusals))]
#[delete("/caller-id-rules/{id}")]
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
        Ok(rows::delete_caller_id(db, id)?)
    })
    .await
}

/// Puts all caller-ID rules into a new order.
#[utoipa::path(tag = "caller-id-rules", request_body = Order, responses((status = 204), WriteRefusals))]
#[put("/caller-id-rules/order")]
pub async fn order(app: Data<App>, caller: Caller, Sent(order): Sent<Order>) -> Result<HttpResponse> {
    caller.at_least(Role::Manager)?;
    caller.touches(None, WHAT)?;
    let ids = order.ids;
    if ids.len() > MOST {
        return Err(Error::field("ids", format!("a set holds at most {MOST} rules")));
    }
    App::change(&app, move |db| rule_set::reorder(db, &ids)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Makes room where a rule shall stand; without a wish at the end.
fn place(db: &mut Db, wished: Option<i32>) -> Result<i32> {
    match wished {
        None => Ok(rule_set::end(db)?),
        Some(position) => {
            rule_set::make_room(db, position)?;
            Ok(position)
        }
    }
}

fn find(db: &mut Db, id: i64) -> Result<CallerIdRule> {
    rows::caller_id_rule(db, id).optional()?.ok_or(Error::NotFound(WHAT))
}

/// All of them.
pub fn routes(config: &mut ServiceConfig) {
    config.service(order).service(list).service(create).service(read).service(change).service(remove);
}
