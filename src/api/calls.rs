//! The caller log.

use actix_web::web::{Data, Json, Path};
use actix_web::{get, patch};
use serde::{Deserialize, Serialize};

use super::auth::Caller;
use super::body::{Sent, given};
use super::call_filter::CallFilter;
use super::call_view::{CallView, views};
use super::journal_view::JournalView;
use super::openapi::{ReadRefusals, WriteRefusals};
use super::page;
use super::query::{Asked, Own};
use crate::app::App;
use crate::call::{Call, Moment, State};
use crate::clock;
use crate::error::{Error, Result};
use crate::store::amend::Amendment;
use crate::store::call_list::{self, Found, Order, Position, Wanted};
use crate::store::stories::{self, Linked};
use crate::store::{Db, calls as rows, journal};
use crate::text;

/// Which page of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Which calls come first; newest where nothing is said.
    #[param(inline)]
    order: Option<Order>,
    /// How many calls.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

impl Own for Paging {
    const NAMES: &'static [&'static str] = &["order", "limit", "cursor"];
}

/// One page of the caller log.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CallPage {
    /// The calls.
    pub data: Vec<CallView>,
    /// Send it back as `cursor` for the next page; null on the last. A page may be short, even empty, and have a next
    /// one: that many calls were looked at that are not meant.
    pub next: Option<String>,
    /// Calls that began earlier were not searched for the text of `q`; null where all were. To search on, send it as
    /// `until`.
    pub searched_back_to: Option<chrono::DateTime<chrono::Utc>>,
}

/// Reads one page and shows it.
///
/// # Errors
/// What the database says.
pub fn read_page(
    db: &mut Db,
    wanted: &Wanted,
    order: Order,
    after: Option<Position>,
    limit: i64,
) -> diesel::QueryResult<CallPage> {
    let Found { calls, next, searched_back_to } = call_list::page(db, wanted, order, after, limit)?;
    Ok(CallPage {
        data: views(db, calls)?,
        next: next.as_ref().map(page::cursor),
        searched_back_to: searched_back_to.as_ref().map(Moment::and_utc),
    })
}

/// The caller log, newest first: its calls as they are meant by all conditions at once.
#[utoipa::path(tag = "calls", params(CallFilter, Paging), responses((status = 200, body = CallPage), ReadRefusals))]
#[get("/calls")]
pub async fn list(app: Data<App>, caller: Caller, asked: Asked<Paging>) -> Result<Json<CallPage>> {
    let wanted = asked.filter.wanted(&app.config.numbering, Some(&caller.0))?;
    let Paging { order, limit, cursor } = asked.own;
    let (order, limit) = (order.unwrap_or(Order::Newest), page::limit(limit)?);
    let after = page_position(cursor.as_deref())?;
    let page = move |db: &mut Db| read_page(db, &wanted, order, after, limit);
    Ok(Json(app.store.query(page).await?))
}

/// Where the page begins. No cursor of ours lies outside the years that both databases hold.
///
/// # Errors
/// 422 where it is none of ours.
pub fn page_position(cursor: Option<&str>) -> Result<Option<Position>> {
    let position = page::position::<Position>(cursor)?;
    let ours = |at: &Position| super::call_filter::kept(at.0.and_utc()) == at.0;
    match position.filter(|at| !ours(at)) {
        None => Ok(position),
        Some(_) => Err(Error::field("cursor", "send the `next` of the page before")),
    }
}

/// One call with all that was said of it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CallWithJournal {
    /// The call.
    #[serde(flatten)]
    pub call: CallView,
    /// Other calls of the same story (transfers), oldest first.
    pub linked: Vec<LinkedView>,
    /// What was sent and done, oldest first; at most 500 entries.
    pub journal: Vec<JournalView>,
}

/// Another call of the same story.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = LinkedCall)]
pub struct LinkedView {
    /// Its number here.
    pub id: i64,
    /// Its id at the PBX.
    pub call_id: String,
    /// How it stands.
    pub state: State,
}

impl From<Linked> for LinkedView {
    fn from(other: Linked) -> Self {
        Self { id: other.id, call_id: other.call_id, state: other.state }
    }
}

/// One call, with its journal.
#[utoipa::path(tag = "calls", params(("id" = i64, Path)), responses((status = 200, body = CallWithJournal), ReadRefusals))]
#[get("/calls/{id}")]
pub async fn show(app: Data<App>, caller: Caller, id: Path<i64>) -> Result<Json<CallWithJournal>> {
    let id = id.into_inner();
    Ok(Json(app.store.query(move |db| with_journal(db, &caller, id)).await?))
}

