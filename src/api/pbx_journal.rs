//! What came to a PBX's URL: the first thing to look at when nothing shows up.

use actix_web::get;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;

use super::auth::Caller;
use super::journal_view::JournalView;
use super::openapi::ReadRefusals;
use super::page::{self, Page};
use super::pbxes;
use super::query::Parameters;
use crate::app::App;
use crate::error::Result;
use crate::store::Db;
use crate::store::journal::{self as rows, Verdict};

/// Which entries.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// What came of the request.
    pub(crate) result: Option<Verdict>,
    /// How many rows; 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    pub(crate) limit: Option<i64>,
    /// The `next` of the page before.
    pub(crate) cursor: Option<String>,
}

/// The requests to a PBX's URL and what came of them, newest first. With `result`, a page looks at 10,000 requests at
/// most: it may hold fewer rows than asked for, even none, while `next` leads on.
#[utoipa::path(tag = "pbxes", params(Which), responses((status = 200, body = Page<JournalView>), ReadRefusals))]
#[get("/pbxes/{id}/journal")]
pub async fn journal(
    app: Data<App>,
    caller: Caller,
    id: Path<i64>,
    Parameters(which): Parameters<Which>,
) -> Result<Json<Page<JournalView>>> {
    Ok(Json(page(&app, &caller, *id, which).await?))
}

/// A page of the journal.
///
/// # Errors
/// What is wrong with `which`, or that the caller may not.
pub async fn page(app: &App, caller: &Caller, id: i64, which: Which) -> Result<Page<JournalView>> {
    pbxes::admits(caller, id)?;
    let limit = page::limit(which.limit)?;
    let before = page::position(which.cursor.as_deref())?;
    let result = which.result;
    let find = move |db: &mut Db| {
        pbxes::find(db, id)?;
        // how far it looks: without a filter each request is a row, so the limit is near enough
        let end = match result {
            Some(_) => rows::so_far_back(db, id, before, FAR)?,
            None => None,
        };
        Ok::<_, crate::error::Error>((rows::of_pbx(db, id, result, before, end, limit + 1)?, end))
    };
    let (entries, end) = app.store.query(find).await?;
    let mut page = Page::of(entries, limit, |entry| entry.change, JournalView::from);
    page.next = page.next.or_else(|| end.map(|end| page::cursor(&end)));
    Ok(page)
}

/// What came behind the change `after`, newest first; of very much the newest.
///
/// # Errors
/// That there is no such PBX, or that the caller may not.
pub async fn behind(
    app: &App,
    caller: &Caller,
    id: i64,
    result: Option<Verdict>,
    after: i64,
) -> Result<Vec<JournalView>> {
    pbxes::admits(caller, id)?;
    let find =
        move |db: &mut Db| rows::of_pbx(db, id, result, None, Some(after.saturating_add(1)), page::DEFAULT);
    Ok(app.store.query(find).await?.into_iter().map(JournalView::from).collect())
}

/// The most requests that one page looks at.
const FAR: i64 = 10_000;
