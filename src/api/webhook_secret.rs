//! A new secret for a webhook whose old one is known to somebody.

use actix_web::post;
use actix_web::web::{Data, Json, Path};

use super::auth::Caller;
use super::openapi::WriteRefusals;
use super::webhook_view::CreatedWebhook;
use super::webhooks::find;
use crate::app::App;
use crate::clock;
use crate::error::Result;
use crate::store::keys::Role;
use crate::store::webhooks as rows;
use crate::webhooks::new_secret;

/// Gives a webhook a new secret. It is in this answer and nowhere else; what is sent from now on is signed with it, also
/// what is sent again. So let the receiver take both until it has the new one.
#[utoipa::path(tag = "webhooks", responses((status = 200, body = CreatedWebhook), WriteRefusals))]
#[post("/webhooks/{id}/rotate")]
pub async fn rotate(app: Data<App>, caller: Caller, id: Path<i64>) -> Result<Json<CreatedWebhook>> {
    Ok(Json(rotated(&app, caller, *id).await?))
}

/// Gives a webhook a new secret, which is told this once.
///
/// # Errors
/// That there is no such webhook, or that the caller may not.
pub async fn rotated(app: &Data<App>, caller: Caller, id: i64) -> Result<CreatedWebhook> {
    caller.at_least(Role::Manager)?;
    let row = App::change(app, move |db| {
        find(db, &caller, id)?;
        Ok(rows::rotate(db, id, &new_secret(), clock::now())?)
    })
    .await?;
    let secret = row.secret.clone();
    Ok(CreatedWebhook { webhook: row.into(), secret })
}