/// One call with its journal.
///
/// # Errors
/// That there is no such call, or none that the caller may see.
pub fn with_journal(db: &mut Db, caller: &Caller, id: i64) -> Result<CallWithJournal> {
    let call = visible(db, caller, id)?;
    let journal = journal::of_call(db, id)?;
    let linked = stories::linked(db, &call)?;
    Ok(CallWithJournal {
        linked: linked.into_iter().map(LinkedView::from).collect(),
        call: shown(db, call)?,
        journal: journal.into_iter().map(JournalView::from).collect(),
    })
}

/// What a person changes. What is left out stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallChange {
    /// Tick or untick; no event undoes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool)]
    pub done: Option<bool>,
    /// At most 2000 characters; null clears it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub note: Option<Option<String>>,
    /// The note that the writer saw, as a page says it: another one is not written over.
    #[serde(skip)]
    pub seen: Option<String>,
}

/// Ticks or unticks a call, and writes or clears its note.
#[utoipa::path(tag = "calls", params(("id" = i64, Path)), request_body = CallChange, responses((status = 200, body = CallView), WriteRefusals))]
#[patch("/calls/{id}")]
pub async fn change(
    app: Data<App>,
    caller: Caller,
    id: Path<i64>,
    change: Sent<CallChange>,
) -> Result<Json<CallView>> {
    Ok(Json(changed(&app, caller, id.into_inner(), change.0).await?))
}

/// Does it; the call as it is then.
///
/// # Errors
/// What is wrong with it, or that there is no such call.
pub async fn changed(app: &App, caller: Caller, id: i64, wanted: CallChange) -> Result<CallView> {
    let CallChange { done, note, seen } = wanted;
    let checked = text::optional(note.iter().flatten().next().map(String::as_str), 0, 2000);
    checked.map_err(|why| Error::field("note", why))?;
    let who = caller.0.name.clone();
    app.store.query(move |db| visible(db, &caller, id).map(drop)).await?;
    let note = note.map(|note| note.filter(|note| !note.trim().is_empty()));
    let at = clock::now();
    let (by, meant, saw) = (who.clone(), note.clone(), seen.is_some());
    let amendment = Amendment {
        ids: vec![id],
        kind: done.map_or("note", tick_kind),
        why: Some(who),
        at,
        change: Box::new(move |call| {
            let ticked = done.is_some_and(|done| tick(call, done, &by, at));
            let fresh =
                seen.as_deref().is_none_or(|seen| lines(call.note.as_deref().unwrap_or("")) == lines(seen));
            let noted = note
                .clone()
                .filter(|_| fresh)
                .filter(|note| *note != call.note)
                .map(|note| call.note = note)
                .is_some();
            ticked || noted
        }),
    };
    app.store.writer.amend(amendment).await?;
    let read = move |db: &mut Db| {
        let call = rows::by_id(db, id)?;
        shown(db, call)
    };
    let call = app.store.query(read).await?;
    match meant.filter(|note| saw && *note != call.note) {
        None => Ok(call),
        Some(_) => Err(Error::Conflict(format!(
            "somebody else kept another note meanwhile: “{}”; load the page again before you change it",
            call.note.unwrap_or_default()
        ))),
    }
}

/// With line breaks of one kind: forms send them as CR LF.
pub fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Ticks unless somebody did so already. Whether it is new. What only followed from the facts is a person's word from
/// then on, which no event undoes.
pub fn tick(call: &mut Call, done: bool, by: &str, at: Moment) -> bool {
    let new = call.done != done || call.done_by.is_none();
    if new {
        call.tick(done, by, at);
    }
    new
}

/// The journal's word for a tick.
pub const fn tick_kind(done: bool) -> &'static str {
    if done { "done" } else { "undone" }
}

fn visible(db: &mut Db, caller: &Caller, id: i64) -> Result<Call> {
    let call = rows::by_id(db, id).map_err(|e| match e {
        diesel::result::Error::NotFound => Error::NotFound("call"),
        other => other.into(),
    })?;
    caller.sees(call.pbx_id, "call")?;
    Ok(call)
}

fn shown(db: &mut Db, call: Call) -> diesel::QueryResult<CallView> {
    views(db, vec![call])?.pop().ok_or(diesel::result::Error::NotFound)
}
