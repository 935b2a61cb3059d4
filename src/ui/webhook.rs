//! The page of one webhook: how its receiver fares, what it was told, and telling it again.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path, Query};
use askama::Template;
use serde::Deserialize;

use super::call_row::Show;
use super::did::Did;
use super::fields::Fields;
use super::frame::{Frame, Visit, html};
use super::webhooks::{said_of, show_secret};
use crate::api::webhook_deliveries::{self, Listed, Redelivery};
use crate::api::{DeliveryView, WebhookChange, WebhookView, webhook_secret, webhooks};
use crate::app::App;
use crate::call::Direction;
use crate::error::{Error, Result};
use crate::webhooks::{Definition, DeliveryState, EventKind, Method, Payload};

#[derive(Template)]
#[template(path = "webhook.html")]
struct Page {
    frame: Frame,
    pbxes: BTreeMap<i64, String>,
    id: i64,
    enabled: bool,
    disabled_why: Option<String>,
    failing_since: Option<String>,
    new: Definition,
    state: Option<DeliveryState>,
    deliveries: Vec<DeliveryView>,
    more: Option<String>,
}

#[derive(Deserialize)]
struct Asked {
    state: Option<String>,
    cursor: Option<String>,
}

async fn show(app: Data<App>, visit: Visit, id: Path<i64>, asked: Query<Asked>) -> Result<HttpResponse> {
    let (id, asked) = (id.into_inner(), asked.into_inner());
    let state: Option<DeliveryState> = match asked.state.as_deref() {
        None | Some("") => None,
        Some(word) => Some(word.parse().map_err(|why: String| Error::field("state", why))?),
    };
    let webhook: WebhookView = webhooks::one(&app, &visit.caller, id).await?;
    let listed = Listed { state, limit: None, cursor: asked.cursor };
    let page = webhook_deliveries::page_of(&app, visit.caller.clone(), id, listed).await?;
    let word = state.map_or("", DeliveryState::as_str);
    html(&Page {
        pbxes: Show::to(&app, &visit).pbxes,
        enabled: webhook.enabled,
        disabled_why: webhook.disabled_why.clone(),
        failing_since: webhook.failing_since.as_ref().map(|at| visit.frame.zone.full(at)),
        new: webhook.into(),
        deliveries: page.data,
        more: page.next.map(|cursor| format!("/webhooks/{id}?state={word}&cursor={cursor}")),
        frame: visit.frame,
        state,
        id,
    })
}

async fn change(app: Data<App>, visit: Visit, id: Path<i64>, fields: Fields) -> Result<HttpResponse> {
    let said = said_of(&fields)?;
    let to = WebhookChange {
        method: Some(said.method()),
        payload: Some(said.payload()),
        url: Some(said.url),
        events: said.events,
        extension: Some(said.extension),
        pbx_id: Some(said.pbx_id),
        filters: said.filters,
        enabled: None,
        notes: Some(said.notes),
    };
    webhooks::changed(&app, visit.caller.clone(), *id, to).await?;
    Ok(Did::Saved.then(&visit, &format!("/webhooks/{id}")))
}

async fn enable(app: Data<App>, visit: Visit, id: Path<i64>, fields: Fields) -> Result<HttpResponse> {
    let to = WebhookChange { enabled: Some(fields.need("enabled")?), ..WebhookChange::default() };
    webhooks::changed(&app, visit.caller.clone(), *id, to).await?;
    Ok(Did::Saved.then(&visit, &format!("/webhooks/{id}")))
}

async fn redeliver(app: Data<App>, visit: Visit, id: Path<i64>, fields: Fields) -> Result<HttpResponse> {
    let asked = match fields.read("delivery")? {
        Some(delivery) => Redelivery { ids: Some(vec![delivery]), all_parked: None },
        None => Redelivery { ids: None, all_parked: Some(true) },
    };
    webhook_deliveries::send_again(&app, visit.caller.clone(), *id, asked).await?;
    Ok(Did::Resent.then(&visit, &format!("/webhooks/{id}")))
}

async fn rotate(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    let made = webhook_secret::rotated(&app, visit.caller.clone(), *id).await?;
    show_secret(visit, made)
}

async fn delete(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    webhooks::end(&app, visit.caller.clone(), *id).await?;
    Ok(Did::Deleted.then(&visit, "/webhooks"))
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/webhooks/{id}", web::get().to(show))
        .route("/webhooks/{id}", web::post().to(change))
        .route("/webhooks/{id}/enabled", web::post().to(enable))
        .route("/webhooks/{id}/redeliver", web::post().to(redeliver))
        .route("/webhooks/{id}/secret", web::post().to(rotate))
        .route("/webhooks/{id}/delete", web::post().to(delete));
}
