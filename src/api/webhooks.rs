//! Webhooks: who is told of calls. A webhook's secret is shown once, when it is made.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, patch, post};
use diesel::OptionalExtension;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::auth::Caller;
use super::body::Sent;
use super::openapi::{ReadRefusals, WriteRefusals};
use super::page::{self, Page};
use super::query::Parameters;
use super::webhook_deliveries;
use super::webhook_secret;
use super::webhook_view::{CreatedWebhook, WebhookChange, WebhookView};
use crate::app::App;
use crate::clock;
use crate::error::{Error, Result};
use crate::object;
use crate::store::keys::Role;
use crate::store::webhooks::{self as rows, Wanted, WebhookRow};
use crate::store::{Db, deliveries};
use crate::webhooks::payload::{Message, Told};
use crate::webhooks::{Definition, EventKind, new_secret, sample};

/// Which webhooks, and which page of them.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listed {
    /// Only those of this extension.
    pub(crate) extension: Option<String>,
    /// How many rows; 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    pub(crate) limit: Option<i64>,
    /// The `next` of the page before.
    pub(crate) cursor: Option<String>,
}

/// Webhooks, oldest first. A key limited to some PBXes sees those for these PBXes alone.
#[utoipa::path(tag = "webhooks", params(Listed), responses((status = 200, body = Page<WebhookView>), ReadRefusals))]
#[get("/webhooks")]
pub async fn list(
    app: Data<App>,
    caller: Caller,
    Parameters(listed): Parameters<Listed>,
) -> Result<Json<Page<WebhookView>>> {
    Ok(Json(page_of(&app, &caller, listed).await?))
}

/// A page of the webhooks.
///
/// # Errors
/// What is wrong with `listed`, or that the caller may not.
pub async fn page_of(app: &App, caller: &Caller, listed: Listed) -> Result<Page<WebhookView>> {
    caller.at_least(Role::Manager)?;
    let Listed { extension, limit, cursor } = listed;
    let (limit, after) = (page::limit(limit)?, page::position(cursor.as_deref())?);
    check_extension(extension.as_deref())?;
    let wanted = Wanted { pbx_ids: caller.0.pbx_ids.clone(), extension, after };
    let found = app.store.query(move |db| rows::page(db, &wanted, limit + 1)).await?;
    Ok(Page::of(found, limit, |row| row.id, WebhookView::from))
}

/// One webhook.
#[utoipa::path(tag = "webhooks", responses((status = 200, body = WebhookView), ReadRefusals))]
#[get("/webhooks/{id}")]
pub async fn read(app: Data<App>, caller: Caller, id: Path<i64>) -> Result<Json<WebhookView>> {
    Ok(Json(one(&app, &caller, *id).await?))
}

/// One webhook.
///
/// # Errors
/// That there is none, or that the caller may not.
pub async fn one(app: &App, caller: &Caller, id: i64) -> Result<WebhookView> {
    caller.at_least(Role::Manager)?;
    let caller = caller.clone();
    Ok(app.store.query(move |db| find(db, &caller, id)).await?.into())
}

/// Makes a webhook, told from the next event on. Its secret is in this answer and nowhere else.
#[utoipa::path(tag = "webhooks", request_body = Definition, responses((status = 201, body = CreatedWebhook), WriteRefusals))]
#[post("/webhooks")]
pub async fn create(app: Data<App>, caller: Caller, Sent(new): Sent<Definition>) -> Result<HttpResponse> {
    Ok(HttpResponse::Created().json(add(&app, caller, new).await?))
}

/// Makes a webhook; its secret is told this once.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn add(app: &Data<App>, caller: Caller, new: Definition) -> Result<CreatedWebhook> {
    caller.at_least(Role::Manager)?;
    let limits = app.config.serve.webhooks.clone();
    let row = App::change(app, move |db| {
        let pbxes = named(db)?;
        let known = |id| pbxes.contains(&id) && caller.0.sees(id);
        let new = new.check(Some(&limits.allowed()), known, clock::now())?;
        caller.touches(new.pbx_id, WHAT)?;
        rows::room_for(db, &new, limits.webhooks_per_extension)?;
        Ok(rows::insert(db, &new, &new_secret(), Some(caller.0.id))?)
    })
    .await?;
    let secret = row.secret.clone();
    Ok(CreatedWebhook { webhook: row.into(), secret })
}

/// Changes a webhook. What it is still to be told is sent as the change says; disabled, it is parked.
#[utoipa::path(tag = "webhooks", request_body = WebhookChange, responses((status = 200, body = WebhookView), WriteRefusals))]
#[patch("/webhooks/{id}")]
pub async fn change(
    app: Data<App>,
    caller: Caller,
    id: Path<i64>,
    Sent(change): Sent<WebhookChange>,
) -> Result<Json<WebhookView>> {
    Ok(Json(changed(&app, caller, *id, change).await?))
}

