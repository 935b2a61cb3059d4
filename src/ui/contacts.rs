//! The pages of contacts: the list, which can be searched, one of them, and a file of them.

use actix_web::web::{self, Data, Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::did::Did;
use super::fields::{self, Fields};
use super::frame::{Frame, Visit, html};
use super::said::said;
use crate::api::contact_import;
use crate::api::contacts::{self, ContactChange, ContactView, ContactWords, Which};
use crate::app::App;
use crate::error::Result;
use crate::import;
use crate::store::keys::Role;

/// The most skipped lines of a file that a page tells.
const TOLD: usize = 50;

#[derive(Template)]
#[template(path = "contacts.html")]
struct List {
    frame: Frame,
    q: String,
    contacts: Vec<ContactView>,
    more: Option<String>,
}

/// The list alone, as one types.
#[derive(Template)]
#[template(path = "contacts.html", block = "list")]
struct Found {
    contacts: Vec<ContactView>,
    more: Option<String>,
}

/// The rows that come next.
#[derive(Template)]
#[template(path = "contacts.html", block = "rows")]
struct Rows {
    contacts: Vec<ContactView>,
    more: Option<String>,
}

#[derive(Template)]
#[template(path = "contact.html")]
struct One {
    frame: Frame,
    contact: ContactView,
}

impl One {
    fn numbers(&self) -> String {
        self.contact.numbers.iter().map(|one| one.number.as_str()).collect::<Vec<_>>().join("\n")
    }
}

#[derive(Deserialize)]
struct Asked {
    q: Option<String>,
    cursor: Option<String>,
}

async fn list(app: Data<App>, visit: Visit, asked: Query<Asked>) -> Result<HttpResponse> {
    let Asked { q, cursor } = asked.into_inner();
    let goes_on = cursor.is_some();
    let page = contacts::page(&app, &Which { q: q.clone(), limit: None, cursor }).await?;
    let q = q.unwrap_or_default();
    let address =
        |cursor| format!("/contacts?q={}&cursor={cursor}", utf8_percent_encode(&q, NON_ALPHANUMERIC));
    let (contacts, more) = (page.data, page.next.map(address));
    match (visit.partial, goes_on) {
        (true, true) => html(&Rows { contacts, more }),
        (true, false) => html(&Found { contacts, more }),
        _ => html(&List { frame: visit.frame, q, contacts, more }),
    }
}

async fn show(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    html(&One { contact: contacts::one(&app, *id).await?, frame: visit.frame })
}

async fn add(app: Data<App>, visit: Visit, fields: Fields) -> Result<HttpResponse> {
    let new = ContactWords {
        name: fields.text("name"),
        company: fields.filled("company"),
        numbers: fields.list("numbers"),
        note: fields.filled("note"),
    };
    let contact = contacts::add(&app, &visit.caller, new).await?;
    Ok(Did::Saved.then(&visit, &format!("/contacts/{}", contact.id)))
}

async fn change(app: Data<App>, visit: Visit, id: Path<i64>, fields: Fields) -> Result<HttpResponse> {
    let to = ContactChange {
        name: Some(fields.text("name")),
        company: Some(fields.filled("company")),
        numbers: Some(fields.list("numbers")),
        note: Some(fields.filled("note")),
    };
    contacts::changed(&app, &visit.caller, *id, to).await?;
    Ok(Did::Saved.then(&visit, "/contacts"))
}

async fn delete(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    contacts::end(&app, &visit.caller, *id).await?;
    Ok(Did::Deleted.then(&visit, "/contacts"))
}

async fn take_in(app: Data<App>, visit: Visit, request: HttpRequest, body: Payload) -> Result<HttpResponse> {
    visit.caller.at_least(Role::Manager)?;
    let (file, _) = fields::file(&request, body, import::LARGEST).await?;
    // browsers name the type by the file's ending, and differently: what it looks like says more
    let done = contact_import::take_in(&app, &visit.caller, file, None).await?;
    let counts = format!(
        "{} contacts are new, {} know more now, {} were there already; {} lines or numbers were left out.",
        done.created, done.updated, done.unchanged, done.skipped_count
    );
    let skipped =
        done.skipped.iter().take(TOLD).map(|skipped| format!("Line {}: {}", skipped.line, skipped.why));
    said(visit, "The contacts are taken in", std::iter::once(counts).chain(skipped).collect(), "/contacts")
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/contacts", web::get().to(list))
        .route("/contacts", web::post().to(add))
        .route("/contacts/import", web::post().to(take_in))
        .route("/contacts/{id}", web::get().to(show))
        .route("/contacts/{id}", web::post().to(change))
        .route("/contacts/{id}/delete", web::post().to(delete));
}
