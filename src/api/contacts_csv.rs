//! Contacts for spreadsheets and for other servers: streamed, in the columns that the import reads.

use actix_web::http::header;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, get};
use futures_util::stream;
use serde::Deserialize;

use super::auth::Caller;
use super::calls_csv::{defused, written};
use super::contacts::{ContactView, Which, searched};
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
    // the first rows before the answer begins, so that its status can still say that there is no database
    let first = portion(&app, search.clone(), None).await?;
    let rows = stream::unfold((app, search, Some(Ok(first))), |(app, search, ready)| async move {
        let (text, next) = match ready? {
            Ok(portion) => portion,
            Err(e) => return Some((Err(e), (app, search, None))),
        };
        let following = match next {
            Some(after) => Some(portion(&app, search.clone(), Some(after)).await),
            None => None,
        };
        Some((Ok::<_, Error>(text), (app, search, following)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"contacts.csv\""))
        .streaming(rows))
}

/// Some rows, and behind which the next ones stand.
async fn portion(app: &App, search: Option<Search>, after: Option<Place>) -> Result<(Bytes, Option<Place>)> {
    let read = move |db: &mut Db| {
        let found = rows::page(db, search.as_ref(), after.as_ref(), page::MOST)?;
        let full = found.len() as i64 == page::MOST;
        let next = found.last().filter(|_| full).map(|row| (row.sort_key.clone(), row.id));
        let ids: Vec<i64> = found.iter().map(|row| row.id).collect();
        let mut numbers = rows::numbers(db, &ids)?;
        let cells = found.into_iter().map(|row| {
            let numbers = numbers.remove(&row.id).unwrap_or_default();
            cells(ContactView::of(row, numbers)).map(defused)
        });
        let header = after.is_none().then_some(HEADER.map(str::to_owned));
        let text = written(header.into_iter().chain(cells)).map_err(|e| Error::Internal(Box::new(e)))?;
        Ok::<_, Error>((text, next))
    };
    app.store.long_query(read).await
}

fn cells(contact: ContactView) -> [String; 4] {
    let numbers: Vec<String> = contact.numbers.into_iter().map(|one| one.number).collect();
    [contact.name, contact.company.unwrap_or_default(), numbers.join("; "), contact.note.unwrap_or_default()]
}