/// Changes a webhook; it is as it is then.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn changed(app: &Data<App>, caller: Caller, id: i64, to: WebhookChange) -> Result<WebhookView> {
    caller.at_least(Role::Manager)?;
    let limits = app.config.serve.webhooks.clone();
    let row = App::change(app, move |db| {
        let old = find(db, &caller, id)?;
        let pbxes = named(db)?;
        let known = |id| pbxes.contains(&id) && caller.0.sees(id);
        let moved = (old.extension.clone(), old.pbx_id);
        let allowed = to.goes_anew(&old).then(|| limits.allowed());
        let new = to.apply(old).check(allowed.as_ref(), known, clock::now())?;
        caller.touches(new.pbx_id, WHAT)?;
        if moved != (new.extension.clone(), new.pbx_id) {
            rows::room_for(db, &new, limits.webhooks_per_extension)?;
        }
        if !new.enabled {
            deliveries::park_all(db, id, "the webhook was disabled", clock::now())?;
        }
        Ok(rows::update(db, id, &new)?)
    })
    .await?;
    Ok(row.into())
}

/// Deletes a webhook and what it was still to be told.
#[utoipa::path(tag = "webhooks", responses((status = 204), WriteRefusals))]
#[delete("/webhooks/{id}")]
pub async fn remove(app: Data<App>, caller: Caller, id: Path<i64>) -> Result<HttpResponse> {
    end(&app, caller, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes a webhook.
///
/// # Errors
/// That there is none, or that the caller may not.
pub async fn end(app: &Data<App>, caller: Caller, id: i64) -> Result<()> {
    caller.at_least(Role::Manager)?;
    App::change(app, move |db| {
        find(db, &caller, id)?;
        Ok(rows::delete(db, &[id])?)
    })
    .await?;
    app.store.query(move |db| deliveries::forget_all(db, &[id])).await
}

/// Which of one's own.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Own {
    /// Only those of this extension.
    extension: Option<String>,
}

/// How many were deleted.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Deleted {
    deleted: usize,
}

/// Deletes all webhooks that this key made, and no other.
#[utoipa::path(tag = "webhooks", params(Own), responses((status = 200, body = Deleted), WriteRefusals))]
#[delete("/webhooks")]
pub async fn remove_own(
    app: Data<App>,
    caller: Caller,
    Parameters(own): Parameters<Own>,
) -> Result<Json<Deleted>> {
    caller.at_least(Role::Manager)?;
    let Own { extension } = own;
    check_extension(extension.as_deref())?;
    let (own, deleted) = App::change(&app, move |db| {
        let own = rows::made_by(db, caller.0.id, extension.as_deref())?;
        let deleted = rows::delete(db, &own)?;
        Ok((own, deleted))
    })
    .await?;
    app.store.query(move |db| deliveries::forget_all(db, &own)).await?;
    Ok(Json(Deleted { deleted }))
}

/// A webhook that somebody thinks of.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// As it would be made.
    #[serde(deserialize_with = "whole")]
    pub(crate) webhook: Definition,
    /// What would be told; the first of the webhook's events where it is left out.
    pub(crate) event: Option<EventKind>,
}

fn whole<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Definition, D::Error> {
    object::Object::deserialize(from).map(|object::Object(inner)| inner)
}

/// Checks a webhook and shows what it would send of a made-up call. Nothing is sent or kept.
#[utoipa::path(tag = "webhooks", request_body = Preview, responses((status = 200, body = Message), WriteRefusals))]
#[post("/webhooks/preview")]
pub async fn preview(app: Data<App>, caller: Caller, Sent(asked): Sent<Preview>) -> Result<Json<Message>> {
    Ok(Json(message(&app, caller, asked).await?))
}

/// What a webhook would send.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn message(app: &App, caller: Caller, asked: Preview) -> Result<Message> {
    caller.at_least(Role::Manager)?;
    let Preview { webhook, event } = asked;
    let pbxes = app.store.query(named).await?;
    let known = |id| pbxes.contains(&id) && caller.0.sees(id);
    let kind = event.or_else(|| webhook.events.as_ref()?.first().copied()).unwrap_or(EventKind::DialIn);
    let checked = webhook.check(Some(&app.config.serve.webhooks.allowed()), known, clock::now())?;
    let (call, view) = sample::call(kind);
    let told = Told { kind, call: &call, view: &view, extension: checked.extension.as_deref() };
    Ok(Message::new(&checked.url, checked.method, checked.payload, &told))
}

pub(super) const WHAT: &str = "webhook";

/// One that the key may see.
pub(super) fn find(db: &mut Db, caller: &Caller, id: i64) -> Result<WebhookRow> {
    let row = rows::get(db, id).optional()?.ok_or(Error::NotFound(WHAT))?;
    caller.touches(row.pbx_id, WHAT)?;
    Ok(row)
}

fn named(db: &mut Db) -> diesel::QueryResult<Vec<i64>> {
    Ok(crate::store::pbxes::all(db)?.into_iter().map(|pbx| pbx.id).collect())
}

/// What neither database could look for.
fn check_extension(extension: Option<&str>) -> Result<()> {
    crate::text::optional(extension, 0, 250).map_err(|why| Error::field("extension", why))
}

/// All of them.
pub fn routes(config: &mut ServiceConfig) {
    config.service(preview).service(webhook_deliveries::list).service(webhook_deliveries::redeliver);
    config.service(webhook_secret::rotate);
    config.service(list).service(create).service(read).service(change).service(remove).service(remove_own);
}
