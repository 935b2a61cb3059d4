//! The pages of webhooks: the list, and what a new one would send.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Query};
use askama::Template;
use serde::Deserialize;

use super::call_row::Show;
use super::fields::Fields;
use super::frame::{Frame, Visit, html};
use super::once::{self, Once};
use crate::api::webhooks::{self, Listed, Preview};
use crate::api::{CreatedWebhook, WebhookView};
use crate::app::App;
use crate::call::Direction;
use crate::error::{Error, Result};
use crate::webhooks::payload::Message;
use crate::webhooks::{Definition, EventKind, Filters, Method, Payload};

#[derive(Template)]
#[template(path = "webhooks.html")]
struct List {
    frame: Frame,
    pbxes: BTreeMap<i64, String>,
    webhooks: Vec<WebhookView>,
    more: Option<String>,
    new: Definition,
}

#[derive(Deserialize)]
struct Asked {
    cursor: Option<String>,
}

async fn list(app: Data<App>, visit: Visit, asked: Query<Asked>) -> Result<HttpResponse> {
    let listed = Listed { cursor: asked.into_inner().cursor, ..Listed::default() };
    let page = webhooks::page_of(&app, &visit.caller, listed).await?;
    let pbxes = Show::to(&app, &visit).pbxes;
    html(&List { frame: visit.frame, pbxes, webhooks: page.data, more: page.next, new: blank() })
}

/// A webhook of which nothing is said yet: all events, as JSON.
fn blank() -> Definition {
    Definition {
        url: String::new(),
        method: None,
        events: Some(EventKind::ALL.to_vec()),
        extension: None,
        pbx_id: None,
        payload: None,
        filters: None,
        enabled: None,
        notes: None,
    }
}

/// What a form says of a webhook.
///
/// # Errors
/// 422 naming the field.
pub(super) fn said_of(fields: &Fields) -> Result<Definition> {
    let direction: Option<Direction> = fields.read("direction")?;
    let events = fields.all("events").map(str::parse).collect::<std::result::Result<Vec<EventKind>, _>>();
    Ok(Definition {
        url: fields.text("url"),
        method: fields.read("method")?,
        events: Some(events.map_err(|why| Error::field("events", why))?),
        extension: fields.filled("extension"),
        pbx_id: fields.read("pbx_id")?,
        payload: fields.read("payload")?,
        filters: Some(Filters {
            direction,
            queues: fields.list("queues"),
            no_internal: fields.ticked("no_internal"),
            unanswered_only: fields.ticked("unanswered_only"),
        }),
        enabled: None,
        notes: fields.filled("notes"),
    })
}

async fn add(app: Data<App>, visit: Visit, fields: Fields) -> Result<HttpResponse> {
    let made = webhooks::add(&app, visit.caller.clone(), said_of(&fields)?).await?;
    show_secret(visit, made)
}

/// A new secret, this once.
pub(super) fn show_secret(visit: Visit, made: CreatedWebhook) -> Result<HttpResponse> {
    once::show(
        visit,
        Once {
            title: made.webhook.url,
            what: "The webhook’s secret",
            secret: made.secret,
            steps: Some(
                "Give it to the receiver, which checks with it that a message is ours. Messages are signed by the\n\
                 Standard Webhooks specification (the header webhook-signature), for which there are libraries in\n\
                 most languages."
                    .into(),
            ),
            next: format!("/webhooks/{}", made.webhook.id),
            next_name: "To its deliveries",
        },
    )
}

#[derive(Template)]
#[template(path = "webhook_preview.html")]
struct PreviewPage {
    frame: Frame,
    message: Message,
}

#[derive(Template)]
#[template(path = "webhook_preview.html", block = "message")]
struct PreviewPart {
    message: Message,
}

/// What it would send; nothing is sent or kept.
async fn preview(app: Data<App>, visit: Visit, fields: Fields) -> Result<HttpResponse> {
    let asked = Preview { webhook: said_of(&fields)?, event: None };
    let message = webhooks::message(&app, visit.caller.clone(), asked).await?;
    if visit.partial {
        html(&PreviewPart { message })
    } else {
        html(&PreviewPage { frame: visit.frame, message })
    }
}

/// Of a form: is that event among those that are told?
pub(super) fn tells(definition: &Definition, kind: &EventKind) -> bool {
    definition.events.as_ref().is_none_or(|events| events.contains(kind))
}

/// What a form shows of the filters.
pub(super) fn filters(definition: &Definition) -> Filters {
    definition.filters.clone().unwrap_or_default()
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/webhooks", web::get().to(list))
        .route("/webhooks", web::post().to(add))
        .route("/webhooks/preview", web::post().to(preview));
}
