//! Contacts from a file of another program.

use actix_web::http::header;
use actix_web::web::{self, Data, Json, Payload};
use actix_web::{HttpRequest, post};

use super::auth::Caller;
use super::openapi::WriteRefusals;
use crate::app::App;
use crate::clock;
use crate::error::{Error, Result};
use crate::import::{self, Imported};
use crate::store::Db;
use crate::store::keys::Role;

/// Takes in a file of contacts, all or nothing: CSV whose first row names the columns (`name`, `company`, `number`,
/// `note`; also as Outlook, Google and Thunderbird export it, English or German), or vCards. Who is there already,
/// by the same name and a number in common, is brought up to date: numbers are added, company and note replaced.
#[utoipa::path(
    tag = "contacts",
    request_body(content((String = "text/csv"), (String = "text/vcard")), description = "At most 8 MiB"),
    responses((status = 200, body = Imported), WriteRefusals)
)]
#[post("/contacts/import")]
pub async fn import_file(
    app: Data<App>,
    caller: Caller,
    http: HttpRequest,
    body: Payload,
) -> Result<Json<Imported>> {
    caller.at_least(Role::Manager)?;
    let too_large = |_| Error::TooLarge(import::LARGEST);
    let file = body.to_bytes_limited(import::LARGEST).await.map_err(too_large)?;
    let file = file.map_err(|e| Error::Malformed(format!("the body cannot be read: {e}")))?;
    let content_type = http.headers().get(header::CONTENT_TYPE).and_then(|text| text.to_str().ok());
    let content_type = content_type.map(str::to_owned);
    if content_type.as_ref().is_some_and(|media| media.trim_start().starts_with("multipart/")) {
        return Err(Error::field("body", "send the file itself (curl's --data-binary @FILE), not a form"));
    }
    Ok(Json(take_in(&app, &caller, file.to_vec(), content_type).await?))
}

/// Takes in a file of contacts.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn take_in(
    app: &Data<App>,
    caller: &Caller,
    file: Vec<u8>,
    content_type: Option<String>,
) -> Result<Imported> {
    caller.at_least(Role::Manager)?;
    let this = app.clone();
    // no connection is held while the file is read
    let read = move || import::read(&file, content_type.as_deref(), &this.config.numbering);
    let contacts = web::block(read).await.map_err(|_| Error::Unavailable("the server is stopping"))?;
    let contacts = contacts.map_err(|why| Error::field("body", why))?;
    app.store.query(move |db: &mut Db| import::into(db, contacts, clock::now(), |_| {})).await
}
