//! Contacts for spreadsheets and for other servers: streamed, in the columns that the import reads.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Deserialize;

use super::auth::Caller;
use super::contacts::{ContactView, Which, searched};
use super::csv_answer::{self, Portion};
use super::openapi::ReadRefusals;
use super::page;
use super::query::Parameters;
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::Db;
use crate::store::contacts::{self as rows, Search};

const HEADER: [&str; 4] = ["name", "company", "number", "note"];

/// Which contacts.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Stands in name or company, or is how a number begins.
    #[param(max_length = 100)]
    q: Option<String>,
}

/// Where a contact stands in the list.
type Place = (String, i64);

/// All contacts by name, as CSV with a header row: what `POST /contacts/import` takes in. Several numbers stand in one
/// cell, between semicolons. A cell that a spreadsheet would take for a formula begins with an apostrophe.
#[utoipa::path(tag = "contacts", params(Wanted), responses((status = 200, body = String, content_type = "text/csv"), ReadRefusals))]
#[get("/contacts.csv")]
pub async fn download(
    app: Data<App>,
    _: Caller,
    Parameters(Wanted { q }): Parameters<Wanted>,
) -> Result<HttpResponse> {
    let search = searched(&app, &Which { q, limit: None, cursor: None })?;
    let first = portion(&app, search.clone(), None).await?;
    let more = move |after| {
        let (app, search) = (app.clone(), search.clone());
        async move { portion(&app, search, Some(after)).await }
    };
    Ok(csv_answer::named("contacts.csv").streaming(csv_answer::rows(first, more)))
}

/// The header row, or what comes behind `after`.
async fn portion(app: &App, search: Option<Search>, after: Option<Place>) -> Result<Portion<Place>> {
    let read = move |db: &mut Db| {
        let found = rows::page(db, search.as_ref(), after.as_ref(), page::MOST)?;
        let full = found.len() as i64 == page::MOST;
        let next = found.last().filter(|_| full).map(|row| (row.sort_key.clone(), row.id));
        let ids: Vec<i64> = found.iter().map(|row| row.id).collect();
        let mut numbers = rows::numbers(db, &ids)?;
        let cells = found.into_iter().map(|row| {
            let numbers = numbers.remove(&row.id).unwrap_or_default();
            cells(ContactView::of(row, numbers))
        });
        Ok::<_, Error>((csv_answer::written(after.is_none().then_some(HEADER), cells)?, next))
    };
    app.store.long_query(read).await
}

fn cells(contact: ContactView) -> [String; 4] {
    let numbers: Vec<String> = contact.numbers.into_iter().map(|one| one.number).collect();
    [contact.name, contact.company.unwrap_or_default(), numbers.join("; "), contact.note.unwrap_or_default()]
}
