//! What one does to calls from their rows and pages: tick, note, block the caller, name the caller. Each is a form that
//! works without a script, which only spares loading the page again.

use actix_web::web::{self, Data, Form, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::call_row::{Row, Show};
use super::did::Did;
use super::filter::Filter;
use super::frame::{Frame, Visit, back, html};
use crate::api::calls::{CallChange, changed, lines};
use crate::api::calls_done::{mark_all, take_back};
use crate::api::contacts::ContactWords;
use crate::api::{block_rules, contacts};
use crate::app::App;
use crate::call::{Reason, State};
use crate::error::{Error, Result};
use crate::rulebook::BlockEntry;
use crate::rules::BlockAction;

#[derive(Template)]
#[template(path = "call_row.html")]
struct OneRow {
    row: Row,
}

/// What came of something: a line in the page that asked, or a page of its own.
#[derive(Template)]
#[template(path = "done.html")]
struct DonePage {
    frame: Frame,
    said: String,
    undo: Option<(i64, i64)>,
}

#[derive(Template)]
#[template(path = "done.html", block = "message")]
struct DoneLine {
    said: String,
    undo: Option<(i64, i64)>,
}

#[derive(Deserialize)]
struct Tick {
    done: bool,
}

async fn tick(
    app: Data<App>,
    visit: Visit,
    request: HttpRequest,
    id: Path<i64>,
    Form(Tick { done }): Form<Tick>,
) -> Result<HttpResponse> {
    let show = Show::to(&app, &visit);
    let change = CallChange { done: Some(done), note: None, seen: None };
    let call = changed(&app, visit.caller, id.into_inner(), change).await?;
    if visit.partial { html(&OneRow { row: show.row(call) }) } else { Ok(back(&request)) }
}

#[derive(Deserialize)]
struct Note {
    note: String,
    /// The note as the page showed it.
    seen: Option<String>,
}

async fn note(
    app: Data<App>,
    visit: Visit,
    id: Path<i64>,
    Form(Note { note, seen }): Form<Note>,
) -> Result<HttpResponse> {
    let note = Some(lines(&note)).filter(|note| !note.trim().is_empty());
    let change = CallChange { done: None, note: Some(note), seen };
    changed(&app, visit.caller.clone(), *id, change).await?;
    Ok(Did::Saved.then(&visit, &format!("/calls/{id}")))
}

#[derive(Deserialize)]
struct Which {
    filter: String,
    /// The last change that the page knows of.
    known: Option<i64>,
}

/// What has ended and is open, as far as the page knows it; calls under way may still be taken.
async fn tick_all(app: Data<App>, visit: Visit, Form(which): Form<Which>) -> Result<HttpResponse> {
    let mut filter = Filter::read(&which.filter, visit.frame.zone)?.calls;
    if filter.done == Some(true) {
        return said(visit, "These are done already.".into(), None);
    }
    if filter.state.is_some_and(|state| state != State::Ended) {
        return Err(Error::field("state", "calls under way cannot be ticked together"));
    }
    (filter.done, filter.state) = (Some(false), Some(State::Ended));
    let known = which.known.unwrap_or(i64::MAX);
    let marked = mark_all(&app, &visit.caller.0, &filter, true, known).await?;
    let undo = (marked.changed > 0).then_some((marked.first, marked.last));
    said(visit, format!("{} ticked.", calls(marked.changed)), undo)
}

#[derive(Deserialize)]
struct Ticked {
    first: i64,
    last: i64,
}

async fn undo(app: Data<App>, visit: Visit, Form(ticked): Form<Ticked>) -> Result<HttpResponse> {
    let changed = take_back(&app, &visit.caller.0, ticked.first, ticked.last).await?;
    said(visit, format!("{} open again.", calls(changed)), None)
}

fn calls(count: usize) -> String {
    if count == 1 { "1 call".into() } else { format!("{count} calls") }
}

fn said(visit: Visit, said: String, undo: Option<(i64, i64)>) -> Result<HttpResponse> {
    if visit.partial {
        html(&DoneLine { said, undo })
    } else {
        html(&DonePage { frame: visit.frame, said, undo })
    }
}

#[derive(Deserialize)]
struct Block {
    number: String,
    reason: Reason,
    note: String,
}

async fn block(
    app: Data<App>,
    visit: Visit,
    request: HttpRequest,
    Form(Block { number, reason, note }): Form<Block>,
) -> Result<HttpResponse> {
    let rule = BlockEntry {
        id: None,
        pattern: number,
        action: BlockAction::Block,
        reason,
        pbx_id: None,
        to: None,
        expires_at: None,
        note: Some(note).filter(|note| !note.trim().is_empty()),
        hits: None,
        last_hit_at: None,
    };
    block_rules::add(&app, visit.caller, rule).await?;
    Ok(back(&request))
}

#[derive(Deserialize)]
struct Name {
    number: String,
    name: String,
    company: String,
}

async fn name(
    app: Data<App>,
    visit: Visit,
    request: HttpRequest,
    Form(Name { number, name, company }): Form<Name>,
) -> Result<HttpResponse> {
    let company = Some(company).filter(|company| !company.trim().is_empty());
    let contact = ContactWords { name, company, numbers: vec![number], note: None };
    contacts::add(&app, &visit.caller, contact).await?;
    Ok(back(&request))
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/calls/done", web::post().to(tick_all))
        .route("/calls/undone", web::post().to(undo))
        .route("/calls/block", web::post().to(block))
        .route("/calls/name", web::post().to(name))
        .route("/calls/{id}/done", web::post().to(tick))
        .route("/calls/{id}/note", web::post().to(note));
}
