//! What webhooks were told, and telling them again.

use actix_web::web::{Data, Json, Path};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};

use super::auth::Caller;
use super::body::Sent;
use super::openapi::{ReadRefusals, WriteRefusals};
use super::page::{self, Page};
use super::query::Parameters;
use super::webhook_view::DeliveryView;
use super::webhooks::find;
use crate::app::App;
use crate::clock;
use crate::error::{Error, Result};
use crate::store::Db;
use crate::store::deliveries::{self as rows, Again};
use crate::store::keys::Role;
use crate::webhooks::DeliveryState;

/// The most deliveries that can be named at once.
const MOST: usize = 500;

/// Which deliveries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listed {
    /// Only those that stand so.
    #[param(inline)]
    pub(crate) state: Option<DeliveryState>,
    /// How many rows; 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    pub(crate) limit: Option<i64>,
    /// The `next` of the page before.
    pub(crate) cursor: Option<String>,
}

/// A webhook's deliveries, newest first. Those delivered are kept for 7 days, those parked for 30.
#[utoipa::path(tag = "webhooks", params(("id" = i64, Path), Listed), responses((status = 200, body = Page<DeliveryView>), ReadRefusals))]
#[get("/webhooks/{id}/deliveries")]
pub async fn list(
    app: Data<App>,
    caller: Caller,
    id: Path<i64>,
    Parameters(listed): Parameters<Listed>,
) -> Result<Json<Page<DeliveryView>>> {
    Ok(Json(page_of(&app, caller, *id, listed).await?))
}

/// A page of a webhook's deliveries.
///
/// # Errors
/// What is wrong with `listed`, that there is no such webhook, or that the caller may not.
pub async fn page_of(app: &App, caller: Caller, id: i64, listed: Listed) -> Result<Page<DeliveryView>> {
    caller.at_least(Role::Manager)?;
    let Listed { state, limit, cursor } = listed;
    let (limit, before) = (page::limit(limit)?, page::position(cursor.as_deref())?);
    let work = move |db: &mut Db| {
        let webhook = find(db, &caller, id)?;
        Ok::<_, Error>(rows::page(db, &webhook, state, before, limit + 1)?)
    };
    Ok(Page::of(app.store.query(work).await?, limit, |row| row.id, DeliveryView::from))
}

/// Which deliveries shall be sent again: say one of the two.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Redelivery {
    /// These, whatever came of them.
    #[schema(min_items = 1, max_items = 500)]
    pub(crate) ids: Option<Vec<i64>>,
    /// All that were given up.
    pub(crate) all_parked: Option<bool>,
}

/// How many are sent again.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Redelivered {
    pub(crate) redelivered: usize,
}

/// Sends deliveries again, as they were told first. One that is on its way stays so.
#[utoipa::path(tag = "webhooks", params(("id" = i64, Path)), request_body = Redelivery, responses((status = 200, body = Redelivered), WriteRefusals))]
#[post("/webhooks/{id}/redeliver")]
pub async fn redeliver(
    app: Data<App>,
    caller: Caller,
    id: Path<i64>,
    Sent(asked): Sent<Redelivery>,
) -> Result<Json<Redelivered>> {
    Ok(Json(send_again(&app, caller, *id, asked).await?))
}

/// Sends deliveries again.
///
/// # Errors
/// What is wrong with `asked`, that there is no such webhook, or that the caller may not.
pub async fn send_again(app: &App, caller: Caller, id: i64, asked: Redelivery) -> Result<Redelivered> {
    caller.at_least(Role::Manager)?;
    let again = match (asked.ids, asked.all_parked) {
        (Some(ids), None | Some(false)) if (1..=MOST).contains(&ids.len()) => Again::These(ids),
        (None, Some(true)) => Again::Parked,
        (Some(_), None | Some(false)) => return Err(Error::field("ids", format!("must be 1 to {MOST}"))),
        _ => return Err(Error::field("ids", "name the deliveries, or say \"all_parked\": true")),
    };
    let work = move |db: &mut Db| {
        let webhook = find(db, &caller, id)?;
        if !webhook.enabled {
            return Err(Error::Conflict("the webhook is disabled: enable it first".into()));
        }
        Ok(rows::redeliver(db, &webhook, &again, clock::now())?)
    };
    let redelivered = app.store.query(work).await?;
    app.store.writer.told().send_replace(());
    Ok(Redelivered { redelivered })
}
